"""Whose booking it is: the visitor who made it, or one who opened it by its link or by reference and phone.

Unknown and foreign bookings answer alike, after the same one statement.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from aurapark.booking.errors import BookingNotFound
from aurapark.booking.models import Booking, BookingAccess, BookingState, ClaimState, Passenger, SeatClaim
from aurapark.extensions import db
from aurapark.timetable.rules import Leg

NOBODY = ""  # the fingerprint of a visitor without a token: equal to none that is stored


@dataclass(frozen=True, slots=True)
class OwnHold:
    """A live hold of this visitor on one trip. `paying`: a payment is under way, so it cannot be changed."""

    booking_id: int
    reference: str
    leg: Leg
    until: datetime
    seats: list[str]
    paying: bool


@dataclass(frozen=True, slots=True)
class KeptSeats:
    """Any live hold of a visitor, as a way to it."""

    reference: str
    until: datetime


def require_own(reference: str, visitor_hash: str | None) -> None:
    """Raise BookingNotFound unless this visitor may open the booking."""
    statement = select(Booking.id).where(Booking.reference == reference, _opens(visitor_hash))
    if db.session.scalar(statement) is None:
        raise BookingNotFound


def grant(booking: Booking, visitor_hash: str) -> None:
    """Note, in the transaction under way, that this visitor may open the booking."""
    row = {"booking_id": booking.id, "visitor_hash": visitor_hash}
    db.session.execute(insert(BookingAccess).values(row).on_conflict_do_nothing())


def find_own_hold(visitor_hash: str | None, trip_id: int) -> OwnHold | None:
    """Return this visitor's newest live hold on the trip, None when there is none (one statement)."""
    paying = exists().where(SeatClaim.booking_id == Booking.id, SeatClaim.state == ClaimState.PAYING)
    seats = func.array_agg(aggregate_order_by(Passenger.seat, Passenger.place))
    row = db.session.execute(
        select(Booking, seats, paying)
        .join(Passenger, (Passenger.booking_id == Booking.id) & Passenger.removed_at.is_(None))
        .where(
            Booking.visitor_hash == (visitor_hash or NOBODY),
            Booking.trip_id == trip_id,
            Booking.state == BookingState.HELD,
            Booking.hold_expires_at > func.now(),
        )
        .group_by(Booking.id)
        .order_by(Booking.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    booking, labels, is_paying = row
    leg = Leg(booking.board_segment, booking.alight_segment)
    return OwnHold(booking.id, booking.reference, leg, booking.hold_expires_at, list(labels), is_paying)


def list_own_holds(visitor_hash: str | None) -> list[KeptSeats]:
    """Return this visitor's live holds on any trip, the first to end first."""
    rows = db.session.execute(
        select(Booking.reference, Booking.hold_expires_at)
        .where(
            Booking.visitor_hash == (visitor_hash or NOBODY),
            Booking.state == BookingState.HELD,
            Booking.hold_expires_at > func.now(),
        )
        .order_by(Booking.hold_expires_at)
    )
    return [KeptSeats(*row) for row in rows]


def find_earlier_booking(booking: Booking) -> Booking | None:
    """Return this visitor's last other booking of the same trip that has a payer: what was typed is asked only once."""
    if booking.visitor_hash is None:
        return None
    statement = select(Booking).where(
        Booking.visitor_hash == booking.visitor_hash,
        Booking.trip_id == booking.trip_id,
        Booking.id < booking.id,
        Booking.payer_phone.is_not(None),
    )
    return db.session.scalars(statement.order_by(Booking.id.desc()).limit(1)).first()


def _opens(visitor_hash: str | None) -> ColumnElement[bool]:
    mine = visitor_hash or NOBODY
    granted = exists().where(BookingAccess.booking_id == Booking.id, BookingAccess.visitor_hash == mine)
    return or_(Booking.visitor_hash == mine, granted)
