"""Payouts: two persons, one transfer, and never more than what is owed; what stands in the way says so."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from aurapark.accounts.models import PlatformRole, User
from aurapark.agencies.decisions import activate, suspend
from aurapark.agencies.models import Agency, AgencyState
from aurapark.cases.models import Case
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.errors import DomainError
from aurapark.extensions import db
from aurapark.payments.gateway import GatewayNotNow, GatewayRefused, GatewayUncertain
from aurapark.payments.transfers import TransferOutcome
from aurapark.payouts import errors, send
from aurapark.payouts.decide import ask_about_payout, prepare_payout, reject_payout
from aurapark.payouts.models import Payout, PayoutState
from aurapark.payouts.service import Wanted, make_payout_due
from aurapark.settlements.models import SettlementState
from tests.books import Books, write_events
from tests.factories import Network
from tests.office import logged, post_of
from tests.paying import NET, WHY, Desk, FakeTransfers, close_a_month, give_account, later, make_desk, payouts, states
from tests.refunding import balance, findings
from tests.stories import confirm, race


@pytest.fixture
def desk(network: Network, settings: Settings) -> Desk:
    return make_desk(network, settings)


@pytest.fixture
def gateway() -> FakeTransfers:
    return FakeTransfers()


def cases() -> list[str]:
    db.session.rollback()
    return [one.kind.value for one in db.session.query(Case).filter(Case.state != "resolved").order_by(Case.id)]


def of_agency(desk: Desk) -> int:
    return balance(f"agency_payable:{desk.network.agency.id}")


class TestTheStraightWay:
    def test_a_payout_is_prepared_approved_sent_and_paid(self, desk: Desk, gateway: FakeTransfers) -> None:
        payout_id = desk.prepare()
        assert (states(), desk.step(gateway)) == (["draft"], False)
        desk.approve(payout_id)
        assert desk.step(gateway)
        assert (states(), desk.settlement().state) == (["sent"], "closed")
        gateway.end()
        later(timedelta(minutes=2))
        assert desk.step(gateway)
        (paid,) = payouts()
        assert (paid.state, paid.fee, desk.settlement().state) == ("succeeded", 100, "paid")
        assert (of_agency(desk), balance("gateway_fees")) == (0, 100)
        assert balance("gateway_clearing:flutterwave") == 100_000 - NET - 100
        (order,) = gateway.posts
        assert (order.reference, order.amount, order.to.number) == (paid.reference, NET, "+237670000000")
        assert order.to.holder == "Wouri Voyages SARL"
        assert (findings(), cases()) == ([], [])
        said = [(one.action, one.actor) for one in logged("payout.prepare") + logged("payout.approve")]
        assert said == [("payout.prepare", f"user:{desk.first}"), ("payout.approve", f"user:{desk.second}")]

    def test_a_settlement_is_paid_when_its_parts_come_to_its_net(self, desk: Desk, gateway: FakeTransfers) -> None:
        desk.approved(50_000)
        desk.approved(40_000, left=40_000)
        desk.drain(gateway, between=gateway.end)
        assert (states(), desk.settlement().state) == (["succeeded"] * 2, "paid")
        assert (len(gateway.posts), of_agency(desk), findings()) == (2, 0, [])

    def test_paid_outside_needs_a_proof_and_a_second_person_too(self, desk: Desk, gateway: FakeTransfers) -> None:
        with pytest.raises(errors.PayoutProofNeeded):
            desk.prepare(proof="  ")
        payout_id = desk.prepare(proof="transfer 123 of Afriland, 2 November")
        with pytest.raises(errors.SecondPersonNeeded):
            desk.approve(payout_id, by=desk.first)
        desk.approve(payout_id)
        assert (states(), desk.settlement().state, gateway.posts) == (["succeeded"], "paid", [])
        assert (of_agency(desk), balance("bank"), findings()) == (0, -NET, [])

    def test_its_owner_is_told_once(self, desk: Desk, gateway: FakeTransfers, settings: Settings) -> None:
        desk.approved()
        desk.drain(gateway, between=gateway.end)
        ((to, said),) = post_of(settings)()
        assert to == "owner@example.cm"
        assert "90" in said
        assert f"/agency/settlements/{desk.settlement_id}" in said
        assert "0000" in said
        assert "670000000" not in said

    def test_who_has_no_mail_gets_one_sms(self, desk: Desk, gateway: FakeTransfers, settings: Settings) -> None:
        _without(
            "UPDATE user_account SET email = NULL, email_verified_at = NULL, phone = '+237699112233'"
            " WHERE email = 'owner@example.cm'"
        )
        desk.approved()
        desk.drain(gateway, between=gateway.end)
        ((to, said),) = post_of(settings)()
        assert (to, "AuraPark" in said, len(said) <= 160) == ("+237699112233", True, True)


class TestWhoAndWhat:
    def test_nobody_approves_what_they_prepared_whatever_their_role_by_then(self, desk: Desk) -> None:
        payout_id = desk.prepare()
        in_transaction(
            lambda: db.session.execute(
                text("UPDATE user_account SET platform_role = 'admin' WHERE id = :id"), {"id": desk.first}
            )
        )
        assert db.session.get_one(User, desk.first).platform_role == PlatformRole.ADMIN
        with pytest.raises(errors.SecondPersonNeeded):
            desk.approve(payout_id, by=desk.first)
        assert states() == ["draft"]

    def test_what_is_rejected_stays_so_and_frees_its_amount(self, desk: Desk) -> None:
        payout_id = desk.prepare()
        reject_payout(payout_id, by=desk.first, reason=WHY)
        for again in (partial(desk.approve, payout_id), partial(reject_payout, payout_id, by=desk.second, reason=WHY)):
            with pytest.raises(errors.NotADraft):
                again()
        desk.prepare()
        assert [one.is_draft for one in payouts()] == [False, True]
        assert findings() == []

    @pytest.mark.parametrize(
        ("amount", "left", "error"),
        [
            (NET + 1, NET, errors.PayoutTooLarge),
            (0, NET, errors.PayoutTooLarge),
            (-5, NET, errors.PayoutTooLarge),
            (NET, NET - 1, errors.LeftChanged),
        ],
    )
    def test_more_than_the_net_is_refused(self, desk: Desk, amount: int, left: int, error: type[DomainError]) -> None:
        with pytest.raises(error):
            desk.prepare(amount, left=left)
        assert states() == []

    def test_what_a_draft_covers_is_not_paid_again(self, desk: Desk) -> None:
        desk.prepare(50_000)
        with pytest.raises(errors.LeftChanged):
            desk.prepare(50_000)
        with pytest.raises(errors.PayoutTooLarge):
            desk.prepare(40_001, left=40_000)
        desk.prepare(40_000, left=40_000)
        with pytest.raises(errors.NothingToPay):
            desk.prepare(1, left=0)

    def test_an_open_settlement_and_a_negative_one_are_not_paid(self, desk: Desk, settings: Settings) -> None:
        confirm(desk.network)
        other = Network.make()
        books = Books(count=20_000)
        start = desk.settlement().period_start + timedelta(days=5)
        trip = other.add_trip(start, state="completed")
        write_events(lambda: books.sell(other, trip, start, 10_000, cash=True))
        negative = close_a_month(other, settings, books, 1)
        (running,) = in_transaction(
            lambda: db.session.scalars(
                text("SELECT id FROM settlement WHERE agency_id = :id AND state = 'open'"),
                {"id": desk.network.agency.id},
            ).all()
        )
        for settlement_id, error in ((running, errors.SettlementNotClosed), (negative, errors.NothingToPay)):
            with pytest.raises(error):
                prepare_payout(settlement_id, Wanted(1, 0), by=desk.first, reason=WHY, can_send=True)
        assert findings() == []

    def test_a_suspended_agency_is_not_paid(self, desk: Desk) -> None:
        payout_id = desk.prepare(50_000)
        in_transaction(lambda: suspend(desk.network.agency.id, actor="ada", reason=WHY))
        for refused in (partial(desk.prepare, 40_000, left=40_000), partial(desk.approve, payout_id)):
            with pytest.raises(errors.AgencyIsSuspended):
                refused()
        in_transaction(lambda: activate(desk.network.agency.id, actor="ada", reason=WHY))
        desk.approve(payout_id)

    def test_an_account_that_changed_meanwhile_is_not_paid(self, desk: Desk, settings: Settings) -> None:
        payout_id = desk.prepare()
        owner = db.session.query(User).filter_by(email="owner@example.cm").one()
        give_account(desk.network.agency.id, owner, settings, "+237690000001")
        with pytest.raises(errors.AccountChanged):
            desk.approve(payout_id)
        reject_payout(payout_id, by=desk.second, reason=WHY)
        desk.approve(desk.prepare())

    def test_without_an_account_or_a_gateway_there_is_no_transfer(self, network: Network, settings: Settings) -> None:
        settlement_id = close_a_month(network, settings, Books(), 1000)
        desk = Desk(
            network, settlement_id, make_desk(Network.make(), settings, books=Books(count=500)).first, 0, settings
        )
        with pytest.raises(errors.NoAccount):
            desk.prepare(900, left=900)
        with pytest.raises(errors.NoTransfers):
            prepare_payout(settlement_id, Wanted(900, 900), by=desk.first, reason=WHY, can_send=False)
        assert desk.prepare(900, left=900, proof="bank transfer 7")

    def test_who_or_what_is_not_there(self, desk: Desk) -> None:
        for number in (0, -1, 999_999, 2**70):
            with pytest.raises(DomainError):
                desk.approve(number)
            with pytest.raises(DomainError):
                prepare_payout(number, Wanted(1, 1), by=desk.first, reason=WHY, can_send=True)


class TestWhatCanHappenOnTheWay:
    @pytest.mark.parametrize("done", [True, False])
    def test_an_answer_that_got_lost_is_found_again_or_has_failed(
        self, desk: Desk, gateway: FakeTransfers, done: bool
    ) -> None:
        gateway.sending, gateway.done = GatewayUncertain("lost"), done
        desk.approved()
        desk.step(gateway)
        assert states() == ["unknown"]
        gateway.sending = None
        desk.drain(gateway, between=gateway.end)
        assert (states(), len(gateway.posts)) == (["succeeded" if done else "failed"], 1)
        assert (desk.settlement().state, findings()) == ("paid" if done else "closed", [])
        assert cases() == ([] if done else ["payout_failed"])
        if not done:
            desk.approved()
            desk.drain(gateway, between=gateway.end)
            assert (states(), cases(), findings()) == (["failed", "succeeded"], [], [])
            assert len({order.reference for order in gateway.posts}) == 2

    def test_a_clear_no_is_not_believed_before_the_list_was_read(self, desk: Desk, gateway: FakeTransfers) -> None:
        gateway.sending, gateway.done = GatewayRefused("HTTP 400: Transfer with this reference already exists"), True
        desk.approved()
        desk.drain(gateway, between=gateway.end)
        assert (states(), len(gateway.posts)) == (["succeeded"], 1)

    def test_two_empty_answers_must_lie_five_minutes_apart(self, desk: Desk, gateway: FakeTransfers) -> None:
        gateway.sending = GatewayRefused("whitelist")
        desk.approved()
        desk.step(gateway)
        for pause, state in ((2, "unknown"), (4, "unknown"), (2, "failed")):
            later(timedelta(minutes=pause))
            desk.step(gateway)
            assert states() == [state]
        assert payouts()[0].failure == "GatewayRefused: whitelist"

    def test_nobody_there_at_sending_leaves_it_to_the_list(
        self, desk: Desk, gateway: FakeTransfers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A worker is killed between the call and its answer being written, and before the call."""

        def killed(*_: Any) -> Any:
            raise KeyboardInterrupt

        desk.approved()
        with monkeypatch.context() as dying:
            dying.setattr(send, "_record", killed)
            with pytest.raises(KeyboardInterrupt):
                desk.step(gateway)
        assert (states(), len(gateway.posts)) == (["sending"], 1)
        assert not desk.step(gateway)
        desk.drain(gateway, between=lambda: (gateway.end(), later(timedelta(minutes=3)))[0])  # type: ignore[func-returns-value]
        assert (states(), len(gateway.posts), len(gateway.transfers), findings()) == (["succeeded"], 1, 1, [])

    @pytest.mark.parametrize("trouble", [GatewayUncertain("silent"), GatewayNotNow("HTTP 429")])
    def test_before_it_is_sent_a_silent_gateway_costs_nothing(
        self, desk: Desk, gateway: FakeTransfers, trouble: Any
    ) -> None:
        gateway.asking = trouble
        desk.approved()
        desk.step(gateway)
        assert (states(), gateway.posts) == (["approved"], [])
        gateway.asking, gateway.up = None, False
        later(timedelta(minutes=5))
        desk.step(gateway)
        assert (states(), gateway.posts) == (["approved"], [])
        gateway.up, gateway.balance = True, NET + 99
        later(timedelta(minutes=5))
        desk.step(gateway)
        assert payouts()[0].failure == "our balance at the gateway is too small"
        gateway.balance += 1
        desk.drain(gateway, between=gateway.end)
        assert (states(), len(gateway.posts)) == (["succeeded"], 1)

    def test_a_list_that_cannot_be_read_keeps_the_call_back(self, desk: Desk, gateway: FakeTransfers) -> None:
        gateway.reading = GatewayUncertain("silent")
        desk.approved()
        desk.step(gateway)
        gateway.reading = None
        desk.drain(gateway)
        assert (states(), gateway.posts, cases()) == (["failed"], [], ["payout_failed"])

    @pytest.mark.parametrize("change", ["suspend", "account"])
    def test_what_changes_after_the_approval_keeps_it_from_being_sent(
        self, desk: Desk, gateway: FakeTransfers, settings: Settings, change: str
    ) -> None:
        desk.approved()
        if change == "suspend":
            in_transaction(lambda: suspend(desk.network.agency.id, actor="ada", reason=WHY))
        else:
            owner = db.session.query(User).filter_by(email="owner@example.cm").one()
            give_account(desk.network.agency.id, owner, settings, "+237690000001")
        desk.drain(gateway)
        assert (states(), gateway.posts) == (["failed"], [])
        assert payouts()[0].failure in ("the agency is suspended", "the agency's account has changed")

    def test_a_transfer_that_fails_waits_for_a_person(self, desk: Desk, gateway: FakeTransfers) -> None:
        desk.approved()
        desk.drain(gateway, between=lambda: gateway.end(TransferOutcome.FAILED, "DISBURSE FAILED: wallet closed"))
        assert (states(), cases()) == (["failed"], ["payout_failed"])
        assert payouts()[0].failure == "the gateway said FAILED: DISBURSE FAILED: wallet closed"
        assert (of_agency(desk), desk.settlement().state, findings()) == (-NET, "closed", [])

    def test_one_that_takes_a_week_is_a_case_and_goes_on(self, desk: Desk, gateway: FakeTransfers) -> None:
        desk.approved()
        desk.step(gateway)
        later(timedelta(days=8))
        desk.step(gateway)
        assert (states(), cases()) == (["sent"], ["payout_overdue"])
        gateway.end()
        later(timedelta(days=2))
        desk.step(gateway)
        assert (states(), cases()) == (["succeeded"], [])

    def test_money_that_comes_back_afterwards_is_a_case(self, desk: Desk, gateway: FakeTransfers) -> None:
        payout_id = desk.approved()
        desk.drain(gateway, between=gateway.end)
        gateway.transfers = [
            one.__class__(**{**{name: getattr(one, name) for name in one.__slots__}, "outcome": TransferOutcome.FAILED})
            for one in gateway.transfers
        ]
        ask_about_payout(payout_id)
        desk.step(gateway)
        assert (states(), cases(), findings()) == (["succeeded"], ["payout_differs"], [])

    def test_a_payout_taken_for_failed_that_lives_stops_the_next_one(self, desk: Desk, gateway: FakeTransfers) -> None:
        gateway.sending = GatewayUncertain("lost")
        desk.approved()
        desk.drain(gateway)
        gateway.sending = None
        assert states() == ["failed"]
        gateway.make(gateway.posts[0])  # it was on its way for an hour
        desk.approved()
        desk.drain(gateway)
        assert (states(), len(gateway.posts), len(gateway.transfers)) == (["failed", "failed"], 1, 1)
        assert "payout_differs" in cases()

    def test_a_transfer_with_our_reference_and_another_sum_proves_nothing(
        self, desk: Desk, gateway: FakeTransfers
    ) -> None:
        gateway.sending, gateway.done = GatewayUncertain("lost"), True
        desk.approved()
        desk.step(gateway)
        gateway.transfers = [
            one.__class__(**{**{name: getattr(one, name) for name in one.__slots__}, "amount": one.amount + 1})
            for one in gateway.transfers
        ]
        later(timedelta(minutes=5))
        desk.step(gateway)
        assert (states(), cases()) == (["unknown"], ["payout_differs"])

    def test_only_what_is_under_way_is_asked_about(self, desk: Desk) -> None:
        payout_id = desk.prepare()
        with pytest.raises(errors.NotUnderWay):
            ask_about_payout(payout_id)
        assert make_payout_due(payouts()[0].reference)
        assert not make_payout_due("AP-P-NOBODYS")


