"""Holding seats and changing a hold: called inside one transaction, which the story opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from aurapark import audit, states
from aurapark.booking import claims
from aurapark.booking.errors import (
    BookingNotFound,
    HoldNotExtendable,
    NoSuchSeat,
    SeatsTaken,
    WrongSeatCount,
    WrongState,
)
from aurapark.booking.models import Booking, BookingState, Channel, Passenger
from aurapark.extensions import db
from aurapark.fares.models import Category
from aurapark.fares.rules import SeatPrices, commission_on
from aurapark.money import Money
from aurapark.references import booking_token, fingerprint, new_reference
from aurapark.timetable.rules import TripLeg

EXTENSION = timedelta(minutes=5)
MAX_EXTENSIONS = 10


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds: through which channel, in which language, the fingerprint of the visitor's token on the web, the
    network they come from, such as 192.0.2.0/24, and the account of a traveller who is signed in."""

    channel: Channel
    language: str
    visitor_hash: str | None = None
    network: str | None = None
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """The settings a hold is made under. `limited`: whether hoarding limits count."""

    hold: timedelta
    max_seats: int
    commission_percent: int
    token_key: str
    limited: bool = True


def hold_seats(trip: TripLeg, seats: Sequence[str], prices: SeatPrices, *, holder: Holder, terms: HoldTerms) -> Booking:
    """Hold seats on one trip until the hold lapses, at the latest when sales close.

    All or nothing, in one ordered statement, so buyers of other seats on the trip do not wait and nobody
    deadlocks. A lapsed hold is taken over on the spot: a late worker never costs a sale.

    Raises TripClosed, TripCancelled, WrongSeatCount, NoSuchSeat, and SeatsTaken with the seats that are gone.
    """
    trip.require_on_sale()
    ordered = require_seats(trip, seats, terms.max_seats)
    booking = _new_booking(trip, ordered, prices, holder, terms)
    db.session.add(booking)
    db.session.flush()
    if taken := claims.claim(booking, ordered, trip.layout, expires_at=booking.hold_expires_at):
        raise SeatsTaken(taken)
    db.session.add_all(_passengers(booking, ordered, prices))
    audit.record("booking.hold", "booking", booking.reference, actor=holder.channel, after={"seats": ordered})
    return booking


def require_seats(trip: TripLeg, seats: Sequence[str], max_seats: int) -> list[str]:
    """Return the wanted seats in map order. Raises WrongSeatCount and NoSuchSeat."""
    limit = trip.agency.max_seats or max_seats
    if not 1 <= len(seats) <= limit:
        raise WrongSeatCount(max=limit, details={"seats": list(seats)})
    unknown = [seat for seat in seats if seat not in trip.layout.seats]
    if unknown or len(set(seats)) < len(seats):
        raise NoSuchSeat(details={"seats": unknown or [seat for seat in seats if seats.count(seat) > 1]})
    return trip.layout.in_order(list(seats))


def lock_booking(reference: str) -> Booking:
    """Return the booking, locked, as it is now. Raises BookingNotFound."""
    statement = select(Booking).where(Booking.reference == reference).with_for_update()
    booking = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if booking is None:
        raise BookingNotFound
    return booking


def extend_hold(booking: Booking, *, now: datetime) -> None:
    """Keep a locked, live hold 5 minutes longer, never past the close of sales, at most 10 times.

    `now` is the database's. Raises WrongState when it is no live hold, HoldNotExtendable when that was the limit.
    """
    if booking.state != BookingState.HELD or booking.hold_expires_at <= now:
        raise WrongState
    until = min(booking.hold_expires_at + EXTENSION, booking.sales_close_at)
    if booking.extensions >= MAX_EXTENSIONS or until <= booking.hold_expires_at:
        raise HoldNotExtendable
    booking.extensions += 1
    booking.hold_expires_at = until
    claims.set_end(booking, until)


def end_hold(booking: Booking, to: BookingState, *, now: datetime) -> None:
    """Let a locked hold go, by choice (`released`) or by time (`expired`): its seats are free at once."""
    before = booking.state
    states.move(booking, to)
    if to == BookingState.RELEASED:
        booking.released_at = now
    else:
        booking.expired_at = now
    claims.let_go(booking)
    audit.record(f"booking.{to}", "booking", booking.reference, before={"state": before}, after={"state": to})


def database_now() -> datetime:
    """Return the database's now(): the only clock that decides about holds."""
    return db.session.scalar(select(func.now()))  # type: ignore[return-value]  # never NULL


def _new_booking(trip: TripLeg, seats: list[str], prices: SeatPrices, holder: Holder, terms: HoldTerms) -> Booking:
    reference = new_reference()
    total = Money(prices.adult * len(seats), prices.currency)
    percent = trip.agency.commission_percent
    percent = terms.commission_percent if percent is None else percent
    return Booking(
        reference=reference,
        trip_id=trip.trip_id,
        agency_id=trip.agency.id,
        channel=holder.channel,
        state=BookingState.HELD,
        language=holder.language,
        visitor_hash=holder.visitor_hash,
        network=holder.network,
        user_id=holder.user_id,
        board_segment=trip.leg.board,
        alight_segment=trip.leg.alight,
        total=total.amount,
        currency=total.currency,
        commission_percent=percent,
        commission=commission_on(total, percent).amount,
        refund_policy=trip.agency.refund_policy,
        token_version=1,
        token_hash=fingerprint(booking_token(terms.token_key, reference, 1)),
        hold_expires_at=min(trip.asked_at + terms.hold, trip.sales_close_at),
        sales_close_at=trip.sales_close_at,
        extensions=0,
        created_at=trip.asked_at,
    )


def _passengers(booking: Booking, seats: list[str], prices: SeatPrices) -> list[Passenger]:
    by_category = {category.value: prices.of(category) for category in Category}
    return [
        Passenger(
            booking_id=booking.id, place=place, seat=seat, category=Category.ADULT, amount=prices.adult, **by_category
        )
        for place, seat in enumerate(seats)
    ]
