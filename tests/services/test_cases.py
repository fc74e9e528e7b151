"""Cases: opened once, in somebody's hands, resolved with a reason; money under review is one of them."""

import json
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from click.testing import Result
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from aurapark.booking.models import Booking, Ticket
from aurapark.cases.models import CaseKind
from aurapark.cases.queries import get_case, list_cases
from aurapark.cases.service import open_case
from aurapark.checkout.reviews import apply_review, refund_review
from aurapark.cli import group
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.payments.models import Payment
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import balance, findings, refunds
from tests.stories import check, fresh, hold, pass_time, payments_of, race, signer, start


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def booking(network: Network) -> Booking:
    return hold(network, "12")


@pytest.fixture
def payment(booking: Booking, gateway: FakeGateway) -> Payment:
    return start(booking, gateway)


def park(payment: Payment, gateway: FakeGateway, amount: str = "4000.5") -> int:
    """Have money come that cannot be read; returns its case."""
    gateway.charge(payment.tx_ref, amount)
    check(payment, gateway)
    (case,) = list_cases()
    return case.id


def command(app: Flask, *arguments: object) -> Result:
    db.session.rollback()
    return app.test_cli_runner().invoke(group.commands["cases"], [str(one) for one in arguments])


def resolve(app: Flask, case_id: int, action: str, *more: str, by: str = "ada") -> Result:
    return command(app, "resolve", case_id, "--as", by, "--reason", "asked the payer", "--action", action, *more)


def log(action: str) -> list[tuple[str, str]]:
    rows = db.session.execute(
        text("SELECT actor, reason FROM audit.log WHERE action = :action ORDER BY log_id"), {"action": action}
    )
    return [tuple(row) for row in rows]


def strange(app: Flask, number: int = 1, **details: Any) -> bool:
    known = {"charge": str(number), "tx_ref": f"SHOP-{number}", "amount": "500", **details}
    return in_transaction(lambda: open_case(CaseKind.UNKNOWN_CHARGE, "charge", f"flutterwave/{number}", known))


def test_money_under_review_is_a_case(app: Flask, payment: Payment, gateway: FakeGateway) -> None:
    case_id = park(payment, gateway)
    check(payment, gateway)
    document = json.loads(command(app, "list", "--json").output)
    (case,) = document["cases"]
    assert (case["id"], case["kind"], case["state"], case["entityId"]) == (case_id, "review", "open", str(payment.id))
    known = {"tx_ref": payment.tx_ref, "amount": 4001, "currency": "XAF", "why": "unreadable_amount"}
    assert case["details"] == known
    assert (command(app, "list", "--state", "resolved").output, findings()) == ("no cases\n", [])


def test_a_review_is_refunded(app: Flask, payment: Payment, gateway: FakeGateway) -> None:
    case_id = park(payment, gateway)
    assert command(app, "take", case_id, "--as", "ada").exit_code == 0
    done = resolve(app, case_id, "refund")
    assert (done.exit_code, "resolved ada review" in done.output) == (0, True)
    assert [(one.amount, one.state, one.requested_by) for one in refunds()] == [(4001, "requested", "ada")]
    assert (balance("refunds_payable"), findings()) == (-4001, [])
    case = get_case(case_id)
    assert (case.state, case.resolution, case.owner, case.reason) == ("resolved", "refund", "ada", "asked the payer")
    assert log("case.resolve") == log("payment.resolve") == [("ada", "asked the payer")]
    again = resolve(app, case_id, "refund")
    assert (again.exit_code, again.output) == (1, "Error: This case is resolved already.\n")


