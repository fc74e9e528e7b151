"""A statement to look at: the month before this one, closed, with sales, cash, a refund and one that is carried."""

from contextlib import suppress
from datetime import timedelta

from aurapark import clock
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.settlements.calculate import calculate_settlements, close_month
from aurapark.settlements.errors import AlreadyClosed
from aurapark.settlements.models import LineKind, Settlement, SettlementLine, SettlementState
from aurapark.settlements.rules import month_of
from tests.books import Books, Sale, write_events
from tests.factories import Network

ZONE = "Africa/Douala"


def last_month(network: Network, settings: Settings, *, bookings: int = 4, trips: int = 2) -> Settlement:
    """Sell that many bookings of 4,000 in the month before, each fourth for cash, the third refunded by half; close it.

    A booking of the month before that one is refunded in it: a carried line.
    """
    start, _ = month_of(month_of(clock.now(), ZONE).bounds(ZONE)[0] - timedelta(days=1), ZONE).bounds(ZONE)
    earlier, _ = month_of(start - timedelta(days=1), ZONE).bounds(ZONE)
    left = [network.add_trip(start + timedelta(days=1 + n % 27, hours=7), state="completed") for n in range(trips)]
    before = network.add_trip(earlier + timedelta(days=2), state="completed")
    books = Books(count=1000 * network.agency.id)

    def happen() -> None:
        late = books.sell(network, before, earlier, 6000)
        sales: list[Sale] = []
        for number in range(bookings):
            at = start + timedelta(minutes=number)
            sales.append(books.sell(network, left[number % trips], at, 4000, cash=number % 4 == 3))
        books.refund(sales[2], start + timedelta(hours=1), 2000)
        books.refund(late, start + timedelta(hours=2), 3000)

    write_events(happen)
    for month in (month_of(earlier, ZONE), month_of(start, ZONE)):
        with suppress(AlreadyClosed):  # by the job of a site that runs on the same database
            close_month(network.agency.id, month, actor="system")
    calculate_settlements(settings, 100_000)
    db.session.expire_all()
    found = db.session.query(Settlement).filter_by(agency_id=network.agency.id, period_start=start).one()
    assert found.state == SettlementState.CLOSED
    return found


def line_of(settlement: Settlement, kind: LineKind = LineKind.SALE, *, carried: bool = False) -> SettlementLine:
    """The first line of a kind."""
    wanted = db.session.query(SettlementLine).filter_by(settlement_id=settlement.id, kind=kind, carried=carried)
    return wanted.order_by(SettlementLine.ledger_entry_id).first() or wanted.one()
