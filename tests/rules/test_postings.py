"""The movements of each event, against the table of reliability.md; and the commission that refunds give back."""

import itertools
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurapark.ledger import rules
from aurapark.ledger.rules import Posting, commission_back
from aurapark.money import Money

P, OVER, F, R, B = Money(8000), Money(500), Money(800), Money(4000), Money(400)
CLEARING, PAYABLE, CASH, CARRIED = "gateway_clearing:flutterwave", "agency_payable:7", "agency_cash:7", "carried:7"
OWED, COMMISSION, FEES, BANK, DISPUTES = (
    "refunds_payable",
    "platform_commission",
    "gateway_fees",
    "bank",
    "dispute_hold",
)

amounts = st.integers(1, 2_000_000_000)
money = amounts.map(Money)
maybe = st.integers(0, 2_000_000_000).map(Money)


@pytest.mark.parametrize(
    ("postings", "expected"),
    [
        (
            rules.postings_for_applied_payment("flutterwave", 7, paid=P + OVER, total=P, commission=F),
            [(CLEARING, PAYABLE, 8000), (PAYABLE, COMMISSION, 800), (CLEARING, OWED, 500)],
        ),
        (
            rules.postings_for_applied_payment("stripe", 7, paid=P, total=P, commission=Money(0)),
            [("gateway_clearing:stripe", PAYABLE, 8000)],
        ),
        (rules.postings_for_kept_payment("flutterwave", paid=P), [(CLEARING, OWED, 8000)]),
        (
            rules.postings_for_cash_payment(7, total=P, commission=F),
            [(CASH, PAYABLE, 8000), (PAYABLE, COMMISSION, 800), (PAYABLE, CASH, 8000)],
        ),
        (
            rules.postings_for_review_applied(7, total=P, commission=F),
            [(OWED, PAYABLE, 8000), (PAYABLE, COMMISSION, 800)],
        ),
        (
            rules.postings_for_refund_due(7, refund=R, commission_back=B),
            [(PAYABLE, OWED, 4000), (COMMISSION, PAYABLE, 400)],
        ),
        (
            rules.postings_for_refund_withdrawn(7, refund=R, commission_back=B),
            [(OWED, PAYABLE, 4000), (PAYABLE, COMMISSION, 400)],
        ),
        (rules.postings_for_refund("flutterwave", refund=R), [(OWED, CLEARING, 4000)]),
        (rules.postings_for_bank_refund(refund=R), [(OWED, BANK, 4000)]),
        (rules.postings_for_cash_refund(7, refund=R), [(OWED, CASH, 4000), (CASH, PAYABLE, 4000)]),
        (
            rules.postings_for_gateway_settlement("flutterwave", net=P, fee=Money(120)),
            [(BANK, CLEARING, 8000), (FEES, CLEARING, 120)],
        ),
        (rules.postings_for_dispute_opened("flutterwave", disputed=P), [(DISPUTES, CLEARING, 8000)]),
        (rules.postings_for_dispute_won("flutterwave", disputed=P), [(CLEARING, DISPUTES, 8000)]),
        (rules.postings_for_dispute_lost(7, disputed=P), [(PAYABLE, DISPUTES, 8000)]),
        (
            rules.postings_for_dispute_lost(7, disputed=P, ours=R),
            [(PAYABLE, DISPUTES, 4000), (FEES, DISPUTES, 4000)],
        ),
        (rules.postings_for_dispute_lost(7, disputed=P, ours=P), [(FEES, DISPUTES, 8000)]),
        (rules.postings_for_refund_by_dispute(refund=R), [(OWED, DISPUTES, 4000)]),
        (rules.postings_for_payout(7, net=P, paid_from=BANK), [(PAYABLE, BANK, 8000)]),
        (rules.postings_for_payout(7, net=P, paid_from=CLEARING), [(PAYABLE, CLEARING, 8000)]),
        (
            rules.postings_for_payout(7, net=P, paid_from=CLEARING, fee=Money(100)),
            [(PAYABLE, CLEARING, 8000), (rules.FEES, CLEARING, 100)],
        ),
        (rules.postings_for_carry_out(7, owed=R), [(CARRIED, PAYABLE, 4000)]),
        (rules.postings_for_carry_in(7, owed=R), [(PAYABLE, CARRIED, 4000)]),
    ],
)
def test_each_event_moves_what_the_table_says(postings: list[Posting], expected: list[tuple[str, str, int]]) -> None:
    assert [(one.debit, one.credit, one.amount.amount) for one in postings] == expected


@given(money, maybe, maybe)
def test_a_sale_gives_the_agency_its_net_and_the_payer_what_is_over(total: Money, over: Money, part: Money) -> None:
    commission = Money(min(part.amount, total.amount))
    sums = balances(
        rules.postings_for_applied_payment("stripe", 7, paid=total + over, total=total, commission=commission)
    )
    assert sums == nonzero(
        {
            "gateway_clearing:stripe": (total + over).amount,
            PAYABLE: commission.amount - total.amount,
            COMMISSION: -commission.amount,
            OWED: -over.amount,
        }
    )


