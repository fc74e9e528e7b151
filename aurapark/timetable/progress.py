"""Trips follow the clock: boarding before the departure, departed at it, completed on arrival, delay included."""

from sqlalchemy import ColumnElement, func, select

from aurapark import states
from aurapark.extensions import db
from aurapark.timetable.models import Trip, TripState
from aurapark.timetable.rules import BE_THERE_BEFORE_CLOSE

BOARDING_BEFORE = BE_THERE_BEFORE_CLOSE * 2


def advance_trips(limit: int) -> int:
    """Move trips whose next moment has come by the database's clock, in the transaction under way.

    A trip that somebody else has locked is left for the next time. Returns how many moves were made.
    """
    planned_now = func.now() - func.make_interval(0, 0, 0, 0, 0, Trip.delay_minutes)
    steps: list[tuple[TripState, TripState, ColumnElement[bool]]] = [
        (TripState.SCHEDULED, TripState.BOARDING, Trip.departs_at <= planned_now + BOARDING_BEFORE),
        (TripState.BOARDING, TripState.DEPARTED, Trip.departs_at <= planned_now),
        (TripState.DEPARTED, TripState.COMPLETED, Trip.arrives_at <= planned_now),
    ]
    return sum(_move(before, after, due, limit) for before, after, due in steps)


def _move(before: TripState, after: TripState, due: ColumnElement[bool], limit: int) -> int:
    statement = select(Trip).where(Trip.state == before, due).order_by(Trip.departs_at).limit(limit)
    trips = list(db.session.scalars(statement.with_for_update(skip_locked=True)))
    for trip in trips:
        states.move(trip, after)
    db.session.flush()
    return len(trips)
