"""A gateway's books against ours, with the running sandbox: what is lost is found, what is strange is a case, once."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking.models import Booking
from aurapark.cases.models import Case
from aurapark.cases.queries import list_cases
from aurapark.checkout.gateways import gateway_for, terms_for
from aurapark.checkout.pay import start_payment
from aurapark.checkout.refund import process_due_refund
from aurapark.cli import group
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox
from aurapark.extensions import db
from aurapark.payments.flutterwave_calls import Calls
from aurapark.payments.flutterwave_lists import FlutterwaveLists
from aurapark.payments.models import Payment
from aurapark.reconciliation import gateway as story
from aurapark.reconciliation.holdings import examine_holdings
from aurapark.reconciliation.report import Report
from tests.factories import Network
from tests.refunding import PATIENCE, ask, balance, findings, later, refunds
from tests.stories import details, fresh, hold, pass_time, payments_of, race

CLEARING = "gateway_clearing:flutterwave"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("books")) as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> RunningSandbox:
    shared_sandbox.admin.reset()
    return shared_sandbox


@pytest.fixture
def environment(sandbox: RunningSandbox) -> dict[str, str]:
    hosts = urlsplit(sandbox.base_url).netloc
    return {"FLUTTERWAVE_BASE_URL": sandbox.base_url, "FLUTTERWAVE_CHECKOUT_HOSTS": hosts}


def today() -> date:
    return datetime.now(UTC).date()


def compare(settings: Settings, *, first: date | None = None, last: date | None = None) -> Report:
    """Reconcile yesterday and today, as the nightly work would."""
    lists = story.lists_for(settings)
    assert lists is not None
    return story.reconcile(
        first or today() - DAY,
        last or today(),
        gateway=gateway_for(settings),
        lists=lists,
        ask_again=story.asking_again(settings),
    )


def begin(network: Network, settings: Settings, *seats: str) -> tuple[Booking, Payment]:
    """A hold whose payer is on the gateway's page."""
    booking = hold(network, *seats)
    payment = start_payment(
        booking.reference, details(booking), gateway=gateway_for(settings), terms=terms_for(settings)
    )
    return booking, payment


def paid(network: Network, settings: Settings, sandbox: RunningSandbox, *seats: str) -> tuple[Booking, Payment]:
    """A booking paid by card, of which only the gateway knows."""
    booking, payment = begin(network, settings, *seats)
    sandbox.admin.pay(payment.tx_ref, method="card", outcome="approve")
    return booking, payment


def cases() -> list[tuple[str, str]]:
    db.session.rollback()
    return [(case.kind.value, case.entity) for case in list_cases()]


def holdings(settings: Settings) -> list[dict[str, Any]]:
    lists = story.lists_for(settings)
    assert lists is not None
    return examine_holdings(gateway_for(settings).provider, lists).rows


def run(sql: str, **values: Any) -> None:
    in_transaction(lambda: db.session.execute(text(sql), values))


def test_a_lost_charge_is_found_and_confirms(network: Network, settings: Settings, sandbox: RunningSandbox) -> None:
    booking, _ = paid(network, settings, sandbox)
    assert holdings(settings) == [{"account": CLEARING, "currency": "XAF", "ours": 0, "theirs": 4000}]
    report = compare(settings)
    assert (report.charges, report.recorded, report.opened, fresh(booking).state) == (1, 1, 0, "confirmed")
    assert (holdings(settings), cases(), findings()) == ([], [], [])
    again = compare(settings)
    assert (again.charges, again.asked_again, again.recorded, balance(CLEARING)) == (1, 0, 0, 4000)


