"""The whole way of a payout against the sandbox: whatever happens on the line, it is made once, and the books agree."""

import json
import signal
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import clock
from aurapark.cases.models import Case
from aurapark.checkout.webhooks import process_webhooks, store_event
from aurapark.config import SANDBOX_SECRET_KEY, Settings
from aurapark.database import in_transaction
from aurapark.devstack.sandbox.running import RunningSandbox
from aurapark.extensions import db
from aurapark.payments.flutterwave_calls import Calls
from aurapark.payments.flutterwave_lists import FlutterwaveLists
from aurapark.payments.flutterwave_transfers import FlutterwaveTransfers
from aurapark.payments.models import Provider
from aurapark.payments.transfers import Beneficiary, TransferOrder
from aurapark.payouts.service import make_payout_due
from aurapark.reconciliation.doctor import Finding, Verdict
from aurapark.reconciliation.holdings import examine_holdings
from aurapark.reconciliation.report import Report
from aurapark.reconciliation.transfers import reconcile_transfers
from tests.factories import Network
from tests.paying import NET, Desk, later, make_desk, payouts, states
from tests.processes import Process, eventually
from tests.refunding import findings
from tests.stories import race

DONE = ("response_lost", "timeout_after_doing", "truncated", "null_data")
NOT_DONE = ("request_lost", "unavailable", "server_error", "rate_limited", "redirect")
VALUES = {"timeout_after_doing": {"seconds": 0}, "redirect": {"to": "http://localhost:1"}}


@pytest.fixture
def transfers(sandbox: RunningSandbox) -> FlutterwaveTransfers:
    return FlutterwaveTransfers(sandbox.base_url, SANDBOX_SECRET_KEY, timeouts=(1.0, 1.5))


@pytest.fixture
def desk(network: Network, settings: Settings, sandbox: RunningSandbox) -> Iterator[Desk]:
    """A closed settlement whose sales the sandbox holds; whatever happened, the clearing account says what is left."""
    made = make_desk(network, settings)
    for number, amount in enumerate((60_000, 40_000)):
        sandbox.admin.make_charge(f"tx-{number}", amount, webhook=False)
    yield made
    lists = FlutterwaveLists(Calls(sandbox.base_url, SANDBOX_SECRET_KEY))
    finding: Finding = examine_holdings(Provider.FLUTTERWAVE, lists)
    assert finding.verdict == Verdict.CLEAN, finding.rows
    assert findings() == []


def finish(sandbox: RunningSandbox) -> None:
    """Let the sandbox end what it began."""
    sandbox.admin.advance(20)


def really(sandbox: RunningSandbox) -> list[int]:
    return [int(one["amount"]) for one in sandbox.admin.transfers() if one["status"] != "FAILED"]


def posts(sandbox: RunningSandbox) -> int:
    return len(sandbox.admin.requests(endpoint="transfer"))


@pytest.mark.parametrize("fault", [*DONE, *NOT_DONE])
def test_a_cut_on_the_call_makes_one_transfer_or_none(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk, fault: str
) -> None:
    desk.approved()
    sandbox.admin.fault(fault, endpoint="transfer", **VALUES.get(fault, {}))
    desk.step(transfers)
    assert states() == ["unknown"]
    desk.drain(transfers, between=partial(finish, sandbox))
    assert (states(), really(sandbox)) == ((["succeeded"], [NET]) if fault in DONE else (["failed"], []))
    assert posts(sandbox) == 1
    if fault in NOT_DONE:  # people prepare another one, under a reference of its own
        desk.approved()
        desk.drain(transfers, between=partial(finish, sandbox))
        assert (states(), really(sandbox), posts(sandbox)) == (["failed", "succeeded"], [NET], 2)
    assert desk.settlement().state == "paid"


@pytest.mark.parametrize("endpoint", ["balances", "transfer_fee", "transfers", "transfer_by_id"])
@pytest.mark.parametrize("fault", ["unavailable", "response_lost", "null_data"])
def test_a_cut_on_a_question_sends_nothing_twice(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk, endpoint: str, fault: str
) -> None:
    desk.approved()
    sandbox.admin.fault(fault, endpoint=endpoint, times=3)
    desk.drain(transfers, between=partial(finish, sandbox))
    assert posts(sandbox) <= 1
    assert (states(), really(sandbox)) in ((["succeeded"], [NET]), (["failed"], []))
    if endpoint != "transfers":
        assert states() == ["succeeded"]


