"""A refund that was never sent is withdrawn by a person, and its money is never without a place and an owner."""

from functools import partial

import psycopg
import pytest
from flask import Flask

from aurapark.audit import AuditEntry
from aurapark.booking.models import Booking
from aurapark.cases.models import Case
from aurapark.checkout.cancel import cancel_booking
from aurapark.checkout.reviews import list_reviews_with_a_rule
from aurapark.checkout.withdraw import withdraw_refund
from aurapark.cli import group
from aurapark.extensions import db
from aurapark.payments.gateway import GatewayNotNow, GatewayUncertain
from aurapark.refunds.errors import NotWithdrawable, RefundNotFound, WithdrawalReasonNeeded
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import balance, drain, findings, refunds, states, step
from tests.stories import check, confirm, fresh, hold, payments_of, race, start


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def cancelled(network: Network, gateway: FakeGateway) -> Booking:
    """A sale of 8,000 FCFA that was cancelled: half of it is to go back."""
    sale = confirm(network, "12", "13", gateway=gateway)
    return cancel_booking(sale.reference, expected_refund=4000)


def cases() -> list[tuple[str, str, str | None]]:
    db.session.expire_all()
    return [(case.kind.value, case.state.value, case.owner) for case in db.session.query(Case).order_by(Case.id)]


def test_money_of_a_sale_stays_with_the_agency_and_the_case_has_an_owner(
    app: Flask, cancelled: Booking, gateway: FakeGateway
) -> None:
    agency = f"agency_payable:{cancelled.agency_id}"
    assert (balance(agency), balance("platform_commission")) == (-3600, -400)
    withdraw_refund(refunds()[0].id, actor="ada", reason="paid back at the counter by mistake")
    assert (states(), payments_of(cancelled)[0].state, fresh(cancelled).state) == (
        ["cancelled"], "succeeded", "cancelled",
    )  # fmt: skip
    assert (balance(agency), balance("platform_commission"), balance("refunds_payable")) == (-7200, -800, 0)
    assert (cases(), findings()) == ([("refund_withdrawn", "in_hand", "ada")], [])
    drain(gateway)
    assert gateway.refund_posts == []
    entry = db.session.query(AuditEntry).filter_by(action="refund.withdraw").one()
    assert (entry.actor, entry.reason) == ("ada", "paid back at the counter by mistake")
    resolve = ["cases", "resolve", str(db.session.query(Case).one().id), "--as", "ada", "--reason", "x"]
    assert app.test_cli_runner().invoke(group, [*resolve, "--action", "refund"]).exit_code == 0
    assert (states(), findings()) == (["cancelled", "requested"], [])
    drain(gateway, between=gateway.end_refunds)
    assert (states(), balance(agency), findings()) == (["cancelled", "succeeded"], -3600, [])


@pytest.mark.parametrize("action", ["refund", "apply"])
def test_money_that_paid_nothing_is_under_review_again(
    app: Flask, network: Network, gateway: FakeGateway, action: str
) -> None:
    booking = hold(network)
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 100 if action == "refund" else 4000)
    if action == "apply":
        gateway.charge(payment.tx_ref, 4000)
    check(payment, gateway)
    mine = refunds()[0]
    withdraw_refund(mine.id, actor="ada", reason="the payer calls")
    paid = next(one for one in payments_of(booking) if one.id == mine.payment_id)
    assert (paid.disposition, paid.disposition_reason, states()) == ("review", "withdrawn", ["cancelled"])
    assert (balance("refunds_payable"), list_reviews_with_a_rule(9)) == (-mine.amount, [])
    assert (cases(), findings()) == ([("review", "in_hand", "ada")], [])
    decide = ["cases", "resolve", str(db.session.query(Case).one().id), "--as", "ada", "--reason", "x"]
    decided = app.test_cli_runner().invoke(group, [*decide, "--action", action])
    if action == "apply":  # the booking has its money: a second sum can only go back
        assert (decided.exit_code, findings()) == (1, [])
        decided = app.test_cli_runner().invoke(group, [*decide, "--action", "refund"])
    assert (decided.exit_code, states(), findings()) == (0, ["cancelled", "requested"], [])
    withdraw_refund(refunds()[1].id, actor="ada", reason="the payer calls again")
    assert findings() == []
    decide[2] = str(db.session.query(Case).order_by(Case.id.desc()).first().id)
    app.test_cli_runner().invoke(group, [*decide, "--action", "refund"])
    drain(gateway, between=gateway.end_refunds)
    assert (states(), findings()) == (["cancelled", "cancelled", "succeeded"], [])
    assert len(gateway.refund_posts) == 1


@pytest.mark.parametrize("how", ["sent", "lost", "failed", "trip", "over"])
def test_what_may_be_on_its_way_or_is_owed_for_sure_stays(
    network: Network, gateway: FakeGateway, cancelled: Booking, how: str
) -> None:
    if how == "over":
        booking = hold(network, "20")
        payment = start(booking, gateway)
        gateway.charge(payment.tx_ref, 4500)
        check(payment, gateway)
    elif how == "trip":
        cancel_reason = "UPDATE refund SET reason = 'trip_cancelled'"
        with psycopg.connect(url(), autocommit=True) as connection:
            connection.execute(cancel_reason)
    else:
        gateway.refunding = GatewayUncertain("lost") if how == "lost" else None
        step(gateway)
        if how == "failed":
            drain(gateway, between=gateway.end_refunds)
    wanted = refunds()[-1]
    before = (wanted.state, findings())
    with pytest.raises(NotWithdrawable):
        withdraw_refund(wanted.id, actor="ada", reason="x")
    assert (refunds()[-1].state, findings()) == before


def url() -> str:
    return db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


def test_a_refund_that_was_put_back_unsent_may_still_be_withdrawn(cancelled: Booking, gateway: FakeGateway) -> None:
    gateway.refunding = GatewayNotNow("too many calls")
    step(gateway)
    withdraw_refund(refunds()[0].id, actor="ada", reason="x")
    assert (states(), findings()) == (["cancelled"], [])


def test_it_needs_a_refund_a_name_and_a_reason(app: Flask, cancelled: Booking) -> None:
    for actor, reason in (("", "x"), ("ada", " ")):
        with pytest.raises(WithdrawalReasonNeeded):
            withdraw_refund(refunds()[0].id, actor=actor, reason=reason)
    with pytest.raises(RefundNotFound):
        withdraw_refund(999, actor="ada", reason="x")
    run = app.test_cli_runner().invoke
    given = ["refunds", "withdraw", str(refunds()[0].id), "--as", "ada", "--reason", "x"]
    assert "cancelled 4000" in run(group, given).output
    assert "cannot be withdrawn" in run(group, given).output


def test_two_people_withdraw_once(app: Flask, cancelled: Booking) -> None:
    outcomes = race(app, *[partial(withdraw_refund, refunds()[0].id, actor=who, reason="x") for who in "abc"])
    assert sum(isinstance(one, NotWithdrawable) for one in outcomes) == 2
    assert (len(cases()), findings()) == (1, [])


def test_the_database_refuses_to_withdraw_what_was_sent(cancelled: Booking, gateway: FakeGateway) -> None:
    with psycopg.connect(url()) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute("UPDATE refund SET posts = 1; UPDATE refund SET state = 'cancelled'")
