"""Events of money on any day: sales, refunds, disputes as rows, posted by the ledger's own rules with that day's date.

Only what settlements read is written; seats and tickets are left out. `expected()` reckons what each month owes from
the raw events alone: from what was paid, refunded and lost, and when, never from the ledger.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.ledger import rules
from aurapark.ledger.rules import Posting
from aurapark.money import Money
from aurapark.timetable.models import Trip
from tests.factories import Network

Key = tuple[int, str]  # agency, month
PARTS = ("gross", "commission", "refunds", "cash_kept", "carried")


@dataclass
class Sale:
    """One booking that was paid; `refunded` and `given_back` grow with its refunds."""

    id: int
    network: Network
    trip: Trip
    at: datetime
    total: int
    commission: int
    cash: bool
    refunded: int = 0
    given_back: int = 0


@dataclass
class Books:
    """Writes events, and remembers them in the plainest way for `expected()`."""

    zone: str = "Africa/Douala"
    events: list[tuple[str, Sale, datetime, int]] = field(default_factory=list)
    count: int = 0

    def sell(self, network: Network, trip: Trip, at: datetime, total: int, *, cash: bool = False) -> Sale:
        """Sell one booking at a moment; its commission is a tenth, rounded down."""
        self.count += 1
        sale = Sale(self.count, network, trip, at, total, total // 10, cash)
        agency, provider = network.agency.id, "cash" if cash else "flutterwave"
        _write(
            """INSERT INTO payment (id, booking_id, attempt, provider, tx_ref, state, expected_amount, currency,
                   verified_at, gateway_tx_id, paid_amount, paid_currency, disposition, created_at)
               OVERRIDING SYSTEM VALUE
               VALUES (:id, :id, 1, :provider, 'tx-' || :id, 'succeeded', :total, 'XAF', :at, :charge, :total, 'XAF',
                   'applied', :at)""",
            id=sale.id, provider=provider, total=total, at=at, charge=None if cash else str(sale.id),
        )  # fmt: skip
        _write(
            """INSERT INTO booking (id, reference, trip_id, agency_id, channel, state, language, board_segment,
                   alight_segment, total, commission_percent, commission, refund_policy, token_hash, hold_expires_at,
                   sales_close_at, confirming_payment_id, created_at, confirmed_at)
               OVERRIDING SYSTEM VALUE
               VALUES (:id, :reference, :trip, :agency, :channel, 'confirmed', 'fr', 0, 2, :total, 10, :commission,
                   '[]', :reference, :at, :at, :id, :at, :at)""",
            id=sale.id, reference=f"B{sale.id:05}", trip=trip.id, agency=agency, total=total, at=at,
            channel="counter" if cash else "web", commission=sale.commission,
        )  # fmt: skip
        paid, commission = Money(total), Money(sale.commission)
        postings = (
            rules.postings_for_cash_payment(agency, total=paid, commission=commission)
            if cash
            else rules.postings_for_applied_payment(provider, agency, paid=paid, total=paid, commission=commission)
        )
        self._post(sale, "payment", str(sale.id), at, postings)
        self.events.append(("sale", sale, at, total))
        return sale

    def refund(self, sale: Sale, at: datetime, amount: int, *, withdrawn: datetime | None = None) -> None:
        """Have a refund become due, and withdraw it later when a moment for it is given."""
        self.count += 1
        back = rules.commission_back(
            Money(sale.commission),
            total=Money(sale.total),
            refunded=Money(sale.refunded + amount),
            given_back=Money(sale.given_back),
        )
        money, agency = Money(amount), sale.network.agency.id
        postings = rules.postings_for_refund_due(agency, refund=money, commission_back=back)
        self._post(sale, "refund_due", str(self.count), at, postings)
        if withdrawn:
            postings = rules.postings_for_refund_withdrawn(agency, refund=money, commission_back=back)
            self._post(sale, "refund_withdrawn", str(self.count), withdrawn, postings)
            self.events += [("refund", sale, at, amount), ("withdrawn", sale, withdrawn, amount)]
            return
        sale.refunded, sale.given_back = sale.refunded + amount, sale.given_back + back.amount
        self.events.append(("refund", sale, at, amount))

    def lose(self, sale: Sale, at: datetime) -> None:
        """Have the gateway give a payer back all that the agency still had of a sale."""
        self.count += 1
        lost = sale.total - sale.refunded
        postings = rules.postings_for_dispute_lost(sale.network.agency.id, disputed=Money(lost))
        self._post(sale, "dispute_lost", str(self.count), at, postings)
        self.events.append(("lost", sale, at, lost))

    def expected(self, closed: Sequence[str]) -> dict[Key, dict[str, int]]:
        """Return what each month owes each agency, months that are over carrying their debt to the next."""
        found: dict[Key, dict[str, int]] = defaultdict(lambda: dict.fromkeys(PARTS, 0))
        back: dict[int, int] = defaultdict(int)
        sums: dict[int, int] = defaultdict(int)
        for kind, sale, at, amount in self.events:
            travels, happened = self._month(sale.trip.departs_at), self._month(at)
            month = max(travels, happened)
            moves = self._moves(kind, sale, amount, sums, back)
            parts = found[sale.network.agency.id, month]
            for part, moved in moves.items():
                if month > travels:
                    parts["carried"] += moved
                else:
                    parts[part] += moved if part == "gross" else -moved
        for agency in {agency for agency, _ in found}:
            for month in closed:
                net = net_of(found[agency, month]) if (agency, month) in found else 0
                if net < 0:
                    found[agency, _next(month)]["carried"] += net
        return dict(found)

    def _moves(self, kind: str, sale: Sale, amount: int, sums: dict[int, int], back: dict[int, int]) -> dict[str, int]:
        """What one event moves for the agency, by part: + is in its favour."""
        if kind == "sale":
            return {"gross": amount, "commission": -(amount // 10), "cash_kept": -amount if sale.cash else 0}
        if kind == "lost":
            return {"refunds": -amount}
        sums[sale.id] += amount if kind == "refund" else -amount
        should = (2 * (sale.total // 10) * sums[sale.id] + sale.total) // (2 * sale.total)  # to the nearest franc
        given, back[sale.id] = should - back[sale.id], should
        return {"refunds": -amount if kind == "refund" else amount, "commission": given}

    def _month(self, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(self.zone)):%Y-%m}"

    def _post(self, sale: Sale, kind: str, event: str, at: datetime, postings: Sequence[Posting]) -> None:
        for line, posting in enumerate(postings, 1):
            _write(
                """INSERT INTO ledger_entry (event_type, event_id, line, debit, credit, amount, booking_id, agency_id,
                       created_at)
                   VALUES (:kind, :event, :line, :debit, :credit, :amount, :booking, :agency, :at)""",
                kind=kind, event=event, line=line, debit=posting.debit, credit=posting.credit,
                amount=posting.amount.amount, booking=sale.id, agency=sale.network.agency.id, at=at,
            )  # fmt: skip


def net_of(parts: dict[str, int]) -> int:
    """Return the net of a month's parts."""
    return parts["gross"] - parts["commission"] - parts["refunds"] - parts["cash_kept"] + parts["carried"]


def without_keys() -> None:
    """Let the rest of the transaction write without foreign keys and triggers."""
    db.session.execute(text("SET LOCAL session_replication_role = replica"))


def write_events(work: Any) -> None:
    """Write events, in one transaction without foreign keys."""

    def all_of_them() -> None:
        without_keys()
        work()

    in_transaction(all_of_them)


def _write(sql: str, **values: Any) -> None:
    db.session.execute(text(sql), values)


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02}"
