"""Reading settlements: a few rows each, whatever the number of bookings behind them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from aurapark.extensions import db
from aurapark.settlements.errors import SettlementNotFound
from aurapark.settlements.models import Settlement, SettlementProgress, SettlementState
from aurapark.settlements.rules import Month

MANY = 200


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
        # the 1st begins at most half a day apart in two zones
        middle = month.bounds("UTC")[0].replace(day=15)
        statement = statement.where(Settlement.period_start <= middle, Settlement.period_end > middle)
    return db.session.scalars(statement).all()


def get_running(agency_id: int) -> Settlement | None:
    """Return the oldest settlement of an agency that is still open: what the next payout will be of."""
    statement = select(Settlement).where(Settlement.agency_id == agency_id, Settlement.state == SettlementState.OPEN)
    return db.session.scalars(statement.order_by(Settlement.period_start).limit(1)).first()


def filled_to(agency_id: int) -> datetime | None:
    """Return up to when the movements of an agency are in its settlements; None when that was never begun."""
    return db.session.scalar(select(SettlementProgress.filled_to).where(SettlementProgress.agency_id == agency_id))