def test_a_review_is_applied(app: Flask, booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    """What is over goes back, with the agency owed the fare and the platform its commission."""
    case_id = park(payment, gateway)
    assert resolve(app, case_id, "apply").exit_code == 0
    assert (fresh(booking).state, payments_of(booking)[0].disposition) == ("confirmed", "applied")
    assert db.session.query(Ticket).count() == 1
    assert [(one.reason, one.amount) for one in refunds()] == [("over", 1)]
    assert (balance(f"agency_payable:{booking.agency_id}"), balance("platform_commission")) == (-3600, -400)
    assert (get_case(case_id).resolution, findings()) == ("apply", [])


def test_a_review_is_applied_late_on_seats_that_are_free(
    app: Flask, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    case_id = park(payment, gateway)
    pass_time(booking, timedelta(minutes=30))
    assert resolve(app, case_id, "apply").exit_code == 0
    assert (fresh(booking).state, findings()) == ("confirmed", [])


def test_what_cannot_pay_is_not_applied(app: Flask, booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    case_id = park(payment, gateway, "100.5")
    refused = resolve(app, case_id, "apply")
    assert (refused.exit_code, refused.output) == (1, "Error: This money cannot pay the booking: short.\n")
    assert (get_case(case_id).state, payments_of(booking)[0].disposition, findings()) == ("open", "review", [])


def test_nothing_free_leaves_the_case_open(
    app: Flask, network: Network, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    case_id = park(payment, gateway)
    pass_time(booking, timedelta(minutes=30))
    in_transaction(lambda: db.session.execute(text("UPDATE trip SET state = 'cancelled', cancelled_at = now()")))
    assert "trip_cancelled" in resolve(app, case_id, "apply").output
    assert get_case(case_id).state == "open"


def test_two_persons_resolve_a_review_once(
    app: Flask, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    park(payment, gateway)
    tx_ref, works = payment.tx_ref, []
    works.append(partial(refund_review, tx_ref, actor="ada", reason="a"))
    works.append(partial(apply_review, tx_ref, actor="bob", reason="b", signer=signer()))
    outcomes = race(app, *works * 3)
    assert sum(not isinstance(one, Exception) for one in outcomes) == 1
    assert (list_cases(), findings()) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["resolve", "1", "--as", "ada", "--reason", "why", "--action", "refund"], "“refund” does not fit"),
        (["resolve", "1", "--as", "ada", "--reason", "why", "--action", "apply"], "“apply” does not fit"),
        (["resolve", "1", "--as", "ada", "--reason", "why", "--action", "attach"], "“attach” does not fit"),
        (["resolve", "1", "--as", "ada", "--reason", "why", "--action", "none", "7K3QF9"], "“none” does not fit"),
        (["resolve", "1", "--as", "ada", "--reason", "why", "--action", "burn"], "the action is one of"),
        (["resolve", "1", "--as", "ada", "--reason", " "], "Say who you are and why."),
        (["resolve", "1", "--as", " ", "--reason", "why"], "Say who you are and why."),
        (["resolve", "99", "--as", "ada", "--reason", "why"], "There is no such case."),
        (["take", "99", "--as", "ada"], "There is no such case."),
        (["take", "1", "--as", " "], "Say who you are and why."),
    ],
)
def test_bad_input_is_one_line(app: Flask, arguments: list[str], error: str) -> None:
    assert strange(app)
    refused = command(app, *arguments)
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)
    assert refused.output.startswith(f"Error: {error}")
    assert get_case(1).state == "open"


def test_a_review_never_stays_without_a_fate(app: Flask, payment: Payment, gateway: FakeGateway) -> None:
    assert resolve(app, park(payment, gateway), "none").output.startswith("Error: “none” does not fit")


def test_a_case_is_in_one_persons_hands(app: Flask) -> None:
    assert strange(app)
    command(app, "take", 1, "--as", "ada")
    refused = resolve(app, 1, "none", by="bob")
    assert refused.output == "Error: This case is in the hands of ada; take it first.\n"
    command(app, "take", 1, "--as", "bob")
    assert resolve(app, 1, "none", by="bob").exit_code == 0
    assert log("case.take") == [("ada", "taken"), ("bob", "taken")]
    assert command(app, "take", 1, "--as", "bob").output == "Error: This case is resolved already.\n"


def test_a_case_is_open_once_and_again_only_with_something_new(app: Flask) -> None:
    assert (strange(app), strange(app), strange(app, amount="600")) == (True, False, False)
    resolve(app, 1, "none")
    assert (strange(app), strange(app, amount="600"), len(list_cases())) == (False, True, 1)


def test_many_processes_open_a_case_once(app: Flask) -> None:
    assert sorted(race(app, *[partial(strange, app)] * 8)) == [False] * 7 + [True]


def test_money_parked_before_there_were_cases_gets_one(app: Flask, payment: Payment, gateway: FakeGateway) -> None:
    park(payment, gateway)
    opened = "SELECT kind, state, entity, entity_id, details FROM finance_case"
    before = db.session.execute(text(opened)).all()
    db.session.remove()
    downgrade(revision="0007")
    upgrade()
    assert db.session.execute(text(opened)).all() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE finance_case SET state = 'resolved', owner = '', resolution = 'none', reason = '', resolved_at = now()",
        "UPDATE finance_case SET owner = 'ada'",
        "UPDATE finance_case SET state = 'in_hand'",
    ],
)
def test_the_database_refuses_short_cuts(app: Flask, database_url: str, change: str) -> None:
    strange(app)
    with (
        psycopg.connect(database_url.replace("+psycopg", "")) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(change)


def test_what_is_resolved_stays_as_it_is(app: Flask, database_url: str) -> None:
    strange(app)
    resolve(app, 1, "none")
    with (
        psycopg.connect(database_url.replace("+psycopg", "")) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute("UPDATE finance_case SET reason = 'another'")
