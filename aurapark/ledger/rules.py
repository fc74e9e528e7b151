"""Which movements each event makes, and the commission that a refund gives back: pure functions.

One function per event of the table in reliability.md, section 5. Movements of nothing are left out.
"""

from dataclasses import dataclass

from aurapark.money import Money

COMMISSION, REFUNDS, FEES = "platform_commission", "refunds_payable", "gateway_fees"
BANK, DISPUTES = "bank", "dispute_hold"


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement: a positive amount leaves the credit account and arrives on the debit account."""

    debit: str
    credit: str
    amount: Money

    def __post_init__(self) -> None:
        if self.amount.amount <= 0 or self.debit == self.credit:
            raise ValueError(f"no movement: {self.debit} ← {self.credit} {self.amount.amount}")


def clearing(provider: str) -> str:
    """Name the account of what a gateway holds for us."""
    return f"gateway_clearing:{provider}"


def payable(agency_id: int) -> str:
    """Name the account of what we owe an agency."""
    return f"agency_payable:{agency_id}"


def cash(agency_id: int) -> str:
    """Name the memo account of cash an agency took or gave; it is empty after each event."""
    return f"agency_cash:{agency_id}"


def carried(agency_id: int) -> str:
    """Name the account of what an agency owes us from one period to the next."""
    return f"carried:{agency_id}"


def postings_for_applied_payment(
    provider: str, agency_id: int, *, paid: Money, total: Money, commission: Money
) -> list[Posting]:
    """Post a payment that pays its booking, `paid` ≥ `total`: what is over is owed back to the payer."""
    return [
        *_movements((clearing(provider), payable(agency_id), total), (payable(agency_id), COMMISSION, commission)),
        *_movements((clearing(provider), REFUNDS, paid - total)),
    ]


def postings_for_kept_payment(provider: str, *, paid: Money) -> list[Posting]:
    """Post a payment that pays no booking, to be refunded or under review: all of it is owed back to the payer."""
    return [Posting(clearing(provider), REFUNDS, paid)]


def postings_for_cash_payment(agency_id: int, *, total: Money, commission: Money) -> list[Posting]:
    """Post a sale for cash: the agency has the money already, and owes us the commission."""
    return [
        *_movements((cash(agency_id), payable(agency_id), total), (payable(agency_id), COMMISSION, commission)),
        Posting(payable(agency_id), cash(agency_id), total),
    ]


def postings_for_review_applied(agency_id: int, *, total: Money, commission: Money) -> list[Posting]:
    """Post that a payment under review pays a booking after all; what is over stays owed to the payer."""
    return _movements((REFUNDS, payable(agency_id), total), (payable(agency_id), COMMISSION, commission))


def postings_for_refund_due(agency_id: int, *, refund: Money, commission_back: Money) -> list[Posting]:
    """Post that applied money is to go back: the agency bears it, the platform gives back its share."""
    return _movements((payable(agency_id), REFUNDS, refund), (COMMISSION, payable(agency_id), commission_back))


def postings_for_refund_withdrawn(agency_id: int, *, refund: Money, commission_back: Money) -> list[Posting]:
    """Post that a refund that was due, with these amounts, will not be made."""
    return _movements((REFUNDS, payable(agency_id), refund), (payable(agency_id), COMMISSION, commission_back))


def postings_for_refund(provider: str, *, refund: Money) -> list[Posting]:
    """Post a refund that the gateway made."""
    return [Posting(REFUNDS, clearing(provider), refund)]


def postings_for_bank_refund(*, refund: Money) -> list[Posting]:
    """Post a refund that two persons made by bank."""
    return [Posting(REFUNDS, BANK, refund)]


def postings_for_cash_refund(agency_id: int, *, refund: Money) -> list[Posting]:
    """Post a refund that the agency gave in cash, out of what it owes: so we owe it that much more."""
    return [Posting(REFUNDS, cash(agency_id), refund), Posting(cash(agency_id), payable(agency_id), refund)]


def postings_for_gateway_settlement(provider: str, *, net: Money, fee: Money) -> list[Posting]:
    """Post what a gateway paid into our bank, and what it kept."""
    return _movements((BANK, clearing(provider), net), (FEES, clearing(provider), fee))


def postings_for_dispute_opened(provider: str, *, disputed: Money) -> list[Posting]:
    """Post that a gateway holds money back because its payer disputes the charge."""
    return [Posting(DISPUTES, clearing(provider), disputed)]


def postings_for_dispute_won(provider: str, *, disputed: Money) -> list[Posting]:
    """Post that a gateway gives disputed money free again."""
    return [Posting(clearing(provider), DISPUTES, disputed)]


def postings_for_dispute_lost(agency_id: int, *, disputed: Money, ours: Money | None = None) -> list[Posting]:
    """Post that disputed money went back to its payer: the agency bears it, save what never was its own (`ours`)."""
    ours = ours or Money(0, disputed.currency)
    return _movements((payable(agency_id), DISPUTES, disputed - ours), (FEES, DISPUTES, ours))


def postings_for_refund_by_dispute(*, refund: Money) -> list[Posting]:
    """Post that a lost dispute gave the payer money back that we owed anyway."""
    return [Posting(REFUNDS, DISPUTES, refund)]


def postings_for_payout(agency_id: int, *, net: Money, paid_from: str, fee: Money | None = None) -> list[Posting]:
    """Post a payout that arrived; `paid_from` is the bank or a gateway's clearing account. We bear the fee."""
    movements = [(payable(agency_id), paid_from, net)]
    return _movements(*movements, *([(FEES, paid_from, fee)] if fee else []))


def postings_for_carry_out(agency_id: int, *, owed: Money) -> list[Posting]:
    """Post that a period ended with an agency owing us (`owed` = −net)."""
    return [Posting(carried(agency_id), payable(agency_id), owed)]


def postings_for_carry_in(agency_id: int, *, owed: Money) -> list[Posting]:
    """Post that the next period takes over what an agency owes us."""
    return [Posting(payable(agency_id), carried(agency_id), owed)]


def postings_for_correction(agency_id: int, *, amount: Money, for_agency: bool) -> list[Posting]:
    """Post that a line of a closed settlement was wrong: the platform bears it, or the agency."""
    accounts = (COMMISSION, payable(agency_id)) if for_agency else (payable(agency_id), COMMISSION)
    return [Posting(*accounts, amount)]


def commission_back(commission: Money, *, total: Money, refunded: Money, given_back: Money) -> Money:
    """Return what one refund gives back of a booking's frozen commission, f·R/P to the nearest franc.

    `refunded` are all refunds of the booking that are due or done, this one included; `given_back` is what the ones
    before it gave back. Reckoned on the sum, so that many small refunds give back what one large one does: never
    more than the commission, and all of it once everything is refunded.
    """
    share = commission.split([refunded.amount, (total - refunded).amount])[0]
    return Money(max(share.amount - given_back.amount, 0), commission.currency)


def _movements(*movements: tuple[str, str, Money]) -> list[Posting]:
    return [Posting(debit, credit, amount) for debit, credit, amount in movements if amount.amount]
