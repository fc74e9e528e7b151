"""Payouts in tests: a settlement that is closed, the people who pay it, and time that passes for its payouts."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, text

from aurapark import clock
from aurapark.accounts.models import AgencyRole, PlatformRole, User
from aurapark.agencies.payout_accounts import sealer_for
from aurapark.agencies.payout_models import AccountKind, PayoutAccount
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.payments.gateway import GatewayError
from aurapark.payments.models import Provider
from aurapark.payments.transfers import GatewayTransfer, TransferOrder, TransferOutcome, Transfers
from aurapark.payouts.decide import approve_payout, prepare_payout
from aurapark.payouts.models import Payout
from aurapark.payouts.rules import Patience
from aurapark.payouts.send import process_due_payout
from aurapark.payouts.service import Wanted
from aurapark.settlements.calculate import calculate_settlements
from aurapark.settlements.models import Settlement
from aurapark.settlements.rules import month_of
from tests.accounts import make_staff
from tests.books import Books, write_events
from tests.factories import Network, save

PATIENCE = Patience(base=timedelta(seconds=10), lease=timedelta(seconds=120))
ZONE, WHY = "Africa/Douala", "the month of the agency"
NET = 90_000
_ids = itertools.count(7_000_001)


class FakeTransfers:
    """A gateway's transfers in memory. `sending` is the error that the next calls end with, `done`: it happened."""

    provider = Provider.FLUTTERWAVE

    def __init__(self) -> None:
        self.transfers: list[GatewayTransfer] = []
        self.posts: list[TransferOrder] = []
        self.balance, self.up = 10_000_000, True
        self.sending: GatewayError | None = None
        self.done = False
        self.reading: GatewayError | None = None
        self.asking: GatewayError | None = None
        self.while_sending: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def is_up(self) -> bool:
        return self.up

    def can_pay(self, amount: int, _currency: str, *, to_bank: bool) -> bool:
        if self.asking:
            raise self.asking
        return self.balance >= amount + (500 if to_bank else 100)

    def list_transfers(self, _since: date) -> list[GatewayTransfer]:
        if self.reading:
            raise self.reading
        return list(self.transfers)

    def send(self, order: TransferOrder) -> GatewayTransfer:
        with self._lock:
            self.posts.append(order)
        self.while_sending()
        if self.sending and not self.done:
            raise self.sending
        made = self.make(order)
        if self.sending:
            raise self.sending
        return made

    def get_transfer(self, transfer_id: str) -> GatewayTransfer:
        if self.reading:
            raise self.reading
        return next(one for one in self.transfers if one.transfer_id == transfer_id)

    def make(self, order: TransferOrder) -> GatewayTransfer:
        made = GatewayTransfer(
            transfer_id=str(next(_ids)),
            reference=order.reference,
            amount=Decimal(order.amount),
            currency=order.currency,
            fee=Decimal("99.50"),
            outcome=TransferOutcome.SENT,
            status="NEW",
            why="",
        )
        with self._lock:
            self.transfers.append(made)
            self.balance -= order.amount
        return made

    def end(self, outcome: TransferOutcome = TransferOutcome.SUCCEEDED, why: str = "") -> None:
        """Bring every transfer that is under way there to its end."""
        status = {"succeeded": "SUCCESSFUL", "failed": "FAILED", "sent": "PENDING"}[outcome]
        self.transfers = [
            replace(one, outcome=outcome, status=status, why=why) if one.outcome == TransferOutcome.SENT else one
            for one in self.transfers
        ]


@dataclass
class Desk:
    """A closed settlement of 90,000 F, its agency with an account and an owner, and two people of finance."""

    network: Network
    settlement_id: int
    first: int
    second: int
    settings: Settings

    def prepare(self, amount: int = NET, *, left: int = NET, by: int | None = None, proof: str | None = None) -> int:
        wanted = Wanted(amount, left, proof)
        return prepare_payout(self.settlement_id, wanted, by=by or self.first, reason=WHY, can_send=True)

    def approve(self, payout_id: int, *, by: int | None = None) -> None:
        approve_payout(payout_id, by=by or self.second, reason=WHY)

    def approved(self, amount: int = NET, *, left: int = NET) -> int:
        payout_id = self.prepare(amount, left=left)
        self.approve(payout_id)
        return payout_id

    def step(self, transfers: Transfers) -> bool:
        """Do one step of one payout that is due."""
        return process_due_payout(transfers=transfers, sealer=sealer_for([self.settings.secret_key]), patience=PATIENCE)

    def drain(self, transfers: Transfers, *, between: Callable[[], None] = lambda: None, rounds: int = 20) -> None:
        """Work until nothing changes any more, half an hour and more passing between two rounds."""
        for _ in range(rounds):
            while self.step(transfers):
                pass
            between()
            if not db.session.scalar(text("SELECT count(*) FROM payout WHERE next_check_at IS NOT NULL")):
                return
            later(timedelta(minutes=31))

    def settlement(self) -> Settlement:
        db.session.rollback()
        db.session.expire_all()
        return db.session.get_one(Settlement, self.settlement_id)