class TestRaces:
    """Each forced; without its guard each goes wrong, which the last tests of the class show."""

    def test_two_prepare_the_same_at_once(self, app: Flask, desk: Desk) -> None:
        outcomes = race(app, *[partial(desk.prepare, by=by) for by in (desk.first, desk.second, desk.first)])
        assert sorted(isinstance(one, int) for one in outcomes) == [False, False, True]
        assert states() == ["draft"]

    def test_two_approve_at_once(self, app: Flask, desk: Desk, gateway: FakeTransfers) -> None:
        payout_id = desk.prepare()
        third = in_transaction(lambda: _another_admin())
        race(app, *[partial(desk.approve, payout_id, by=by) for by in (desk.second, third, desk.first)])
        desk.drain(gateway, between=gateway.end)
        assert (states(), len(gateway.posts), len(logged("payout.approve"))) == (["succeeded"], 1, 1)

    def test_four_workers_send_it_once(self, app: Flask, desk: Desk, gateway: FakeTransfers) -> None:
        desk.approved(50_000)
        desk.approved(40_000, left=40_000)
        race(app, *[partial(desk.step, gateway)] * 4)
        desk.drain(gateway, between=gateway.end)
        assert (len(gateway.posts), len(gateway.transfers), states()) == (2, 2, ["succeeded"] * 2)

    def test_reject_and_approve_at_once(self, app: Flask, desk: Desk, gateway: FakeTransfers) -> None:
        payout_id = desk.prepare()
        race(app, partial(desk.approve, payout_id), partial(reject_payout, payout_id, by=desk.first, reason=WHY))
        desk.drain(gateway, between=gateway.end)
        (one,) = payouts()
        assert (one.rejected_at is None) == (len(gateway.posts) == 1)

    def test_five_answers_and_a_poll_book_it_once(self, app: Flask, desk: Desk, gateway: FakeTransfers) -> None:
        payout_id = desk.approved()
        desk.step(gateway)
        gateway.end()
        from aurapark.payouts.outcome import record

        seen, base = gateway.transfers[0], timedelta(seconds=10)
        told = [lambda: in_transaction(lambda: record(payout_id, seen, base=base))] * 5
        assert race(app, *told, partial(desk.drain, gateway)) == [None] * 6
        assert (states(), of_agency(desk), desk.settlement().state, findings()) == (["succeeded"], 0, "paid", [])

    @pytest.mark.parametrize("locked", [True, False])
    def test_two_workers_that_have_the_same_payout_send_it_once_thanks_to_its_lock(
        self, app: Flask, desk: Desk, gateway: FakeTransfers, monkeypatch: pytest.MonkeyPatch, locked: bool
    ) -> None:
        """The lease is over too early, say: both have it in hand, and meet just before `sending` is committed."""
        payout_id, together = desk.approved(), threading.Barrier(2)

        def meet(*_: Any, **__: Any) -> bool:
            together.wait()
            return True

        def unlocked(number: int) -> Payout:
            found = db.session.get_one(Payout, number)
            if found.state == PayoutState.APPROVED and found.checks == 0:
                together.wait()
            return found

        monkeypatch.setattr(send, "claim_due", lambda _lease: payout_id)
        monkeypatch.setattr(gateway, "can_pay", meet)
        if not locked:
            monkeypatch.setattr(send, "lock_payout", unlocked)
            monkeypatch.setattr(gateway, "list_transfers", lambda _since: [None] * (not meet()))
        race(app, *[partial(desk.step, gateway)] * 2)
        assert len(gateway.posts) == (1 if locked else 2)

    def test_without_the_lock_and_the_sum_it_is_prepared_twice(self, app: Flask, desk: Desk) -> None:
        _without("DROP TRIGGER payout_sum ON payout")
        from aurapark.payouts import service

        def unlocked(settlement_id: int) -> Any:
            return db.session.get_one(service.Settlement, settlement_id)

        locked, service.lock_settlement = service.lock_settlement, unlocked
        try:
            for _ in range(20):
                race(app, *[partial(desk.prepare, by=by) for by in (desk.first, desk.second, desk.first)])
                if len(states()) > 1:
                    return
                _without("ALTER TABLE payout DISABLE TRIGGER USER")
                _without("DELETE FROM payout")
        finally:
            service.lock_settlement = locked
        pytest.fail("twenty rounds without any guard, and nothing was prepared twice: the race is not forced")


