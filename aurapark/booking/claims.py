"""Seat claims: the statements that keep a seat from being sold twice.

Every statement touches the rows in one order, place on the map and then segment, so that two buyers never
wait for each other in a ring. The database's now() decides what has lapsed.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from aurapark.booking.models import Booking, ClaimState
from aurapark.extensions import db
from aurapark.fleet.rules import SeatLayout
from aurapark.timetable.rules import Leg

CLAIM = text("""
    INSERT INTO seat_claim (trip_id, seat, segment, place, booking_id, state, expires_at)
    SELECT :trip_id, wanted.seat, segment, wanted.place, :booking_id, :state, CAST(:expires_at AS timestamptz)
    FROM unnest(CAST(:seats AS text[]), CAST(:places AS int[])) AS wanted (seat, place),
         generate_series(CAST(:board AS int), :alight - 1) AS segment
    ORDER BY wanted.place, segment
    ON CONFLICT (trip_id, seat, segment) DO UPDATE
        SET booking_id = excluded.booking_id, state = excluded.state, expires_at = excluded.expires_at
        WHERE seat_claim.booking_id = excluded.booking_id
           OR (seat_claim.state = 'held' AND seat_claim.expires_at <= now())
    RETURNING seat
""")

LOCK = text("SELECT seat, segment, state FROM seat_claim WHERE booking_id = :id ORDER BY place, segment FOR UPDATE")

# An UPDATE or DELETE alone would lock rows as it finds them; `mine` locks them in their one order first.
SET_STATE = text("""
    WITH mine AS MATERIALIZED (SELECT id FROM seat_claim WHERE booking_id = :id ORDER BY place, segment FOR UPDATE)
    UPDATE seat_claim SET state = :state, expires_at = :expires_at WHERE id IN (SELECT id FROM mine) RETURNING seat
""")
SET_END = text("""
    WITH mine AS MATERIALIZED (SELECT id FROM seat_claim WHERE booking_id = :id ORDER BY place, segment FOR UPDATE)
    UPDATE seat_claim SET expires_at = :expires_at WHERE id IN (SELECT id FROM mine)
""")
LET_GO = text("""
    WITH mine AS MATERIALIZED (SELECT id FROM seat_claim WHERE booking_id = :id ORDER BY place, segment FOR UPDATE)
    DELETE FROM seat_claim WHERE id IN (SELECT id FROM mine)
""")
LET_SEATS_GO = text(
    """
    WITH mine AS MATERIALIZED (
        SELECT trip_id, seat, segment FROM seat_claim WHERE booking_id = :id AND seat = ANY(CAST(:seats AS text[]))
        ORDER BY place, segment FOR UPDATE
    )
    DELETE FROM seat_claim c
    USING mine WHERE (c.trip_id, c.seat, c.segment) = (mine.trip_id, mine.seat, mine.segment)
    """
)


def claim(
    booking: Booking,
    seats: Sequence[str],
    layout: SeatLayout,
    *,
    state: ClaimState = ClaimState.HELD,
    expires_at: datetime | None,
) -> list[str]:
    """Claim every segment of the booking's leg for these seats, taking over claims that have lapsed (one statement).

    Returns the seats that somebody else has, in map order; when there are any, the caller rolls back.
    """
    leg = Leg(booking.board_segment, booking.alight_segment)
    places = [layout.seats[seat].place for seat in seats]
    rows = db.session.execute(
        CLAIM,
        {
            "trip_id": booking.trip_id,
            "booking_id": booking.id,
            "state": state.value,
            "expires_at": expires_at,
            "seats": list(seats),
            "places": places,
            "board": leg.board,
            "alight": leg.alight,
        },
    ).scalars()
    got = list(rows)
    return [seat for seat in seats if got.count(seat) < leg.segments]


def lock(booking: Booking) -> list[tuple[str, int, str]]:
    """Lock the booking's claims in their one order; returns (seat, segment, state) of each."""
    return [(row.seat, row.segment, row.state) for row in db.session.execute(LOCK, {"id": booking.id})]


def let_go(booking: Booking) -> None:
    """Delete the booking's claims: its seats are free at once."""
    db.session.execute(LET_GO, {"id": booking.id})


def let_seats_go(booking: Booking, seats: Sequence[str]) -> None:
    """Delete the booking's claims on some of its seats: they are free at once."""
    db.session.execute(LET_SEATS_GO, {"id": booking.id, "seats": list(seats)})


def set_state(booking: Booking, state: ClaimState, expires_at: datetime | None) -> int:
    """Set all claims of a locked booking to a state and an end; returns how many there are."""
    values = {"state": state.value, "expires_at": expires_at, "id": booking.id}
    return len(db.session.execute(SET_STATE, values).all())


def set_end(booking: Booking, expires_at: datetime) -> None:
    """Move the end of all claims of a locked, unsold booking."""
    db.session.execute(SET_END, {"expires_at": expires_at, "id": booking.id})
