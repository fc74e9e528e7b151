"""A world for fault tests: the database behind a proxy, a gateway in memory, the sweeper, and time that passes."""

import contextlib
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from flask import current_app

from aurapark.config import SANDBOX_WEBHOOK_SECRET, Settings
from aurapark.errors import DomainError, Unavailable
from aurapark.extensions import db
from aurapark.payments.gateway import SUCCESSFUL
from tests.factories import C70, Network
from tests.fakes import FakeGateway
from tests.faults.proxy import Proxy
from tests.refunding import findings
from workers.sweeper import Sweeper

FAULT_SCALE = int(os.environ.get("FAULT_SCALE", "1"))
TIMES = {
    "booking": ("hold_expires_at", "created_at"),
    "seat_claim": ("expires_at",),
    "payment": ("session_ends_at", "created_at", "next_check_at", "verified_at"),
    "refund": ("next_check_at", "sending_at", "last_empty_at"),
    "dispute": ("next_check_at", "created_at"),
    "webhook_event": ("received_at",),
    "idempotency_key": ("locked_until", "created_at"),
}
HALF_HOUR, AWAY = timedelta(minutes=31), timedelta(days=10)
MONEY_SWEEPS = (
    "process-webhooks", "check-payments", "process-disputes", "process-refunds", "settle-reviews", "expire-seats",
)  # fmt: skip
ABOUT_TIME = ("I4", "I18", "I20", "I21")
UNDONE = """
    SELECT 'payment', count(*) FROM payment WHERE state IN ('created', 'pending', 'unknown') OR next_check_at < now()
    UNION ALL SELECT 'booking', count(*) FROM booking WHERE state = 'held'
    UNION ALL SELECT 'refund', count(*) FROM refund WHERE state NOT IN ('succeeded', 'failed', 'cancelled')
        AND (state, posts) <> ('unknown', 2)  -- a person looks after it
    UNION ALL SELECT 'event', count(*) FROM webhook_event WHERE authentic AND processed_at IS NULL
"""


def make_network(grid: str = C70) -> Network:
    """A network whose trip leaves in ten days, so that a cancellation gives all of it back."""
    made = Network.make(grid)
    made.trip = made.add_trip(datetime.now(UTC).replace(microsecond=0) + AWAY)
    for thing in (made.agency, made.route, made.vehicle, made.seat_map, *made.stops, made.trip):
        db.session.refresh(thing)
        db.session.expunge(thing)  # it outlives every session that is cut off
    return made


