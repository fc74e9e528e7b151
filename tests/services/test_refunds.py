"""Refunds: sent once, found again when the answer got lost, booked once; what fails waits, or finds a person."""

from datetime import timedelta
from functools import partial

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from aurapark.booking.models import Booking
from aurapark.cases.models import Case
from aurapark.checkout.refund import process_refund
from aurapark.checkout.refund_by_hand import approve_done, propose_done, retry_refund
from aurapark.cli import group
from aurapark.database import in_transaction
from aurapark.errors import Conflict
from aurapark.extensions import db
from aurapark.outbox import OutboxRow
from aurapark.payments.gateway import GatewayNotNow, GatewayRefused, GatewayUncertain, RefundOutcome
from aurapark.refunds.errors import NotFailed, ProofNeeded, RefundTooLarge, TwoPersons
from aurapark.refunds.models import Refund
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import PATIENCE, ask, back, balance, drain, findings, later, refunds, states, step
from tests.stories import confirm, payments_of, race

FIVE_MINUTES = timedelta(minutes=5, seconds=1)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def sale(network: Network, gateway: FakeGateway) -> Booking:
    """A confirmed booking of two seats, 8,000 FCFA."""
    return confirm(network, "12", "13", gateway=gateway)


def told() -> list[str]:
    rows = db.session.query(OutboxRow).filter_by(kind="sms").order_by(OutboxRow.id)
    return [row.payload["message"] for row in rows]


def cases() -> list[tuple[str, str, str | None]]:
    db.session.expire_all()
    return [(case.kind, case.state, case.resolution) for case in db.session.query(Case).order_by(Case.id)]