def _another_admin() -> int:
    user = User(email="cleo@example.cm", platform_role=PlatformRole.ADMIN, language="fr")
    db.session.add(user)
    db.session.flush()
    return user.id


def _without(statement: str) -> None:
    in_transaction(lambda: db.session.execute(text(statement)))


INSERT = """
    INSERT INTO payout (settlement_id, agency_id, reference, method, account_id, amount, currency, prepared_by)
    SELECT s.id, s.agency_id, 'AP-P-RAW', 'flutterwave', a.id, {amount}, 'XAF', {by}
    FROM settlement s JOIN payout_account a ON a.agency_id = s.agency_id WHERE {which}
"""


class TestWhatTheDatabaseRefuses:
    """Raw SQL, as whoever has the application's role could send."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE payout SET state = 'approved', approved_by = prepared_by, approved_at = now(),"
            " next_check_at = now()",
            "UPDATE payout SET state = 'approved', next_check_at = now()",
            "UPDATE payout SET state = 'sending', next_check_at = now()",
            "UPDATE payout SET state = 'succeeded', ended_at = now(), gateway_transfer_id = '1'",
            "UPDATE payout SET state = 'failed', ended_at = now()",
            "UPDATE payout SET amount = amount - 1",
            "UPDATE payout SET prepared_by = prepared_by + 1",
            "UPDATE payout SET account_id = account_id + 1",
            "UPDATE payout SET reference = 'AP-P-OTHER'",
            "UPDATE payout SET method = 'outside', account_id = NULL, proof = 'x'",
            "DELETE FROM payout",
            INSERT.format(amount=1, by=":first", which="s.state = 'closed'"),
        ],
    )
    def test_a_draft_stays_what_it_is(self, desk: Desk, statement: str) -> None:
        desk.prepare()
        with pytest.raises((DBAPIError, DomainError)):
            in_transaction(lambda: db.session.execute(text(statement), {"first": desk.first}))
        assert [(one.state, one.amount, one.prepared_by) for one in payouts()] == [("draft", NET, desk.first)]

    @pytest.mark.parametrize(
        ("amount", "which"), [(NET + 1, "s.state = 'closed'"), (1, "s.state = 'open'"), (0, "s.state = 'closed'")]
    )
    def test_more_than_is_owed_is_never_written(self, desk: Desk, settings: Settings, amount: int, which: str) -> None:
        confirm(desk.network)
        close_a_month(desk.network, settings, Books(count=30_000), 10)
        statement = INSERT.format(amount=amount, by=desk.first, which=which)
        with pytest.raises((DBAPIError, DomainError)):
            in_transaction(lambda: db.session.execute(text(statement)))
        assert states() == []

    def test_unknown_fails_only_after_two_empty_queries_and_nothing_is_sent_twice(
        self, desk: Desk, gateway: FakeTransfers
    ) -> None:
        gateway.sending = GatewayUncertain("lost")
        desk.approved()
        desk.step(gateway)
        for statement in (
            "UPDATE payout SET state = 'failed', ended_at = now()",
            "UPDATE payout SET state = 'approved'",
            "UPDATE payout SET state = 'sending'",
            "UPDATE payout SET posts = 2",
            "UPDATE payout SET posts = 0",
            "UPDATE payout SET approved_by = prepared_by",
            "UPDATE payout SET approved_at = now()",
        ):
            with pytest.raises((DBAPIError, DomainError)):
                in_transaction(lambda: db.session.execute(text(statement)))  # noqa: B023  run at once
        assert states() == ["unknown"]

    def test_a_settlement_is_paid_only_by_payouts_that_arrived(self, desk: Desk) -> None:
        desk.prepare()
        with pytest.raises((DBAPIError, DomainError)):
            _without("UPDATE settlement SET state = 'paid', paid_at = now() WHERE state = 'closed'")
        assert desk.settlement().state == SettlementState.CLOSED


def test_suspending_holds_nobody_up(desk: Desk) -> None:
    desk.approved()
    in_transaction(lambda: suspend(desk.network.agency.id, actor="ada", reason=WHY))
    assert db.session.get_one(Agency, desk.network.agency.id).state == AgencyState.SUSPENDED
    assert states() == [PayoutState.APPROVED]


def test_every_reason_is_on_record(desk: Desk, gateway: FakeTransfers) -> None:
    desk.approved()
    desk.drain(gateway, between=gateway.end)
    told: Callable[[str], list[str]] = lambda action: [one.reason or "" for one in logged(f"payout.{action}")]  # noqa: E731
    assert told("prepare") == told("approve") == [WHY]
    assert all(told(action) for action in ("send", "sent", "succeed"))
