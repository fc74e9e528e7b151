"""Whose booking it is: its traveller's account, the visitor who made it as a guest, or one who opened it by its link or
by reference and phone. A booking in an account is not its visitor's: signing out closes it on that device.

Unknown and foreign bookings answer alike, after the same one statement.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from aurapark.booking.errors import BookingNotFound
from aurapark.booking.models import Booking, BookingAccess, BookingState, ClaimState, Passenger, SeatClaim
from aurapark.extensions import db
from aurapark.timetable.rules import Leg

NOBODY = ""  # the fingerprint of a visitor without a token: equal to none that is stored


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants to see a booking: the fingerprint of their visitor's token, and their account when signed in."""

    visitor_hash: str | None = None
    user_id: int | None = None


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


def require_own(reference: str, asker: Asker) -> None:
    """Raise BookingNotFound unless this person may open the booking."""
    if not may_open(reference, asker):
        raise BookingNotFound


def may_open(reference: str, asker: Asker) -> bool:
    """Say whether this person may open the booking (one statement)."""
    statement = select(Booking.id).where(Booking.reference == reference, _opens(asker))
    return db.session.scalar(statement) is not None


def grant(booking: Booking, visitor_hash: str) -> None:
    """Note, in the transaction under way, that this visitor may open the booking."""
    row = {"booking_id": booking.id, "visitor_hash": visitor_hash}
    db.session.execute(insert(BookingAccess).values(row).on_conflict_do_nothing())


def find_own_hold(asker: Asker, trip_id: int) -> OwnHold | None:
    """Return the newest live hold on the trip of this browser, None when there is none (one statement).

    What the same account holds on another device stays a choice of its own.
    """
    paying = exists().where(SeatClaim.booking_id == Booking.id, SeatClaim.state == ClaimState.PAYING)
    seats = func.array_agg(aggregate_order_by(Passenger.seat, Passenger.place))
    row = db.session.execute(
        select(Booking, seats, paying)
        .join(Passenger, (Passenger.booking_id == Booking.id) & Passenger.removed_at.is_(None))
        .where(
            _made_here(asker),
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


def list_own_holds(asker: Asker) -> list[KeptSeats]:
    """Return the live holds of this browser and this account on any trip, the first to end first."""
    rows = db.session.execute(
        select(Booking.reference, Booking.hold_expires_at)
        .where(
            or_(_made_here(asker), _in_account_of(asker)),
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
        Booking.user_id.is_not_distinct_from(booking.user_id),
        Booking.trip_id == booking.trip_id,
        Booking.id < booking.id,
        Booking.payer_phone.is_not(None),
    )
    return db.session.scalars(statement.order_by(Booking.id.desc()).limit(1)).first()


def _opens(asker: Asker) -> ColumnElement[bool]:
    mine = asker.visitor_hash or NOBODY
    granted = exists().where(BookingAccess.booking_id == Booking.id, BookingAccess.visitor_hash == mine)
    return or_(_made_here(asker), granted, _in_account_of(asker))


def _made_here(asker: Asker) -> ColumnElement[bool]:
    return and_(
        Booking.visitor_hash == (asker.visitor_hash or NOBODY),
        or_(Booking.user_id.is_(None), _in_account_of(asker)),
    )


def _in_account_of(asker: Asker) -> ColumnElement[bool]:
    return false() if asker.user_id is None else Booking.user_id == asker.user_id