def test_a_refund_goes_its_way(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    assert (states(), findings()) == (["requested"], [])
    assert step(gateway)
    (refund,) = refunds()
    assert (refund.state, refund.gateway_refund_id) == ("sent", gateway.refunds[0].refund_id)
    assert findings() == []
    assert not step(gateway)
    later(timedelta(minutes=2))
    assert step(gateway)
    assert states() == ["sent"]  # `completed` alone is not yet success
    gateway.end_refunds()
    later(timedelta(minutes=5))
    step(gateway)
    assert states() == ["succeeded"]
    assert payments_of(sale)[0].state == "refunded"
    assert gateway.refund_posts == [(payments_of(sale)[0].gateway_tx_id, 8000)]
    assert told() == ["ticket", "refund_sent"]
    assert (balance("refunds_payable"), balance("gateway_clearing:flutterwave")) == (0, 0)
    assert (balance(f"agency_payable:{sale.agency_id}"), balance("platform_commission")) == (0, 0)


def test_sending_is_committed_before_the_call(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    seen: list[tuple[int, str]] = []

    def look(_: str) -> None:
        held = db.engine.pool.checkedout()
        with psycopg.connect(db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")) as other:
            seen.append((held, other.execute("SELECT state FROM refund").fetchone()[0]))

    gateway.while_refunding = look
    step(gateway)
    assert seen == [(0, "sending")]


def test_the_same_action_is_asked_for_once(sale: Booking) -> None:
    assert ask(sale, 3000, "one").id == ask(sale, 3000, "one").id
    assert len(refunds()) == 1
    assert balance("refunds_payable") == -3000


def test_two_equal_refunds_on_purpose_are_both_made(sale: Booking, gateway: FakeGateway) -> None:
    """R15, second half: the second one does not mistake the first for itself."""
    ask(sale, 4000, "first")
    ask(sale, 4000, "second")
    drain(gateway, between=gateway.end_refunds)
    assert states() == ["succeeded"] * 2
    assert (len(gateway.refund_posts), back(gateway)) == (2, 8000)
    assert payments_of(sale)[0].state == "refunded"
    assert findings() == []


def test_commission_comes_back_to_the_franc(sale: Booking, gateway: FakeGateway) -> None:
    for number, amount in enumerate((1, 2666, 2667, 2666)):
        ask(sale, amount, str(number))
    assert (balance("platform_commission"), balance(f"agency_payable:{sale.agency_id}")) == (0, 0)
    drain(gateway, between=gateway.end_refunds)
    assert findings() == []


@pytest.mark.parametrize("done", [True, False])
def test_an_answer_that_got_lost_is_found_by_query(sale: Booking, gateway: FakeGateway, done: bool) -> None:
    """R12, R13: done, one POST; not done, two empty queries five minutes apart, then one more."""
    ask(sale, 8000)
    gateway.refunding, gateway.refunding_done = GatewayUncertain("lost"), done
    step(gateway)
    gateway.refunding = None
    assert (states(), len(gateway.refund_posts)) == (["unknown"], 1)
    later(timedelta(minutes=1, seconds=1))
    step(gateway)
    assert states() == (["sent"] if done else ["unknown"])
    assert len(gateway.refund_posts) == 1
    for _ in range(3):  # asking again soon counts as the same empty answer
        later(timedelta(seconds=10))
        process_refund(refunds()[0].id, gateway=gateway, patience=PATIENCE)
        assert len(gateway.refund_posts) == 1
    drain(gateway, between=gateway.end_refunds)
    assert (states(), len(gateway.refund_posts), back(gateway)) == (["succeeded"], 1 if done else 2, 8000)
    assert findings() == []


def test_a_refund_that_shows_late_is_not_made_again(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    gateway.refunding, gateway.refunding_done = GatewayUncertain("lost"), True
    step(gateway)
    gateway.refunding = None
    hidden, gateway.refunds = gateway.refunds, []
    later(timedelta(minutes=2))
    step(gateway)
    assert (states(), refunds()[0].empty_queries) == (["unknown"], 1)
    gateway.refunds = hidden
    later(FIVE_MINUTES)
    step(gateway)
    assert (states(), len(gateway.refund_posts)) == (["sent"], 1)


def test_there_is_no_third_call(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    gateway.refunding = GatewayUncertain("lost")
    drain(gateway, rounds=30)
    assert (states(), len(gateway.refund_posts)) == (["unknown"], 2)
    assert refunds()[0].next_check_at is not None
    assert cases() == [("refund_overdue", "open", None)]


def test_a_refund_that_takes_more_than_a_week_finds_a_person(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    step(gateway)
    for _ in range(2):
        later(timedelta(days=8))
        step(gateway)
    assert (states(), cases()) == (["sent"], [("refund_overdue", "open", None)])
    gateway.end_refunds()
    drain(gateway, rounds=60)
    assert (states(), cases()) == (["succeeded"], [("refund_overdue", "resolved", "rule")])


def test_a_query_without_an_answer_proves_nothing(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    gateway.refunding = GatewayUncertain("lost")
    step(gateway)
    gateway.reading = GatewayUncertain("no list")
    for _ in range(5):
        later(timedelta(hours=1))
        step(gateway)
    assert (states(), refunds()[0].empty_queries, len(gateway.refund_posts)) == (["unknown"], 0, 1)


def test_a_crash_while_sending_is_looked_for_and_not_repeated(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)

    class Killed(BaseException):
        pass

    def die(_: str) -> None:
        raise Killed

    gateway.while_refunding = die
    with pytest.raises(Killed):
        step(gateway)
    gateway.while_refunding = lambda _: None
    assert (states(), step(gateway)) == (["sending"], False)
    later(timedelta(minutes=2, seconds=1))
    step(gateway)
    assert (states(), len(gateway.refund_posts)) == (["unknown"], 1)
    drain(gateway, between=gateway.end_refunds)
    assert (states(), back(gateway)) == (["succeeded"], 8000)


def test_who_was_too_slow_sends_nothing(sale: Booking, gateway: FakeGateway) -> None:
    refund = ask(sale, 8000)
    process_refund(refund.id, gateway=gateway, patience=PATIENCE, started=-1000.0)
    assert (states(), gateway.refund_posts) == (["requested"], [])


def test_a_refund_made_already_is_taken_as_ours(sale: Booking, gateway: FakeGateway) -> None:
    gateway.refund(payments_of(sale)[0].gateway_tx_id or "", 8000, "XAF", "by hand")
    ask(sale, 8000)
    step(gateway)
    assert (states(), len(gateway.refund_posts)) == (["sent"], 1)


@pytest.mark.parametrize("error", [GatewayNotNow("429"), None])
def test_what_cannot_be_sent_now_waits_and_resumes(
    sale: Booking, gateway: FakeGateway, error: GatewayNotNow | None
) -> None:
    ask(sale, 8000)
    gateway.refunding, gateway.balance = error, 10_000_000 if error else 7999
    for _ in range(3):
        assert step(gateway)
        assert not step(gateway)
        assert (states(), back(gateway), findings()) == (["requested"], 0, [])
        later(timedelta(minutes=1, seconds=1))
    gateway.refunding, gateway.balance = None, 8000
    drain(gateway, between=gateway.end_refunds)
    assert (states(), back(gateway)) == (["succeeded"], 8000)


def test_without_a_list_nothing_is_sent(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    gateway.reading = GatewayUncertain("no list")
    step(gateway)
    assert (states(), gateway.refund_posts) == (["requested"], [])


def test_a_silent_gateway_is_left_alone(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    gateway.up = False
    assert step(gateway)
    assert (states(), gateway.refund_posts) == (["requested"], [])


def test_a_disputed_payment_is_not_paid_back_too(sale: Booking, gateway: FakeGateway) -> None:
    ask(sale, 8000)
    in_transaction(lambda: db.session.execute(text("UPDATE payment SET state = 'disputed'")))
    step(gateway)
    assert (states(), gateway.refund_posts) == (["requested"], [])


@pytest.mark.parametrize("how", ["refused", "failed later"])
def test_a_failure_goes_to_a_person_and_can_be_tried_again(sale: Booking, gateway: FakeGateway, how: str) -> None:
    refund = ask(sale, 8000)
    gateway.refunding = GatewayRefused("no") if how == "refused" else None
    drain(gateway, between=lambda: gateway.end_refunds(RefundOutcome.FAILED))
    assert (states(), refunds()[0].next_check_at, findings()) == (["failed"], None, [])
    assert told() == ["ticket", "refund_failed"]
    assert cases() == [("refund_failed", "open", None)]
    assert balance("refunds_payable") == -8000
    gateway.refunding = None
    retry_refund(refund.id, actor="ada", reason="account corrected")
    with pytest.raises(NotFailed):
        retry_refund(refund.id, actor="ada", reason="twice")
    drain(gateway, between=gateway.end_refunds)
    assert (states(), back(gateway), findings()) == (["succeeded"], 8000, [])
    assert cases() == [("refund_failed", "resolved", "retry")]
    assert told() == ["ticket", "refund_failed", "refund_sent"]


def test_failing_again_is_a_case_again(sale: Booking, gateway: FakeGateway) -> None:
    refund = ask(sale, 8000)
    gateway.refunding = GatewayRefused("no")
    drain(gateway)
    retry_refund(refund.id, actor="ada", reason="again")
    drain(gateway)
    assert cases() == [("refund_failed", "resolved", "retry"), ("refund_failed", "open", None)]
    assert told() == ["ticket", "refund_failed"]


def test_a_failure_that_became_a_success_is_not_paid_again(sale: Booking, gateway: FakeGateway) -> None:
    refund = ask(sale, 8000)
    drain(gateway, between=lambda: gateway.end_refunds(RefundOutcome.FAILED))
    (failed,) = gateway.refunds
    gateway.refunds = [type(failed)(refund_id=failed.refund_id, charge_id=failed.charge_id, amount=failed.amount,
                                    outcome=RefundOutcome.SUCCEEDED, status="completed-momo")]  # fmt: skip
    retry_refund(refund.id, actor="ada", reason="again")
    drain(gateway)
    assert (states(), len(gateway.refund_posts)) == (["succeeded"], 1)


def test_two_persons_with_proof_settle_a_failed_refund(sale: Booking, gateway: FakeGateway) -> None:
    refund = ask(sale, 8000)
    gateway.refunding = GatewayRefused("no")
    drain(gateway)
    with pytest.raises(ProofNeeded):
        propose_done(refund.id, actor="ada", proof=" ")
    with pytest.raises(TwoPersons):
        approve_done(refund.id, actor="ben", reason="seen")
    propose_done(refund.id, actor="ada", proof="bank slip 4711")
    with pytest.raises(TwoPersons):
        approve_done(refund.id, actor="ada", reason="seen")
    approve_done(refund.id, actor="ben", reason="seen")
    with pytest.raises(NotFailed):
        approve_done(refund.id, actor="ben", reason="seen")
    assert (states(), findings(), cases()) == (["succeeded"], [], [("refund_failed", "resolved", "by_hand")])
    assert (balance("bank"), balance("refunds_payable")) == (-8000, 0)


def test_the_commands_for_failed_refunds(app: Flask, sale: Booking, gateway: FakeGateway) -> None:
    def call(*words: str) -> str:
        db.session.rollback()
        result = app.test_cli_runner().invoke(group, [str(word) for word in words])
        db.session.rollback()
        return ("" if result.exit_code == 0 else f"exit {result.exit_code}: ") + result.output

    refund = ask(sale, 8000)
    gateway.refunding = GatewayRefused("no")
    drain(gateway)
    assert "failed 8000 XAF traveller" in call("refunds", "list")
    case_id = db.session.query(Case.id).scalar()
    nothing = call("cases", "resolve", case_id, "--as", "ada", "--reason", "x", "--action", "none")
    assert nothing.startswith("exit 1")
    call("cases", "resolve", case_id, "--as", "ada", "--reason", "x", "--action", "retry")
    assert (states(), cases()) == (["requested"], [("refund_failed", "resolved", "retry")])
    drain(gateway)
    assert call("refunds", "approve", refund.id, "--as", "ben", "--reason", "seen").startswith(
        "exit 1: Error: A second"
    )
    call("refunds", "paid", refund.id, "--as", "ada", "--proof", "slip 4711")
    assert call("refunds", "approve", refund.id, "--as", "ada", "--reason", "seen").startswith("exit 1")
    assert "succeeded" in call("refunds", "approve", refund.id, "--as", "ben", "--reason", "seen")
    assert (call("refunds", "list"), states(), findings()) == ("no refund has failed\n", ["succeeded"], [])
    assert call("refunds", "approve", "999", "--as", "ben", "--reason", "seen").startswith("exit 1")


def test_poll_webhook_and_hand_at_once_post_once(app: Flask, sale: Booking, gateway: FakeGateway) -> None:
    """R14: whoever comes second finds it done."""
    refund_id = ask(sale, 8000).id
    step(gateway)
    gateway.end_refunds()
    look = partial(process_refund, refund_id, gateway=gateway, patience=PATIENCE)
    assert race(app, *[look] * 6) == [None] * 6
    assert (states(), balance("refunds_payable"), told()) == (["succeeded"], 0, ["ticket", "refund_sent"])
    assert findings() == []


def test_two_people_refund_at_once_never_more_than_was_paid(app: Flask, sale: Booking) -> None:
    """R15: one of them is told that too little is left."""
    actions = [partial(ask, sale, 5000, f"by {name}") for name in "abcd"]
    outcomes = race(app, *actions)
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [RefundTooLarge] * 3
    assert sum(refund.amount for refund in refunds()) == 5000
    assert findings() == []


def test_raw_sql_cannot_refund_more_than_was_paid(app: Flask, sale: Booking) -> None:
    """The database's own guard, with nothing of ours in the way: connections that know no lock."""
    url = db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")

    def insert(action: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO refund (payment_id, action, reason, amount, currency, requested_by, next_check_at)"
                " SELECT id, %s, 'traveller', 3000, 'XAF', 'x', now() FROM payment",
                (action,),
            )
            connection.execute("SELECT pg_sleep(0.05)")

    outcomes = race(app, *[partial(insert, str(number)) for number in range(6)])
    assert [type(o) for o in outcomes if o is not None] == [psycopg.errors.CheckViolation] * 4
    assert len(refunds()) == 2


RAW = [
    "UPDATE refund SET amount = 1",
    "UPDATE refund SET state = 'succeeded', succeeded_at = now()",
    "UPDATE refund SET state = 'requested'",
    "UPDATE refund SET action = 'other'",
    "UPDATE refund SET currency = 'NGN'",
]


@pytest.mark.parametrize("statement", RAW)
def test_the_database_refuses_what_may_not_happen(sale: Booking, gateway: FakeGateway, statement: str) -> None:
    ask(sale, 8000)
    gateway.refunding = GatewayUncertain("lost")
    step(gateway)
    with pytest.raises((Conflict, IntegrityError)):
        in_transaction(lambda: db.session.execute(text(statement)))
    assert states() == ["unknown"]


@pytest.mark.parametrize(
    "change",
    [
        "state = 'succeeded', succeeded_at = now()",
        "state = 'succeeded', succeeded_at = now(), handler = 'a', approver = 'a', proof = 'x'",
        "state = 'succeeded', succeeded_at = now(), handler = 'a', approver = 'b', proof = ''",
        "state = 'succeeded', succeeded_at = now(), gateway_refund_id = '1'",
        "state = 'sent', gateway_refund_id = '1'",
    ],
)
def test_a_failed_refund_needs_two_persons_in_raw_sql_too(sale: Booking, gateway: FakeGateway, change: str) -> None:
    ask(sale, 8000)
    gateway.refunding = GatewayRefused("no")
    step(gateway)
    with pytest.raises((Conflict, IntegrityError)):
        in_transaction(lambda: db.session.execute(text(f"UPDATE refund SET {change}, next_check_at = now()")))  # noqa: S608
    assert states() == ["failed"]


def test_two_refunds_of_a_payment_are_never_in_the_air_together(
    app: Flask, sale: Booking, gateway: FakeGateway
) -> None:
    for name in ("a", "b"):
        ask(sale, 4000, name)
    gateway.refunding, gateway.refunding_done = GatewayUncertain("lost"), True
    race(app, partial(step, gateway), partial(step, gateway))
    assert sorted(states()) == ["requested", "unknown"]
    assert len(gateway.refund_posts) == 1
    gateway.refunding = None
    drain(gateway, between=gateway.end_refunds)
    assert (states(), back(gateway), len(gateway.refund_posts)) == (["succeeded"] * 2, 8000, 2)


def test_looking_again_when_nothing_is_due_costs_one_statement(sale: Booking, gateway: FakeGateway) -> None:
    statements: list[str] = []
    listener = lambda _c, _u, statement, *_: statements.append(statement)  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listener)
    try:
        assert not step(gateway)
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)
    assert len(statements) == 1
    assert db.session.query(Refund).count() == 0