def make_desk(network: Network, settings: Settings, *totals: int, books: Books | None = None) -> Desk:
    """Close last month of an agency that sold 100,000 F in it."""
    books = books or Books(count=10_000)
    settlement_id = close_a_month(network, settings, books, *(totals or (60_000, 40_000)))
    owner = make_staff(AgencyRole.OWNER, network.agency, email="owner@example.cm")
    make_staff(AgencyRole.CLERK, network.agency, email="clerk@example.cm")
    give_account(network.agency.id, owner, settings)
    people = [make_staff(PlatformRole.FINANCE, email=f"{name}@example.cm").id for name in ("ada", "ben")]
    return Desk(network, settlement_id, *people, settings)


def close_a_month(network: Network, settings: Settings, books: Books, *totals: int) -> int:
    """Sell these in last month and close it; returns the number of its settlement."""
    start = month_of(clock.now(), ZONE).bounds(ZONE)[0] - timedelta(days=20)
    trip = network.add_trip(start, state="completed")
    write_events(lambda: [books.sell(network, trip, start - timedelta(days=1), total) for total in totals])
    while calculate_settlements(settings, 1000):
        pass
    db.session.expire_all()
    mine = db.session.query(Settlement).filter_by(agency_id=network.agency.id, state="closed")
    return int(mine.order_by(Settlement.id.desc()).first().id)


def write_draft(agency_id: int, by: int) -> tuple[int, int]:
    """Write a settlement of 1,000 F without its lines, once, and a draft of 100 F for it; returns both numbers."""

    def work() -> tuple[int, int]:
        settlement = """
            INSERT INTO settlement (agency_id, period_start, period_end, gross, state, closed_at)
            VALUES (:agency, '2026-01-31T23:00Z', '2026-02-28T23:00Z', 1000, 'closed', now())
            ON CONFLICT (agency_id, period_start) DO UPDATE SET closed_at = now() RETURNING id
        """
        draft = """
            INSERT INTO payout (settlement_id, agency_id, reference, method, proof, amount, currency, prepared_by)
            VALUES (:settlement, :agency, 'AP-P-' || gen_random_uuid(), 'outside', 'slip 7', 100, 'XAF', :by)
            RETURNING id
        """
        settlement_id = db.session.scalar(text(settlement), {"agency": agency_id})
        values = {"settlement": settlement_id, "agency": agency_id, "by": by}
        return int(settlement_id or 0), int(db.session.scalar(text(draft), values) or 0)

    return in_transaction(work)


def give_account(agency_id: int, owner: User, settings: Settings, number: str = "+237670000000", **changes: Any) -> int:
    """Give an agency an account that counts since yesterday; returns its number."""
    values = {"kind": AccountKind.MTN_MOMO, "holder": "Wouri Voyages SARL", **changes}
    account = PayoutAccount(
        agency_id=agency_id,
        sealed=sealer_for([settings.secret_key]).seal(number, owner=f"agency {agency_id}"),
        ending=number[-4:],
        created_by=owner.id,
        created_at=func.now() - timedelta(days=4),
        payable_from=func.now() - timedelta(days=1),
        **values,
    )
    save(account)
    return account.id


def payouts() -> list[Payout]:
    """All payouts as they are now, oldest first."""
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.query(Payout).order_by(Payout.id))


def states() -> list[str]:
    """The states of all payouts, oldest first."""
    return [payout.state.value for payout in payouts()]


def later(by: timedelta) -> None:
    """Let time pass for all payouts."""
    moved = ", ".join(f"{c} = {c} - :by" for c in ("next_check_at", "sending_at", "last_empty_at"))
    in_transaction(lambda: db.session.execute(text(f"UPDATE payout SET {moved}"), {"by": by}))  # noqa: S608