@given(money, maybe)
def test_a_cash_sale_leaves_the_memo_account_empty_and_the_commission_owed(total: Money, part: Money) -> None:
    commission = Money(min(part.amount, total.amount))
    sums = balances(rules.postings_for_cash_payment(7, total=total, commission=commission))
    assert sums == nonzero({PAYABLE: commission.amount, COMMISSION: -commission.amount})


@given(money, maybe)
def test_what_is_withdrawn_or_given_in_cash_leaves_nothing_behind(refund: Money, part: Money) -> None:
    back = Money(min(part.amount, refund.amount))
    due = rules.postings_for_refund_due(7, refund=refund, commission_back=back)
    assert balances(due + rules.postings_for_refund_withdrawn(7, refund=refund, commission_back=back)) == {}
    assert balances(due + rules.postings_for_cash_refund(7, refund=refund)) == nonzero(
        {PAYABLE: -back.amount, COMMISSION: back.amount}
    )


@given(money, maybe)
def test_a_dispute_ends_with_an_empty_hold(disputed: Money, part: Money) -> None:
    opened = rules.postings_for_dispute_opened("stripe", disputed=disputed)
    assert balances(opened + rules.postings_for_dispute_won("stripe", disputed=disputed)) == {}
    lost = balances(opened + rules.postings_for_dispute_lost(7, disputed=disputed))
    assert lost == {"gateway_clearing:stripe": -disputed.amount, PAYABLE: disputed.amount}


@given(money)
def test_what_one_period_carries_out_the_next_carries_in(owed: Money) -> None:
    assert balances(rules.postings_for_carry_out(7, owed=owed) + rules.postings_for_carry_in(7, owed=owed)) == {}


@given(st.sampled_from(sorted(name for name in vars(rules) if name.startswith("postings_for_"))), st.data())
def test_every_posting_balances_and_is_positive(name: str, data: st.DataObject) -> None:
    postings = data.draw(st.builds(call_of(getattr(rules, name)), amounts, amounts))
    assert postings
    assert all(one.amount.amount > 0 and one.debit != one.credit for one in postings)
    assert sum(balances(postings).values()) == 0


@pytest.mark.parametrize(("debit", "credit", "amount"), [(BANK, BANK, 1), (BANK, FEES, 0), (BANK, FEES, -1)])
def test_a_posting_that_moves_nothing_cannot_be_made(debit: str, credit: str, amount: int) -> None:
    with pytest.raises(ValueError, match="no movement"):
        Posting(debit, credit, Money(amount))


@st.composite
def refunded_sales(draw: st.DrawFn) -> tuple[Money, Money, list[int]]:
    total = draw(amounts)
    commission = draw(st.integers(0, total))
    cuts = draw(st.lists(st.integers(0, total), max_size=6))
    edges = sorted({0, *cuts})
    return Money(total), Money(commission), [end - start for start, end in itertools.pairwise(edges)]


@given(refunded_sales())
def test_refunds_never_give_back_more_than_the_commission_and_the_last_one_all_of_it(
    sale: tuple[Money, Money, list[int]],
) -> None:
    total, commission, refunds = sale
    nothing = refunded = given_back = Money(0)
    for amount in [*refunds, total.amount - sum(refunds)]:
        refunded += Money(amount)
        back = commission_back(commission, total=total, refunded=refunded, given_back=given_back)
        given_back += back
        assert 0 <= back.amount <= commission.amount
        assert given_back == commission_back(commission, total=total, refunded=refunded, given_back=nothing)
        assert abs(given_back.amount * total.amount - commission.amount * refunded.amount) * 2 <= total.amount
    assert given_back == commission


def test_a_withdrawn_refund_in_between_never_gives_back_too_much() -> None:
    """P = 4, f = 2: two refunds of 1, the first withdrawn, then refunds of 1 and 2."""
    total, commission, backs = Money(4), Money(2), []
    for refunded, before in ((1, 0), (2, 1)):
        backs.append(commission_back(commission, total=total, refunded=Money(refunded), given_back=Money(before)))
    given_back = backs[1]
    for refunded in (2, 4):
        given_back += commission_back(commission, total=total, refunded=Money(refunded), given_back=given_back)
    assert given_back == commission


def balances(postings: list[Posting]) -> dict[str, int]:
    """What stands on each account that is not empty: debit +, credit −."""
    sums: Counter[str] = Counter()
    for posting in postings:
        sums[posting.debit] += posting.amount.amount
        sums[posting.credit] -= posting.amount.amount
    return nonzero(sums)


def nonzero(sums: dict[str, int]) -> dict[str, int]:
    return {account: amount for account, amount in sums.items() if amount}


def call_of(function: Callable[..., list[Posting]]) -> Callable[[int, int], list[Posting]]:
    """A call of any of the functions with two amounts, the larger one for what must not be less."""

    def call(one: int, other: int) -> list[Posting]:
        large, small = Money(max(one, other)), Money(min(one, other))
        values = {
            "provider": "flutterwave",
            "agency_id": 7,
            "paid_from": BANK,
            "paid": large,
            "refund": large,
            "net": large,
            "disputed": large,
            "owed": large,
            "amount": large,
            "for_agency": True,
            "ours": small,
            "total": small,
            "fee": small,
            "commission": Money(small.amount // 10),
            "commission_back": Money(small.amount // 10),
        }
        wanted = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
        return function(**{name: values[name] for name in wanted})

    return call