@pytest.mark.parametrize("fault", ["transfer_not_whitelisted", "transfer_blacklisted", "transfer_fails"])
def test_a_clear_no_waits_for_a_person(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk, fault: str
) -> None:
    desk.approved()
    sandbox.admin.fault(fault)
    desk.drain(transfers, between=partial(finish, sandbox))
    assert (states(), posts(sandbox), really(sandbox)) == (["failed"], 1, [])
    assert payouts()[0].failure


def test_too_little_balance_waits_and_goes_on(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk
) -> None:
    sandbox.admin.set_balance(NET + 99)
    desk.approved()
    for _ in range(3):
        desk.step(transfers)
        later(timedelta(hours=7))
    assert (states(), posts(sandbox)) == (["approved"], 0)
    sandbox.admin.set_balance(NET + 100)
    desk.drain(transfers, between=partial(finish, sandbox))
    assert (states(), payouts()[0].fee) == (["succeeded"], 100)


def test_a_transfer_that_stays_pending_is_never_called_paid(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk
) -> None:
    sandbox.admin.fault("transfer_stays")
    desk.approved()
    desk.drain(transfers, between=partial(finish, sandbox), rounds=6)
    assert (states(), desk.settlement().state) == (["sent"], "closed")


def test_webhooks_five_times_and_a_poll_at_once_book_it_once(
    app: Flask, sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk
) -> None:
    desk.approved()
    desk.step(transfers)
    finish(sandbox)
    (sent,) = sandbox.admin.deliveries(tx_ref=payouts()[0].reference)
    raw = sent["body"].encode()

    def deliver() -> None:
        store_event(Provider.FLUTTERWAVE, raw)
        process_webhooks(10, base=timedelta(seconds=10))
        desk.step(transfers)

    race(app, *[deliver] * 5, partial(desk.step, transfers))
    deliver()
    desk.drain(transfers, between=partial(finish, sandbox))
    assert (states(), posts(sandbox), desk.settlement().state) == (["succeeded"], 1, "paid")
    before = everything()
    race(app, *[deliver] * 3)
    desk.drain(transfers, between=partial(finish, sandbox))
    assert everything() == before


def everything() -> list[list[tuple[object, ...]]]:
    """What told again must not change."""
    db.session.rollback()
    views = ("settlement", "settlement_line", "payout", "ledger", "outbox")
    asked = [db.session.execute(text(f"SELECT * FROM audit.{view} ORDER BY 1, 2")) for view in views]  # noqa: S608
    return [[tuple(row) for row in found] for found in asked]


@pytest.mark.parametrize("changes", [{"status": "FAILED"}, {"amount": 1}, {"reference": "AP-P-NOBODYS"}])
def test_a_webhook_that_lies_changes_nothing(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk, changes: dict[str, object]
) -> None:
    desk.approved()
    desk.step(transfers)
    about = {"id": 1, "reference": payouts()[0].reference, "amount": NET, "status": "SUCCESSFUL", **changes}
    raw = json.dumps({"event": "transfer.completed", "event.type": "Transfer", "data": about}).encode()
    store_event(Provider.FLUTTERWAVE, raw)
    process_webhooks(10, base=timedelta(seconds=10))
    while desk.step(transfers):
        pass
    assert states() == ["sent"]


def test_money_that_comes_back_is_seen(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, network: Network, settings: Settings
) -> None:
    desk = make_desk(network, settings)
    desk.approved()
    desk.drain(transfers, between=partial(finish, sandbox))
    sandbox.admin.return_transfer(int(payouts()[0].gateway_transfer_id or 0))
    assert in_transaction(lambda: make_payout_due(payouts()[0].reference))
    desk.step(transfers)
    lists = FlutterwaveLists(Calls(sandbox.base_url, SANDBOX_SECRET_KEY))
    assert states() == ["succeeded"]
    assert examine_holdings(Provider.FLUTTERWAVE, lists).verdict == Verdict.FOUND


