"""Keeping every agency's settlements: a job that writes what moved, closes what is over, and may stop at any line."""

from datetime import timedelta

from sqlalchemy import func, select

from aurapark import log
from aurapark.agencies.models import Agency
from aurapark.audit import SYSTEM
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.errors import Conflict
from aurapark.extensions import db
from aurapark.settlements.close import OVER, close
from aurapark.settlements.errors import SettlementNotFound
from aurapark.settlements.fill import AT_ONCE, fill_piece, hold
from aurapark.settlements.models import Settlement, SettlementState
from aurapark.settlements.rules import Month

CLOSE_AFTER = timedelta(minutes=10)  # after midnight, so that the sales of the last minutes are committed


def calculate_settlements(_settings: Settings, limit: int) -> int:
    """Write up to `limit` lines or so of each agency, then close its months that are over, in their order.

    Resumable: each piece and each close is a transaction of its own. Twice at once: the second leaves to the first the
    agency that it has in hand. Returns lines and closed settlements together.
    """
    agencies = in_transaction(lambda: list(db.session.scalars(select(Agency.id).order_by(Agency.id))))
    return sum(_fill(agency_id, limit) + _close_due(agency_id) for agency_id in agencies)


def close_month(agency_id: int, month: Month, *, actor: str, reason: str = OVER) -> Settlement:
    """Close one month of one agency now, with all its lines.

    Raises SettlementNotFound when nothing moved in it, AlreadyClosed, PeriodNotOver, EarlierPeriodOpen, TripsNotOver.
    """
    while in_transaction(lambda: _piece(agency_id, AT_ONCE, wait=True))[1]:
        pass

    def work() -> Settlement:
        holder = hold(agency_id, wait=True)
        if holder is None:
            raise SettlementNotFound
        start, _ = month.bounds(holder.zone)
        statement = select(Settlement.id).where(Settlement.agency_id == agency_id, Settlement.period_start == start)
        return close(holder, db.session.scalar(statement) or 0, actor=actor, reason=reason)

    return in_transaction(work)


def _fill(agency_id: int, limit: int) -> int:
    return in_transaction(lambda: _piece(agency_id, limit, wait=False))[0]


def _piece(agency_id: int, limit: int, *, wait: bool) -> tuple[int, bool]:
    holder = hold(agency_id, wait=wait)
    return fill_piece(holder, limit) if holder else (0, False)


def _close_due(agency_id: int) -> int:
    """Close the oldest months that are over, one by one, until one is not or cannot be yet."""
    closed = 0
    while True:
        try:
            if not in_transaction(lambda: _close_oldest(agency_id)):
                return closed
        except Conflict as error:
            log.log_event("settlement.not_closed", agency=agency_id, why=type(error).__name__)
            return closed
        closed += 1


def _close_oldest(agency_id: int) -> bool:
    """Close the oldest open settlement when its month is over and every movement of it has its line."""
    holder = hold(agency_id, wait=False)
    if holder is None:
        return False
    statement = select(Settlement.id, Settlement.period_end).where(
        Settlement.agency_id == agency_id,
        Settlement.state == SettlementState.OPEN,
        Settlement.period_end <= func.now() - CLOSE_AFTER,
    )
    oldest = db.session.execute(statement.order_by(Settlement.period_start).limit(1)).first()
    if oldest is None or oldest.period_end > holder.filled_to:
        return False
    close(holder, oldest.id, actor=SYSTEM)
    return True