@dataclass
class World:
    """Everything a story needs; `direct` is a connection that is never cut."""

    settings: Settings
    network: Network
    gateway: FakeGateway
    proxy: Proxy
    direct: psycopg.Connection[Any]
    sweeper: Sweeper = field(init=False)

    def __post_init__(self) -> None:
        self.sweeper = Sweeper(self.settings)
        self.sweeper._beat = lambda: None  # type: ignore[method-assign]  # a sign of life is a commit of its own
        self.sweeper._note = lambda *_: None  # type: ignore[method-assign]  # and so is a run on record

    def sweep(self) -> None:
        """One round of the real sweeper."""
        self.sweeper.sweep_once(number=6)

    def deliver(self, tx_ref: str) -> None:
        """The gateway's webhook about the last try on a page; what is not answered with 200 is sent again."""
        for charge in self.gateway.charges[tx_ref][-1:]:
            data = {"id": int(charge.gateway_tx_id), "tx_ref": tx_ref, "status": charge.status}
            self.tell({"event": "charge.completed", "data": data})

    def tell(self, event: dict[str, Any]) -> None:
        """Any event of the gateway."""
        headers = {"verif-hash": SANDBOX_WEBHOOK_SECRET, "Content-Type": "application/json"}
        url, raw = "/api/payments/webhook/flutterwave", json.dumps(event)
        current_app.test_client().post(url, data=raw, headers=headers)

    def ask_all(self, sql: str, *given: Any) -> list[tuple[Any, ...]]:
        """Rows of a query over the way that is never cut."""
        return self.direct.execute(sql, given[0] if given and isinstance(given[0], dict) else given).fetchall()

    def let_pass(self, by: timedelta) -> None:
        """Move every moment into the past, save departures and the close of sales."""
        for table, columns in TIMES.items():
            moved = ", ".join(f"{column} = {column} - %(by)s" for column in columns)
            self.direct.execute(f"UPDATE {table} SET {moved}", {"by": by})  # type: ignore[arg-type]  # noqa: S608

    def drain(self) -> None:
        """Let hours pass with the sweeper at work and the gateway ending its refunds, until nothing is left open."""
        for _ in range(12):
            self.let_pass(HALF_HOUR)
            self.sweep()
            self.gateway.end_refunds()
            if not (undone := [row for row in self.ask_all(UNDONE) if row[1]]):
                return
        raise AssertionError(f"never done: {undone}")

    def require_clean(self, *, in_a_jump: bool = False) -> None:
        """Nothing is found by doctor; just after a jump in time what is due cannot have been done yet."""
        db.session.remove()
        assert [found for found in findings() if not (in_a_jump and found[0] in ABOUT_TIME)] == []

    def require_true_to_the_gateway(self) -> None:
        """Once drained: the same charges here and there, no franc refunded twice, the clearing account to the franc."""
        theirs = {c.gateway_tx_id: c for cs in self.gateway.charges.values() for c in cs if c.status == SUCCESSFUL}
        rows = self.ask_all("SELECT gateway_tx_id, paid_amount, paid_currency FROM payment WHERE disposition <> ''")
        assert sorted(rows) == sorted((c.gateway_tx_id, int(c.amount), c.currency) for c in theirs.values())
        for currency in {"XAF", *[c.currency for c in theirs.values()]}:
            came = sum(int(c.amount) for c in theirs.values() if c.currency == currency)
            assert self.clearing(currency) == came - self.sent_back(currency) - self.disputed(currency), currency
        for charge_id, charge in theirs.items():
            returned = sum(r.amount for r in self.gateway.refunds if r.charge_id == charge_id and r.outcome != "failed")
            assert returned <= charge.amount

    def sent_back(self, currency: str = "XAF") -> int:
        """What the gateway really sent back in one currency."""
        of = {c.gateway_tx_id: c.currency for charges in self.gateway.charges.values() for c in charges}
        gone = [r for r in self.gateway.refunds if r.outcome != "failed" and of[r.charge_id] == currency]
        return sum(int(refund.amount) for refund in gone)

    def disputed(self, currency: str = "XAF") -> int:
        """What the gateway took back for disputes that are open or lost."""
        taken = [one for one in self.gateway.disputes.values() if one.outcome in ("open", "lost")]
        return sum(int(one.amount) for one in taken if one.currency == currency)

    def clearing(self, currency: str = "XAF") -> int:
        """What the books say the gateway holds for us."""
        query = "SELECT coalesce(sum(amount), 0) FROM audit.ledger WHERE account LIKE %s AND currency = %s"
        return int(self.ask_all(query, "gateway_clearing:%", currency)[0][0])

    def kept_of(self, reference: str) -> int:
        """What the payers of a booking paid and did not get back, by the gateway's own count."""
        refs = {row[0] for row in self.ask_all(
            "SELECT tx_ref FROM payment JOIN booking ON booking.id = booking_id WHERE reference = %s", reference
        )}  # fmt: skip
        mine = {c.gateway_tx_id: c for ref in refs for c in self.gateway.charges.get(ref, []) if c.status == SUCCESSFUL}
        back = [r for r in self.gateway.refunds if r.charge_id in mine and r.outcome != "failed"]
        lost = [d for d in self.gateway.disputes.values() if d.charge_id in mine and d.outcome == "lost"]
        return int(sum(c.amount for c in mine.values()) - sum(r.amount for r in back) - sum(d.amount for d in lost))


@contextlib.contextmanager
def a_fault_may_stop_it():  # type: ignore[no-untyped-def]
    """Whoever pressed is told that it did not work, in one of our own errors and no other; the connection is gone."""
    try:
        yield
    except (Unavailable, DomainError):
        pass
    finally:
        db.session.remove()
