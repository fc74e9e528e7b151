"""Reading settlements: a few rows each, whatever the number of bookings behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, exists, func, literal, select, text
from sqlalchemy.orm import aliased

from aurapark.agencies.models import Agency
from aurapark.extensions import db
from aurapark.keyset import Page, Place, fetch_page
from aurapark.ledger.models import LedgerEntry
from aurapark.settlements.errors import SettlementNotFound
from aurapark.settlements.models import Settlement, SettlementProgress, SettlementState
from aurapark.settlements.rules import Month
from aurapark.timetable.models import City, Route, RouteStop, Stop

MANY = 200
NEWEST_FIRST = (Settlement.period_start, Settlement.id)
COUNTED = 10_000  # movements that wait; more are not counted


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to when an agency's movements are in its settlements, and how many wait: COUNTED + 1 means more."""

    filled_to: datetime | None
    waiting: int
    behind: bool


def get_settlement(settlement_id: int) -> Settlement:
    """Return a settlement. Raises SettlementNotFound."""
    found = db.session.get(Settlement, settlement_id) if 0 < settlement_id < 2**63 else None
    if found is None:
        raise SettlementNotFound
    return found


def list_settlements(*, agency_id: int | None = None, month: Month | None = None) -> Sequence[Settlement]:
    """Return settlements, newest month first, of one agency or of all, of one month or of all."""
    statement = select(Settlement).order_by(Settlement.period_start.desc(), Settlement.agency_id).limit(MANY)
    if agency_id is not None:
        statement = statement.where(Settlement.agency_id == agency_id)
    if month is not None:
        statement = statement.where(*_in_month(month))
    return db.session.scalars(statement).all()


def list_settlement_page(
    agency_id: int | None = None,
    *,
    month: Month | None = None,
    state: SettlementState | None = None,
    after: Place | None = None,
) -> Page[Any]:
    """Return one page of settlements with their agencies, newest month first (one statement)."""
    wanted: Any = select(Settlement, Agency).join(Agency, Agency.id == Settlement.agency_id)
    if agency_id is not None:
        wanted = wanted.where(Settlement.agency_id == agency_id)
    if month is not None:
        wanted = wanted.where(*_in_month(month))
    if state is not None:
        wanted = wanted.where(Settlement.state == state)
    return fetch_page(wanted, NEWEST_FIRST, after=after, place_of=lambda row: (row[0].period_start, row[0].id))


def is_begun(month: Month) -> bool:
    """Say whether any agency has a settlement for a month."""
    return bool(db.session.scalar(select(exists().where(*_in_month(month)))))


def _in_month(month: Month) -> tuple[Any, ...]:
    middle = month.bounds("UTC")[0].replace(day=15)  # the 1st begins at most half a day apart in two zones
    return Settlement.period_start <= middle, Settlement.period_end > middle


def get_running(agency_id: int) -> Settlement | None:
    """Return the oldest settlement of an agency that is still open: what the next payout will be of."""
    statement = select(Settlement).where(Settlement.agency_id == agency_id, Settlement.state == SettlementState.OPEN)
    return db.session.scalars(statement.order_by(Settlement.period_start).limit(1)).first()


def filled_to(agency_id: int) -> datetime | None:
    """Return up to when the movements of an agency are in its settlements; None when that was never begun."""
    return db.session.scalar(select(SettlementProgress.filled_to).where(SettlementProgress.agency_id == agency_id))


def get_progress(agency_id: int) -> Progress:
    """Return how far the lines of an agency are written (one statement)."""
    progress = SettlementProgress
    one = select(literal(agency_id).label("agency_id")).subquery()
    filled_to = func.coalesce(progress.filled_to, text("'-infinity'::timestamptz"))
    later = LedgerEntry.created_at > filled_to
    waiting = select(LedgerEntry.id).where(LedgerEntry.agency_id == one.c.agency_id, later).limit(COUNTED + 1)
    counted = select(func.count()).select_from(waiting.correlate(one, progress).subquery()).scalar_subquery()
    late = filled_to < func.now() - func.make_interval(0, 0, 0, 0, 0, 5)
    statement = select(progress.filled_to, counted, late).select_from(one)
    found = db.session.execute(statement.outerjoin(progress, progress.agency_id == one.c.agency_id)).one()
    return Progress(found[0], found[1], bool(found[1] and found[2]))


def list_routes(agency_id: int) -> list[tuple[int, str]]:
    """Return the routes of an agency, each by the city it begins in and the one it ends in (one statement)."""
    first, last = city_of_route(first=True), city_of_route(first=False)
    wanted = select(Route.id, first, last).where(Route.agency_id == agency_id).order_by(Route.id).limit(MANY)
    return [(number, f"{start} – {end}") for number, start, end in db.session.execute(wanted)]


def city_of_route(*, first: bool) -> ScalarSelect[Any]:
    """Return the query of the city where the route of the statement around it begins, or ends."""
    at = aliased(RouteStop)
    order = at.position.asc() if first else at.position.desc()
    wanted = select(City.name).join(Stop, Stop.city_code == City.code).join(at, at.stop_id == Stop.id)
    return wanted.where(at.route_id == Route.id).order_by(order).limit(1).correlate(Route).scalar_subquery()
