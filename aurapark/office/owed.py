"""What an agency will be paid next, as far as it is known: one row that is kept up to date as money moves."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from aurapark.extensions import db
from aurapark.settlements.models import Settlement, SettlementProgress, SettlementState


@dataclass(frozen=True, slots=True)
class Owed:
    """The oldest settlement that is open, and up to when movements are in it."""

    settlement: Settlement
    filled_to: datetime | None


def read_owed(agency_id: int) -> Owed | None:
    """Return what the next payout will be of, None while nothing has moved (one statement)."""
    wanted = select(Settlement, SettlementProgress.filled_to).where(Settlement.agency_id == agency_id)
    wanted = wanted.outerjoin(SettlementProgress, SettlementProgress.agency_id == Settlement.agency_id)
    wanted = wanted.where(Settlement.state == SettlementState.OPEN).order_by(Settlement.period_start).limit(1)
    row = db.session.execute(wanted).first()
    return Owed(row[0], row[1]) if row else None