def test_a_charge_is_found_long_after_we_stopped_asking(
    network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    booking, payment = begin(network, settings)
    pass_time(booking, timedelta(minutes=26))
    story.asking_again(settings)(payment.tx_ref)
    run("UPDATE payment SET next_check_at = NULL")
    assert (fresh(booking).state, payments_of(booking)[0].state) == ("expired", "lapsed")
    sandbox.admin.make_charge(payment.tx_ref, 4000)
    assert compare(settings).recorded == 1
    assert (fresh(booking).state, findings()) == ("confirmed", [])


def test_a_second_charge_of_one_link_is_found_and_goes_back(
    network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    booking, payment = paid(network, settings, sandbox)
    compare(settings)
    sandbox.admin.make_charge(payment.tx_ref, 4000)
    assert compare(settings).recorded == 1
    assert [one.disposition_reason for one in payments_of(booking)] == [None, "second"]
    assert ([one.amount for one in refunds()], findings()) == ([4000], [])


def test_a_strange_charge_is_one_case_however_often_it_is_seen(
    app: Flask, settings: Settings, sandbox: RunningSandbox
) -> None:
    charge = sandbox.admin.make_charge("SHOP-1", 500, currency="NGN")
    for _ in range(3):
        compare(settings)
    race(app, *[partial(compare, settings)] * 4)
    assert cases() == [("unknown_charge", "charge")]
    (case,) = list_cases()
    assert case.details == {
        "charge": str(charge["id"]), "tx_ref": "SHOP-1", "amount": "500", "currency": "NGN", "status": "successful",
    }  # fmt: skip
    assert findings() == []


def test_two_processes_open_a_strange_charge_once(app: Flask, settings: Settings, sandbox: RunningSandbox) -> None:
    for number in range(5):
        sandbox.admin.make_charge(f"SHOP-{number}", 500)
    outcomes = race(app, *[partial(compare, settings)] * 2)
    assert sum(report.opened for report in outcomes) == 5
    assert (len(cases()), db.session.query(Case).count()) == (5, 5)


def test_what_was_decided_is_not_opened_again(app: Flask, settings: Settings, sandbox: RunningSandbox) -> None:
    sandbox.admin.make_charge("SHOP-1", 500)
    compare(settings)
    run("UPDATE finance_case SET state = 'in_hand', owner = 'ada'")
    run("UPDATE finance_case SET state = 'resolved', resolution = 'none', resolved_at = now(), reason = 'the shop'")
    assert compare(settings).opened == 0
    assert cases() == []


def test_a_failed_try_is_no_difference(settings: Settings, network: Network, sandbox: RunningSandbox) -> None:
    booking, payment = begin(network, settings)
    sandbox.admin.make_charge(payment.tx_ref, 4000, status="failed")
    sandbox.admin.make_charge("SHOP-1", 4000, status="failed")
    report = compare(settings)
    assert (report.charges, report.asked_again, report.opened, fresh(booking).state) == (2, 0, 0, "held")


@pytest.mark.parametrize(("column", "value"), [("paid_amount", 3999), ("paid_currency", "NGN"), ("tx_ref", "AP-OTHER")])
def test_a_charge_that_differs_is_a_case(
    network: Network, settings: Settings, sandbox: RunningSandbox, column: str, value: object
) -> None:
    paid(network, settings, sandbox)
    compare(settings)
    run(f"UPDATE payment SET {column} = :value", value=value)  # noqa: S608  names above
    assert (compare(settings).opened, compare(settings).opened) == (1, 0)
    assert cases() == [("charge_differs", "payment")]


def test_money_the_gateway_does_not_know_is_a_case(
    network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    paid(network, settings, sandbox)
    compare(settings)
    sandbox.admin.reset()
    sandbox.admin.fault("unavailable", endpoint="verify_by_reference", times=None)
    report = compare(settings)
    assert (report.unanswered, report.opened) == (1, 0)
    sandbox.admin.forget_faults()
    assert (compare(settings).opened, compare(settings).opened) == (1, 0)
    assert cases() == [("charge_missing", "payment")]


def test_a_charge_listed_on_another_day_is_not_missing(
    network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    _, payment = begin(network, settings)
    sandbox.admin.make_charge(payment.tx_ref, 4000, created_at=f"{today() - DAY}T23:59:00Z")
    assert compare(settings).recorded == 1
    assert (compare(settings, first=today()).opened, cases(), findings()) == (0, [], [])


def refund(network: Network, settings: Settings, sandbox: RunningSandbox, amount: int = 1000) -> None:
    """A refund of a confirmed booking that was sent to the gateway."""
    booking, _ = paid(network, settings, sandbox)
    compare(settings)
    ask(fresh(booking), amount)
    while process_due_refund(gateway=gateway_for(settings), patience=PATIENCE):
        pass


def test_a_refund_that_ended_there_is_asked_about_again(
    network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    refund(network, settings, sandbox)
    assert refunds()[0].state == "sent"
    sandbox.admin.advance(60)
    assert compare(settings).asked_again == 1
    assert process_due_refund(gateway=gateway_for(settings), patience=PATIENCE)
    assert (refunds()[0].state, holdings(settings), cases(), findings()) == ("succeeded", [], [], [])
    assert balance(CLEARING) == 3000


def test_refunds_that_differ_are_cases(network: Network, settings: Settings, sandbox: RunningSandbox) -> None:
    refund(network, settings, sandbox)
    run("ALTER TABLE refund DISABLE TRIGGER USER; UPDATE refund SET amount = 999")
    compare(settings)
    compare(settings)
    assert cases() == [("refund_differs", "refund")]
    run("UPDATE refund SET amount = 1000, gateway_refund_id = '1'")
    compare(settings)
    compare(settings)
    assert cases() == [("refund_differs", "refund"), ("unknown_refund", "gateway_refund"), ("refund_missing", "refund")]


def test_a_refund_whose_answer_got_lost_is_not_strange(
    network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    sandbox.admin.fault("response_lost", endpoint="refund")
    refund(network, settings, sandbox)
    assert refunds()[0].state == "unknown"
    assert (compare(settings).asked_again, cases()) == (1, [])
    later(timedelta(minutes=10))
    assert process_due_refund(gateway=gateway_for(settings), patience=PATIENCE)
    assert (refunds()[0].state, len(sandbox.admin.requests(endpoint="refund"))) == ("sent", 1)


def test_a_settlement_is_booked_once(app: Flask, network: Network, settings: Settings, sandbox: RunningSandbox) -> None:
    _, payment = begin(network, settings)
    sandbox.admin.make_charge(payment.tx_ref, 4000, created_at=f"{today() - DAY}T10:00:00Z")
    reports = race(app, *[partial(compare, settings)] * 3)
    assert sum(report.booked for report in reports) == 1
    assert compare(settings).booked == 0
    assert (balance("bank"), balance("gateway_fees"), balance(CLEARING)) == (3920, 80, 0)
    assert (holdings(settings), cases(), findings()) == ([], [], [])


def test_fractions_of_settlements_are_kept_until_they_are_whole(
    app: Flask, settings: Settings, sandbox: RunningSandbox
) -> None:
    """A fee of 2 % on 10 francs is 0.2: after five of them the bank has one franc more than five times 9."""
    for back in range(6, 1, -1):
        sandbox.admin.make_charge(f"SHOP-{back}", 10, created_at=f"{today() - back * DAY}T10:00:00Z")
    report = compare(settings, first=today() - 7 * DAY)
    assert (report.booked, balance("bank"), balance("gateway_fees")) == (5, 49, 1)
    kept = db.session.execute(text("SELECT net, net_posted, kept FROM gateway_settlement ORDER BY id")).all()
    assert [float(row.kept) for row in kept] == [0.8, 0.6, 0.4, 0.2, 0.0]
    assert [row.net_posted for row in kept] == [9, 10, 10, 10, 10]


def test_a_settlement_that_changed_after_it_was_booked_is_a_case(
    app: Flask, settings: Settings, sandbox: RunningSandbox
) -> None:
    sandbox.admin.make_charge("SHOP-1", 1000, created_at=f"{today() - DAY}T10:00:00Z")
    compare(settings)
    run("UPDATE gateway_settlement SET net = net - 1")
    compare(settings)
    compare(settings)
    assert cases() == [("unknown_charge", "charge"), ("settlement_not_booked", "gateway_settlement")]


def test_shifting_pages_give_every_row_once(
    app: Flask, settings: Settings, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"tx_ref": f"SHOP-{n}", "amount": 100, "created_at": f"{today()}T00:00:{n:02d}Z"} for n in range(38)]
    before = {str(charge) for charge in sandbox.admin.import_charges(rows)}
    calls = Calls(settings.flutterwave_base_url, settings.flutterwave_secret_key)
    get, arrived = calls.get, []

    def get_while_rows_arrive(path: str, **how: Any) -> Any:
        answer = get(path, **how)
        if len(arrived) < 6:
            arrived.append(sandbox.admin.make_charge(f"NEW-{len(arrived)}", 100))
        return answer

    monkeypatch.setattr(calls, "get", get_while_rows_arrive)
    listed = [charge.gateway_tx_id for charge in FlutterwaveLists(calls).list_transactions(today(), today())]
    assert before <= set(listed)
    assert len(listed) == len(set(listed))
    assert len(sandbox.admin.requests(endpoint="transactions")) == 5


def test_a_list_that_cannot_be_read_stops_the_day_and_is_tried_again(
    app: Flask, settings: Settings, network: Network, sandbox: RunningSandbox
) -> None:
    booking, _ = paid(network, settings, sandbox)
    run("INSERT INTO reconciliation_schedule (provider, next_at) VALUES ('flutterwave', now())")
    sandbox.admin.fault("null_data", endpoint="transactions", times=None)
    assert story.reconcile_payments(settings, 10) == 0
    assert fresh(booking).state == "held"
    sandbox.admin.forget_faults()
    assert story.reconcile_payments(settings, 10) == 0  # its lease runs
    run("UPDATE reconciliation_schedule SET next_at = now()")
    assert story.reconcile_payments(settings, 10) == 5
    assert fresh(booking).state == "confirmed"
    assert story.reconcile_payments(settings, 10) == 0  # until the next round
    waits = "SELECT next_day IS NULL AND done_at IS NOT NULL AND next_at > now() FROM reconciliation_schedule"
    assert db.session.scalar(text(waits))


def test_the_first_night_comes_five_minutes_after_the_start(app: Flask, settings: Settings) -> None:
    assert story.reconcile_payments(settings, 10) == 0
    soon = "SELECT next_at BETWEEN now() AND now() + interval '5 min' FROM reconciliation_schedule"
    assert db.session.scalar(text(soon))


def test_what_was_never_compared_is_compared_from_the_first_attempt(
    network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    paid(network, settings, sandbox)
    run("UPDATE payment SET created_at = created_at - interval '10 days'")
    run("INSERT INTO reconciliation_schedule (provider, next_at) VALUES ('flutterwave', now())")
    assert story.reconcile_payments(settings, 100) == 15
    assert story.reconcile_payments(settings, 100) == 0


def test_two_sweepers_share_the_days(app: Flask, settings: Settings, sandbox: RunningSandbox) -> None:
    run("INSERT INTO reconciliation_schedule (provider, next_at) VALUES ('flutterwave', now())")
    done = race(app, *[partial(story.reconcile_payments, settings, 10)] * 2)
    assert sum(done) == 5
    assert len(sandbox.admin.requests(endpoint="settlements")) == 5


def test_the_commands(app: Flask, network: Network, settings: Settings, sandbox: RunningSandbox) -> None:
    paid(network, settings, sandbox)
    sandbox.admin.make_charge("SHOP-1", 500)
    invoke = app.test_cli_runner().invoke
    answer = invoke(group.commands["reconcile"], ["--from", today().isoformat()])
    assert (answer.exit_code, "recorded 1" in answer.output, "opened 1" in answer.output) == (0, True, True)
    backwards = invoke(group.commands["reconcile"], ["--from", "2026-01-02", "--to", "2026-01-01"])
    assert (backwards.exit_code, backwards.output) == (1, "Error: the first day comes after the last one\n")
    doctor = invoke(group.commands["doctor"], ["--gateway", "--json"])
    document = json.loads(doctor.output)
    (found,) = [one for one in document["invariants"] if one["id"] == "I17"]
    assert (doctor.exit_code, found["verdict"], document["notChecked"]) == (1, "found", ["I28"])
    assert found["rows"][0]["theirs"] - found["rows"][0]["ours"] == 500
    sandbox.admin.fault("unavailable", endpoint="transactions", times=None)
    silent = invoke(group.commands["reconcile"], [])
    assert (silent.exit_code, silent.output.count("\n")) == (1, 1)
    assert "no answer that can be used" in silent.output


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happened_every_franc_is_recorded_or_a_case(
    app: Flask, network: Network, settings: Settings, sandbox: RunningSandbox, seed: int
) -> None:
    """Lost, strange, short, doubled charges on two days, compared by three processes at once, twice."""
    rng = random.Random(seed)
    strange_ones, paid_ones = 0, []
    for seat in range(1, 13):
        _, payment = begin(network, settings, str(seat))
        for _ in range(rng.choice([0, 1, 1, 2])):
            amount = rng.choice([4000, 4000, 100, 4100])
            sandbox.admin.make_charge(
                payment.tx_ref, amount, created_at=f"{today() - rng.randint(0, 1) * DAY}T00:00:01Z"
            )
            paid_ones.append(amount)
        if rng.random() < 0.3:
            sandbox.admin.make_charge(f"SHOP-{seat}", 500)
            strange_ones += 1
    for _ in range(2):
        outcomes = race(app, *[partial(compare, settings)] * 3)
        assert all(isinstance(one, Report) for one in outcomes), outcomes
    recorded = db.session.execute(text("SELECT paid_amount FROM audit.payment WHERE paid_amount IS NOT NULL"))
    assert sorted(recorded.scalars()) == sorted(paid_ones)
    assert cases() == [("unknown_charge", "charge")] * strange_ones
    assert [row["theirs"] - row["ours"] for row in holdings(settings)] == [500 * strange_ones] * bool(strange_ones)
    assert findings() == []


def attach(app: Flask, booking: Booking) -> str:
    """Put the one open case's charge on a booking; returns what the command says."""
    (case,) = list_cases()
    given = ["resolve", str(case.id), "--as", "ada", "--reason", "the payer says so", "--action", "attach"]
    return app.test_cli_runner().invoke(group.commands["cases"], [*given, booking.reference]).output


def test_a_strange_charge_is_put_on_the_booking_it_was_meant_for(
    app: Flask, network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    booking, _ = begin(network, settings)
    sandbox.admin.make_charge("SHOP-1", 4000)
    compare(settings)
    assert "resolved ada unknown_charge" in attach(app, booking)
    assert (fresh(booking).state, [one.disposition for one in payments_of(booking)]) == ("confirmed", [None, "applied"])
    assert (compare(settings).opened, cases(), holdings(settings), findings()) == (0, [], [], [])
    actor = db.session.execute(text("SELECT actor, reason FROM audit.log WHERE action = 'payment.attach'")).one()
    assert tuple(actor) == ("ada", "the payer says so")


def test_a_strange_charge_that_cannot_pay_goes_back(
    app: Flask, network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    booking, _ = paid(network, settings, sandbox)
    sandbox.admin.make_charge("SHOP-1", 700)
    compare(settings)
    assert "resolved ada unknown_charge" in attach(app, booking)
    assert [(one.reason, one.amount) for one in refunds()] == [("second", 700)]
    assert (cases(), holdings(settings), findings()) == ([], [], [])


def test_a_charge_is_not_put_where_it_cannot_be(
    app: Flask, network: Network, settings: Settings, sandbox: RunningSandbox
) -> None:
    never_paid = hold(network, "30")
    sandbox.admin.make_charge("SHOP-1", 4000)
    compare(settings)
    assert attach(app, never_paid).startswith("Error: ")
    booking, _ = begin(network, settings)
    sandbox.admin.fault("unavailable", endpoint="verify_by_reference", times=None)
    assert "no answer that can be used" in attach(app, booking)
    sandbox.admin.reset()
    assert "does not confirm this charge" in attach(app, booking)
    assert (cases(), len(payments_of(booking)), findings()) == ([("unknown_charge", "charge")], 1, [])
