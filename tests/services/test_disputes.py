"""E16: a dispute is opened, won, lost: posted once, refunds of that money blocked, unused tickets void."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.audit import AuditEntry
from aurapark.booking.models import Booking
from aurapark.cases.models import Case
from aurapark.checkout.cancel import cancel_booking
from aurapark.checkout.dispute_by_hand import close_by_hand, open_by_hand
from aurapark.cli import group
from aurapark.database import in_transaction
from aurapark.disputes.errors import DisputeNotOpen, DisputeReasonNeeded, NotDisputable, WrongDisputedAmount
from aurapark.extensions import db
from aurapark.outbox import OutboxRow
from aurapark.payments.gateway import DisputeOutcome, GatewayRefused, GatewayUncertain
from aurapark.refunds.errors import RefundTooLarge
from tests.disputing import dispute_states, disputes, look, tell, time_passes
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import ask, balance, drain, findings, later, refunds, states, step
from tests.stories import check, claims_of, confirm, fresh, hold, payments_of, race, start

OPEN, WON, LOST, WATCH = DisputeOutcome.OPEN, DisputeOutcome.WON, DisputeOutcome.LOST, DisputeOutcome.WATCH
CLEARING, OWED, HOLD, FEES = "gateway_clearing:flutterwave", "refunds_payable", "dispute_hold", "gateway_fees"
DAY = timedelta(days=1, minutes=1)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def sale(network: Network, gateway: FakeGateway) -> Booking:
    """A confirmed booking of two seats, 8,000 FCFA."""
    return confirm(network, "12", "13", gateway=gateway)


@pytest.fixture
def charge_id(sale: Booking) -> str:
    return str(payments_of(sale)[0].gateway_tx_id)


def books(sale: Booking) -> dict[str, int]:
    """What stands on the accounts of one sale."""
    names = (CLEARING, OWED, HOLD, FEES, "platform_commission", f"agency_payable:{sale.agency_id}")
    return {name.partition(":")[0]: balance(name) for name in names if balance(name)}


def cases() -> list[tuple[str, str, str | None]]:
    db.session.expire_all()
    return [(case.kind, case.state, case.resolution) for case in db.session.query(Case).order_by(Case.id)]


def tickets() -> list[str]:
    return list(db.session.scalars(text("SELECT state FROM ticket ORDER BY id")))


def goes(gateway: FakeGateway, charge_id: str, outcome: DisputeOutcome, amount: int = 8000, name: str = "77") -> None:
    """The gateway says that it stands so, and we ask."""
    tell(gateway, charge_id, amount, outcome, name)
    assert look(gateway)
    assert not look(gateway)


def change(sql: str) -> None:
    in_transaction(lambda: db.session.execute(text(sql)))


def test_opened_the_money_is_held_and_nobody_travels_on_it(sale: Booking, gateway: FakeGateway, charge_id: str) -> None:
    for _ in range(3):
        goes(gateway, charge_id, OPEN)
    assert (dispute_states(), payments_of(sale)[0].state) == (["open"], "disputed")
    assert books(sale) == {"dispute_hold": 8000, "platform_commission": -800, "agency_payable": -7200}
    assert (fresh(sale).state, tickets(), claims_of(sale)) == ("cancelled", ["void", "void"], [])
    assert (cases(), refunds(), findings()) == ([("dispute", "open", None)], [], [])
    rows = db.session.query(OutboxRow).filter(OutboxRow.dedupe_key.contains(":disputed-"))
    assert [row.payload["seats"] for row in rows] == [["12", "13"]] * 2  # by SMS and mail, once
    cancel_booking(sale.reference, expected_refund=8000)
    assert refunds() == []


def test_won_the_money_is_ours_again_and_people_see_to_who_lost_the_ticket(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    goes(gateway, charge_id, OPEN)
    for _ in range(3):
        tell(gateway, charge_id, 8000, WON, "77")
        look(gateway)
    assert (dispute_states(), payments_of(sale)[0].state) == (["won"], "succeeded")
    assert books(sale) == {"gateway_clearing": 8000, "platform_commission": -800, "agency_payable": -7200}
    assert (cases(), findings()) == ([("dispute", "open", None)], [])


def test_lost_the_agency_bears_it(sale: Booking, gateway: FakeGateway, charge_id: str) -> None:
    goes(gateway, charge_id, OPEN)
    for _ in range(3):
        tell(gateway, charge_id, 8000, LOST, "77")
        look(gateway)
    assert (dispute_states(), payments_of(sale)[0].state) == (["lost"], "refunded")
    assert books(sale) == {"platform_commission": -800, "agency_payable": 800}
    assert (cases(), findings()) == ([("dispute", "resolved", "rule")], [])
    with pytest.raises(RefundTooLarge):
        ask(sale, 1)


@pytest.mark.parametrize("outcome", [WON, LOST])
def test_first_heard_of_when_it_is_over_both_are_posted(
    sale: Booking, gateway: FakeGateway, charge_id: str, outcome: DisputeOutcome
) -> None:
    goes(gateway, charge_id, outcome)
    posted = db.session.scalars(
        text("SELECT event_type FROM ledger_entry WHERE event_type LIKE 'dispute%' ORDER BY id")
    )
    assert (list(posted), findings()) == (["dispute_opened", f"dispute_{outcome}"], [])


def test_a_question_of_a_bank_moves_nothing(sale: Booking, gateway: FakeGateway, charge_id: str) -> None:
    goes(gateway, charge_id, WATCH)
    assert (dispute_states(), payments_of(sale)[0].state, fresh(sale).state) == (["reported"], "succeeded", "confirmed")
    assert (cases(), findings()) == ([("dispute", "open", None)], [])
    time_passes(DAY)
    gateway.dispute(charge_id, 8000, OPEN, dispute_id="77")
    assert look(gateway)
    assert (dispute_states(), findings()) == (["open"], [])


def test_a_refund_of_disputed_money_waits_and_goes_on_when_it_is_won(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    ask(sale, 8000)
    goes(gateway, charge_id, OPEN)
    assert step(gateway)
    assert (states(), gateway.refund_posts, findings()) == (["requested"], [], [])
    goes(gateway, charge_id, WON)
    later(timedelta(minutes=2))
    drain(gateway, between=gateway.end_refunds)
    assert (states(), payments_of(sale)[0].state, findings()) == (["succeeded"], "refunded", [])
    assert (books(sale), len(gateway.refund_posts)) == ({}, 1)


def test_a_refund_waits_for_the_answer_about_a_dispute_that_an_event_named(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    ask(sale, 8000)
    tell(gateway, charge_id, 8000, WATCH, "77")
    assert step(gateway)
    assert (states(), gateway.refund_posts) == (["requested"], [])
    look(gateway)  # only a question of the bank, which a refund may well answer
    later(timedelta(minutes=2))
    drain(gateway, between=gateway.end_refunds)
    assert (states(), findings()) == (["succeeded"], [])


@pytest.mark.parametrize("failed", [False, True])
def test_lost_money_that_was_owed_anyway_is_that_refund(
    sale: Booking, gateway: FakeGateway, charge_id: str, failed: bool
) -> None:
    cancel_booking(sale.reference, expected_refund=4000)
    if failed:
        gateway.refunding = GatewayRefused("disputed")
        step(gateway)
    goes(gateway, charge_id, OPEN)
    goes(gateway, charge_id, LOST)
    assert (states(), payments_of(sale)[0].state) == (["succeeded"], "refunded")
    assert books(sale) == {"platform_commission": -400, "agency_payable": 400}
    assert (disputes()[0].covered, len(gateway.refund_posts), findings()) == (4000, int(failed), [])
    assert [case for case in cases() if case[1] != "resolved"] == []
    drain(gateway)
    assert len(gateway.refund_posts) == int(failed)


def test_part_of_it_was_refunded_before(sale: Booking, gateway: FakeGateway, charge_id: str) -> None:
    cancel_booking(sale.reference, expected_refund=2000, seats=["12"])
    drain(gateway, between=gateway.end_refunds)
    goes(gateway, charge_id, OPEN, 6000)
    assert (fresh(sale).state, tickets(), findings()) == ("cancelled", ["void", "void"], [])
    goes(gateway, charge_id, LOST, 6000)
    assert (payments_of(sale)[0].state, findings()) == ("refunded", [])
    assert books(sale) == {"platform_commission": -600, "agency_payable": 600}


def test_a_part_that_is_disputed_leaves_the_tickets_to_people(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    goes(gateway, charge_id, OPEN, 3000)
    assert (fresh(sale).state, tickets(), findings()) == ("confirmed", ["valid", "valid"], [])
    goes(gateway, charge_id, LOST, 3000)
    assert (payments_of(sale)[0].state, findings()) == ("partially_refunded", [])
    with pytest.raises(RefundTooLarge):
        ask(sale, 5001, "more than is left")
    ask(sale, 5000)
    drain(gateway, between=gateway.end_refunds)
    assert (payments_of(sale)[0].state, findings()) == ("refunded", [])


def test_money_back_both_ways_costs_the_platform_and_a_person_sees_it(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    """The refund was on its way when the bank took the money too."""
    ask(sale, 8000)
    step(gateway)
    goes(gateway, charge_id, OPEN)
    goes(gateway, charge_id, LOST)
    gateway.end_refunds()
    drain(gateway)
    assert (states(), payments_of(sale)[0].state) == (["succeeded"], "refunded")
    assert books(sale) == {"gateway_clearing": -8000, "gateway_fees": 8000}
    assert (cases(), findings()) == ([("dispute", "open", None)], [])


def test_only_unused_tickets_and_only_before_the_bus_leaves(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    change("UPDATE ticket SET state = 'boarded', boarded_at = now() WHERE seat = '12'")
    goes(gateway, charge_id, OPEN)
    assert (fresh(sale).state, tickets(), findings()) == ("confirmed", ["boarded", "void"], [])


def test_after_departure_the_tickets_stay_as_proof(sale: Booking, gateway: FakeGateway, charge_id: str) -> None:
    change("UPDATE trip SET state = 'departed'")
    goes(gateway, charge_id, OPEN)
    assert (fresh(sale).state, tickets(), findings()) == ("confirmed", ["valid", "valid"], [])
    goes(gateway, charge_id, LOST)
    assert (fresh(sale).state, payments_of(sale)[0].state, findings()) == ("confirmed", "refunded", [])


@pytest.mark.parametrize("amount", ["short", "unreadable"])
def test_kept_money_that_is_lost_costs_no_agency(network: Network, gateway: FakeGateway, amount: str) -> None:
    """Money that goes back, or is under review, is given back by the bank instead: its fate is real all the same."""
    booking = hold(network)
    payment = start(booking, gateway)
    charge = gateway.charge(payment.tx_ref, 100 if amount == "short" else "100.5")
    check(payment, gateway)
    paid = payments_of(booking)[0].paid_amount or 0
    goes(gateway, charge.gateway_tx_id, OPEN, paid)
    assert findings() == []
    goes(gateway, charge.gateway_tx_id, LOST, paid)
    assert (states(), books(booking), findings()) == (["succeeded"], {}, [])
    drain(gateway)
    assert (gateway.refund_posts, fresh(booking).state) == ([], "held")


def test_two_disputes_of_one_payment_are_one_hold_and_a_case(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    goes(gateway, charge_id, OPEN)
    goes(gateway, charge_id, OPEN, name="78")
    assert (dispute_states(), balance(HOLD), len(cases()), findings()) == (["open", "reported"], 8000, 2, [])
    goes(gateway, charge_id, WON)
    goes(gateway, charge_id, OPEN, name="78")
    assert (dispute_states(), balance(HOLD), findings()) == (["won", "open"], 8000, [])


def test_a_dispute_of_no_charge_of_ours_is_a_case(app: Flask, gateway: FakeGateway) -> None:
    goes(gateway, "123456789", OPEN)
    assert (dispute_states(), cases(), findings()) == (["dropped"], [("dispute", "open", None)], [])


def test_a_dispute_the_gateway_does_not_know_is_dropped_in_time(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    tell(gateway, charge_id, 8000, OPEN, "77")
    gateway.disputes.clear()
    for _ in range(5):
        assert look(gateway)
        time_passes(DAY)
    assert (dispute_states(), payments_of(sale)[0].state, cases()) == (
        ["dropped"], "succeeded", [("dispute", "open", None)],
    )  # fmt: skip
    assert not look(gateway)


def test_no_answer_changes_nothing(sale: Booking, gateway: FakeGateway, charge_id: str) -> None:
    tell(gateway, charge_id, 8000, OPEN, "77")
    gateway.disputing = GatewayUncertain("lost")
    assert look(gateway)
    assert (dispute_states(), payments_of(sale)[0].state, findings()) == (["reported"], "succeeded", [])
    gateway.disputing = None
    time_passes(DAY)
    assert look(gateway)
    assert dispute_states() == ["open"]


def test_a_gateway_that_cannot_be_asked_is_believed_as_far_as_it_protects_us(
    sale: Booking, gateway: FakeGateway, charge_id: str
) -> None:
    tell(gateway, charge_id, 1, OPEN, "77")
    gateway.disputing = GatewayRefused("HTTP 404")
    assert look(gateway)
    assert (dispute_states(), balance(HOLD), payments_of(sale)[0].state) == (["open"], 8000, "disputed")
    tell(gateway, charge_id, 1, WON, "77")
    look(gateway)
    assert (dispute_states(), findings()) == (["open"], [])
    close_by_hand(disputes()[0].id, won=True, actor="ada", reason="their mail of today")
    assert (dispute_states(), cases(), findings()) == (["won"], [("dispute", "open", None)], [])


@pytest.mark.parametrize("won", [True, False])
def test_by_hand(app: Flask, sale: Booking, won: bool) -> None:
    run: Callable[..., Any] = app.test_cli_runner().invoke
    tx_ref, who = payments_of(sale)[0].tx_ref, ["--as", "ada", "--reason", "their mail"]
    assert run(group, ["disputes", "list"]).output == "no disputes\n"
    opened = run(group, ["disputes", "open", tx_ref, *who, "--id", "77"])
    assert (opened.exit_code, " open 8000 XAF flutterwave " in opened.output) == (0, True)
    assert "cannot be disputed" in run(group, ["disputes", "open", tx_ref, *who]).output
    number, word = str(disputes()[0].id), "won" if won else "lost"
    assert word in run(group, ["disputes", word, number, *who]).output
    assert "not open" in run(group, ["disputes", word, number, *who]).output
    assert "did not find" in run(group, ["disputes", word, "999", *who]).output
    assert " 77 " in run(group, ["disputes", "list", "--state", word]).output.replace("id=77", " 77 ")
    told = run(group, ["ledger", "booking", sale.reference]).output
    assert ("dispute_opened" in told, f"dispute_{word}" in told) == (True, True)
    entries = db.session.query(AuditEntry).filter(AuditEntry.action.like("dispute%"))
    assert [(entry.actor, entry.reason) for entry in entries] == [("ada", "their mail")] * 2
    assert findings() == []


def test_by_hand_needs_a_name_a_reason_and_money(sale: Booking, gateway: FakeGateway, charge_id: str) -> None:
    tx_ref = payments_of(sale)[0].tx_ref
    for actor, reason in (("", "x"), ("ada", " ")):
        with pytest.raises(DisputeReasonNeeded):
            open_by_hand(tx_ref, actor=actor, reason=reason)
    for amount in (0, -1, 8001):
        with pytest.raises(WrongDisputedAmount):
            open_by_hand(tx_ref, actor="ada", reason="mail", amount=amount)
    tell(gateway, charge_id, 8000, WATCH, "77")
    dispute = open_by_hand(tx_ref, actor="ada", reason="mail", gateway_dispute_id="77")
    assert (dispute_states(), dispute.gateway_dispute_id) == (["open"], "77")
    with pytest.raises(NotDisputable):
        open_by_hand(tx_ref, actor="ada", reason="mail", gateway_dispute_id="77")
    close_by_hand(dispute.id, won=False, actor="ada", reason="mail")
    with pytest.raises(DisputeNotOpen):
        close_by_hand(dispute.id, won=True, actor="ada", reason="mail")


def test_won_and_lost_at_once_are_one_end(app: Flask, sale: Booking) -> None:
    dispute = open_by_hand(payments_of(sale)[0].tx_ref, actor="ada", reason="mail").id
    close = [partial(close_by_hand, dispute, won=won, actor="ada", reason="mail") for won in (True, False)]
    outcomes = race(app, *close * 2)
    assert sum(isinstance(one, DisputeNotOpen) for one in outcomes) == 3
    assert (balance(HOLD), findings()) == (0, [])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE dispute SET state = 'reported'",
        "UPDATE dispute SET amount = 1",
        "UPDATE dispute SET state = 'dropped', payment_id = NULL, amount = NULL, currency = NULL, opened_at = NULL",
        "UPDATE refund SET state = 'sending'",
        "INSERT INTO dispute (provider, state, payment_id, amount, currency, opened_at)"
        " SELECT provider, state, payment_id, amount, currency, opened_at FROM dispute",
    ],
)
def test_the_database_refuses(sale: Booking, gateway: FakeGateway, charge_id: str, sql: str) -> None:
    ask(sale, 8000)
    goes(gateway, charge_id, OPEN)
    with (
        psycopg.connect(db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")) as connection,
        pytest.raises(psycopg.errors.IntegrityError),
    ):
        connection.execute(sql)  # type: ignore[call-overload]
