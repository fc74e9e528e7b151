"""Schedules make trips: one statement for any number of days, and running it again makes nothing twice."""

from datetime import date, timedelta

from sqlalchemy import text

from aurapark.extensions import db

# A departure from 20:00 to 04:59 runs by the route's night times. Trips that exist, edited ones too, are left alone;
# they are looked for first, so that a run that finds nothing to do burns no ids.
BY_NIGHT = "(schedule.departs >= '20:00' OR schedule.departs < '05:00')"
MINUTES = f"CASE WHEN {BY_NIGHT} THEN route_stop.minutes_night ELSE route_stop.minutes_day END"

GENERATE = text(f"""
    WITH due AS (
        SELECT schedule.*, agency.id AS agency_id, vehicle.seat_map_id, CAST(day AS date) AS service_date,
               (CAST(day AS date) + schedule.departs) AT TIME ZONE agency.timezone AS departs_at,
               make_interval(mins => (SELECT max({MINUTES}) FROM route_stop WHERE route_id = route.id)) AS lasts
        FROM schedule
        JOIN route ON route.id = schedule.route_id
        JOIN agency ON agency.id = route.agency_id AND agency.state = 'active'
        JOIN vehicle ON vehicle.id = schedule.vehicle_id
        CROSS JOIN generate_series(CAST(:first_day AS timestamp), CAST(:last_day AS timestamp), '1 day') AS day
        WHERE day >= schedule.valid_from AND (schedule.valid_until IS NULL OR day <= schedule.valid_until)
          AND (schedule.days >> (CAST(extract(isodow FROM day) AS int) - 1)) & 1 = 1
          AND NOT EXISTS (SELECT FROM trip WHERE trip.schedule_id = schedule.id AND trip.service_date = day)
    ), made AS (
        INSERT INTO trip (agency_id, route_id, schedule_id, vehicle_id, seat_map_id, service_class, departure_mode,
                          service_date, departs_at, arrives_at)
        SELECT agency_id, route_id, id, vehicle_id, seat_map_id, service_class, departure_mode,
               service_date, departs_at, departs_at + lasts
        FROM due
        ORDER BY departs_at, id
        ON CONFLICT (schedule_id, service_date) DO NOTHING
        RETURNING id, schedule_id, departs_at
    ), stops AS (
        INSERT INTO trip_stop (trip_id, position, stop_id, departs_at)
        SELECT made.id, route_stop.position, route_stop.stop_id, made.departs_at + make_interval(mins => {MINUTES})
        FROM made
        JOIN schedule ON schedule.id = made.schedule_id
        JOIN route_stop ON route_stop.route_id = schedule.route_id
    )
    SELECT count(*) FROM made
""")  # nosec B608  # noqa: S608  the constants above


def generate_trips(first_day: date, days: int) -> int:
    """Make the trips that schedules plan on these days, as far as they are missing; returns how many it made.

    Days and times are local to each agency; one that is not on sale gets none until it is. Call in a transaction.
    """
    last_day = first_day + timedelta(days=days - 1)
    return int(db.session.scalar(GENERATE, {"first_day": first_day, "last_day": last_day}) or 0)