def test_a_sweeper_killed_between_the_call_and_its_answer_sends_once(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk, settings: Settings, tmp_path: Path
) -> None:
    desk.approved()
    sandbox.admin.fault("slow", endpoint="transfer", seconds=10)
    sweeper = Process("sweeper", settings, tmp_path, FLUTTERWAVE_BASE_URL=sandbox.base_url)
    eventually(sandbox.admin.transfers)
    sweeper.stop(signal.SIGKILL)
    assert states() == ["sending"]
    assert not desk.step(transfers)  # its lease is not over yet
    desk.drain(transfers, between=partial(wait_out_the_lease, sandbox))
    assert (states(), really(sandbox), posts(sandbox)) == (["succeeded"], [NET], 1)


def wait_out_the_lease(sandbox: RunningSandbox) -> None:
    later(timedelta(minutes=3))
    finish(sandbox)


def test_four_workers_and_two_payouts_make_two_transfers(
    app: Flask, sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk
) -> None:
    desk.approved(50_000)
    desk.approved(40_000, left=40_000)
    sandbox.admin.fault("response_lost", endpoint="transfer")
    race(app, *[partial(desk.step, transfers)] * 4)
    desk.drain(transfers, between=partial(finish, sandbox))
    assert (states(), sorted(really(sandbox)), posts(sandbox)) == (["succeeded"] * 2, [40_000, 50_000], 2)


class TestTheBooksAgainstTheirs:
    """What the nightly comparison makes of transfers."""

    def compare(self, sandbox: RunningSandbox) -> list[tuple[str, str]]:
        lists, today = FlutterwaveLists(Calls(sandbox.base_url, SANDBOX_SECRET_KEY)), clock.now().date()
        report = Report()
        for day in (today - timedelta(days=1), today):
            reconcile_transfers(day, Provider.FLUTTERWAVE, lists, report)
        db.session.rollback()
        return [(one.kind.value, one.entity) for one in db.session.query(Case).order_by(Case.id)]

    def test_what_agrees_is_no_case(self, sandbox: RunningSandbox, transfers: FlutterwaveTransfers, desk: Desk) -> None:
        desk.approved()
        assert self.compare(sandbox) == []
        desk.step(transfers)
        finish(sandbox)
        assert self.compare(sandbox) == []  # and the next question is due at once
        desk.step(transfers)
        assert (states(), self.compare(sandbox)) == (["succeeded"], [])

    def test_a_transfer_nobody_of_us_made(self, app: Flask, sandbox: RunningSandbox) -> None:  # noqa: ARG002  its database
        transfers = FlutterwaveTransfers(sandbox.base_url, SANDBOX_SECRET_KEY)
        transfers.send(
            TransferOrder(
                reference="BY-HAND",
                amount=500,
                currency="XAF",
                to=Beneficiary(holder="X", number="+237670000001"),
                narration="",
            )
        )
        assert self.compare(sandbox) == [("unknown_transfer", "gateway_transfer")]

    def test_one_that_came_back_and_one_we_took_for_failed(
        self, sandbox: RunningSandbox, transfers: FlutterwaveTransfers, network: Network, settings: Settings
    ) -> None:
        desk = make_desk(network, settings)
        desk.approved(50_000)
        desk.drain(transfers, between=partial(finish, sandbox))
        sandbox.admin.return_transfer(int(payouts()[0].gateway_transfer_id or 0))
        assert self.compare(sandbox) == [("payout_differs", "payout")]
        assert self.compare(sandbox) == [("payout_differs", "payout")]
        sandbox.admin.fault("request_lost", endpoint="transfer")
        desk.approved(40_000, left=40_000)
        desk.drain(transfers, between=partial(finish, sandbox))
        assert states() == ["succeeded", "failed"]
        lost = payouts()[1]
        transfers.send(
            TransferOrder(
                reference=lost.reference,
                amount=lost.amount,
                currency="XAF",
                to=Beneficiary(holder="X", number="+237670000001"),
                narration="",
            )
        )
        assert sorted(self.compare(sandbox))[:2] == [("payout_differs", "payout")] * 2
