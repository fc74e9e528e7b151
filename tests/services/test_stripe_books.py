"""Stripe's books against ours: lists page by page, payouts with fees, disputes, and what failed afterwards."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aurapark.booking.models import Booking
from aurapark.cases.queries import list_cases
from aurapark.checkout.gateways import gateway_for
from aurapark.checkout.sweeps import process_disputes, process_events, process_refunds
from aurapark.cli import group
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.payments.stripe_calls import StripeCalls
from aurapark.payments.stripe_lists import StripeLists
from aurapark.reconciliation import gateway as story
from aurapark.reconciliation.holdings import examine_holdings
from aurapark.reconciliation.report import Report
from tests.disputing import dispute_states
from tests.factories import Network
from tests.gateway.stripe_fake import STRIPE_KEY, StripeFake, event_of, running_stripe, sign
from tests.refunding import ask, balance, findings, later, refunds
from tests.stories import check, fresh, hold, payments_of, start

SECRET = "whsec_" + "b" * 32
CLEARING = "gateway_clearing:stripe"


@pytest.fixture(scope="module")
def shared_fake() -> Iterator[StripeFake]:
    with running_stripe() as running:
        yield running


@pytest.fixture
def fake(shared_fake: StripeFake) -> StripeFake:
    """The fake with nothing in it."""
    for held in ("sessions", "intents", "charges", "refunds", "movements", "payouts", "disputes", "requests"):
        getattr(shared_fake, held).clear()
    return shared_fake


@pytest.fixture
def environment(fake: StripeFake) -> dict[str, str]:
    return {
        "PAYMENT_GATEWAY": "stripe",
        "STRIPE_SECRET_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_BASE_URL": f"{fake.address}/v1",
        "STRIPE_CHECKOUT_HOSTS": fake.address.removeprefix("http://"),
    }


@pytest.fixture
def sale(network: Network, settings: Settings, fake: StripeFake) -> Booking:
    """Two seats, 8,000 FCFA, paid there."""
    gateway: Any = gateway_for(settings)
    booking = hold(network, "12", "13")
    payment = start(booking, gateway)
    fake.pay(payment.tx_ref)
    check(payment, gateway)
    return fresh(booking)


def today() -> date:
    return datetime.now(UTC).date()


def compare(settings: Settings) -> Report:
    again = story.asking_again(settings)
    yesterday = today() - timedelta(days=1)
    port, lists = gateway_for(settings), story.lists_for(settings)
    return story.reconcile(yesterday, today(), gateway=port, lists=lists, ask_again=again)


def holdings(settings: Settings) -> list[dict[str, Any]]:
    db.session.rollback()
    return examine_holdings(gateway_for(settings).provider, story.lists_for(settings)).rows


def cases() -> list[str]:
    db.session.rollback()
    return [case.kind.value for case in list_cases()]


def send(client: FlaskClient, kind: str, about: dict[str, Any], number: int) -> None:
    raw = event_of(kind, about, number=number)
    headers = {"Stripe-Signature": sign(raw, SECRET)}
    url = "/api/payments/webhook/stripe"
    assert client.post(url, data=raw, content_type="application/json", headers=headers).status_code == 200


def test_the_lists_are_read_to_their_end(settings: Settings, sale: Booking, fake: StripeFake) -> None:
    for number in range(230):
        fake.charges.append({**fake.charges[0], "id": fake.new_id("ch"), "metadata": {}, "created": 1, "n": number})
        fake.charges[-1]["created"] = fake.charges[0]["created"]
    lists = StripeLists(StripeCalls(f"{fake.address}/v1", STRIPE_KEY))
    listed = lists.list_transactions(today(), today())
    assert (len(listed), len({charge.gateway_tx_id for charge in listed})) == (231, 231)
    assert all(isinstance(charge.gateway_tx_id, str) for charge in listed)
    assert [charge.tx_ref for charge in listed if charge.tx_ref] == [payments_of(sale)[0].tx_ref]
    assert lists.list_transactions(today() - timedelta(days=9), today() - timedelta(days=8)) == []


def test_a_lost_charge_is_found_and_a_strange_one_is_a_case(
    network: Network, settings: Settings, fake: StripeFake
) -> None:
    gateway: Any = gateway_for(settings)
    booking = hold(network)
    fake.pay(start(booking, gateway).tx_ref)
    fake.charges.insert(
        0, {**fake.charges[0], "id": fake.new_id("ch"), "metadata": {}, "payment_intent": None, "amount": 500}
    )
    report = compare(settings)
    assert (report.charges, report.recorded, report.opened, fresh(booking).state) == (2, 1, 1, "confirmed")
    assert (compare(settings).opened, cases(), findings()) == (0, ["unknown_charge"], [])


def test_a_payout_is_booked_with_its_fees_once(settings: Settings, sale: Booking, fake: StripeFake) -> None:
    ask(sale, 3000)
    process_refunds(settings, 9)
    fake.end_refunds()
    fake.pay_out(status="in_transit")
    assert (compare(settings).booked, balance("bank")) == (0, 0)
    fake.payouts[0]["status"] = "paid"
    assert (compare(settings).booked, compare(settings).booked) == (1, 0)
    process_refunds(settings, 9)
    assert (balance("bank"), balance("gateway_fees"), balance(CLEARING)) == (4805, 195, 0)
    assert (holdings(settings), cases(), findings()) == ([], [], [])


@pytest.mark.parametrize("what", ["manual", "foreign", "failed later"])
def test_a_payout_that_cannot_be_booked_is_a_case(
    settings: Settings, sale: Booking, fake: StripeFake, what: str
) -> None:
    payout = fake.pay_out(automatic=what != "manual")
    if what == "foreign":
        fake.charges[0]["currency"] = "xof"
        fake.movements[-1]["currency"] = "xof"
        fake.charges[0]["currency"] = "xaf"
    booked = compare(settings).booked
    if what == "failed later":
        assert booked == 1
        payout["status"] = "failed"
        compare(settings)
    assert (compare(settings).opened, cases()) == (0, ["settlement_not_booked"])
    assert (balance("bank") > 0, findings()) == (what == "failed later", [])


@pytest.mark.parametrize("kind", ["refund.failed", "refund.updated", "charge.refund.updated"])
def test_a_refund_that_failed_after_it_was_done_is_a_case_and_no_step_back(
    client: FlaskClient, settings: Settings, sale: Booking, fake: StripeFake, kind: str
) -> None:
    ask(sale, 8000)
    process_refunds(settings, 9)
    fake.end_refunds()
    later(timedelta(minutes=5))
    process_refunds(settings, 9)
    assert refunds()[0].state == "succeeded"
    fake.refunds[0].update(status="failed", failure_reason="lost_or_stolen_card")
    for number in (1, 2):
        send(client, kind, fake.refunds[0], number)
        process_events(settings, 9)
        process_refunds(settings, 9)
    assert (refunds()[0].state, refunds()[0].next_check_at) == ("succeeded", None)
    assert (cases(), payments_of(sale)[0].state, findings()) == (["refund_differs"], "refunded", [])
    compare(settings)
    assert set(cases()) == {"refund_differs"}


def test_a_refund_that_fails_while_it_is_pending_waits_for_a_person(
    client: FlaskClient, settings: Settings, sale: Booking, fake: StripeFake
) -> None:
    ask(sale, 8000)
    process_refunds(settings, 9)
    fake.end_refunds("failed")
    send(client, "refund.failed", fake.refunds[0], 1)
    process_events(settings, 9)
    process_refunds(settings, 9)
    assert (refunds()[0].state, cases(), findings()) == ("failed", ["refund_failed"], [])


@pytest.mark.parametrize("end", ["won", "lost"])
def test_a_dispute_from_its_event_to_its_payout(
    client: FlaskClient, settings: Settings, sale: Booking, fake: StripeFake, end: str
) -> None:
    charge = fake.charges[0]["id"]
    dispute = fake.dispute(charge, 8000)
    send(client, "charge.dispute.created", {**dispute, "status": "lost", "amount": 1}, 1)  # its body decides nothing
    process_events(settings, 9)
    assert process_disputes(settings, 9) == 1
    assert (dispute_states(), payments_of(sale)[0].state, fresh(sale).state) == (["open"], "disputed", "cancelled")
    assert (balance("dispute_hold"), holdings(settings), findings()) == (8000, [], [])
    fake.decide(dispute, end)
    send(client, "charge.dispute.closed", dispute, 2)
    process_events(settings, 9)
    process_disputes(settings, 9)
    assert (dispute_states(), balance("dispute_hold"), findings()) == ([end], 0, [])
    assert balance(CLEARING) == (8000 if end == "won" else 0)
    assert holdings(settings) == []


def test_a_dispute_no_event_told_of_is_found_in_the_list(settings: Settings, sale: Booking, fake: StripeFake) -> None:
    fake.dispute(fake.charges[0]["id"], 8000)
    report = compare(settings)
    assert (report.disputes, report.asked_again, process_disputes(settings, 9)) == (1, 1, 1)
    assert (dispute_states(), findings()) == (["open"], [])


def test_the_commands_work_with_stripe(app: Flask, settings: Settings, sale: Booking, fake: StripeFake) -> None:
    run = app.test_cli_runner().invoke
    told = run(group, ["reconcile"])
    assert (told.exit_code, told.output.startswith("charges 1,")) == (0, True)
    clean = run(group, ["doctor", "--gateway", "--json"])
    assert clean.exit_code == 0, clean.output
    assert "I17" in json.dumps(json.loads(clean.output))
