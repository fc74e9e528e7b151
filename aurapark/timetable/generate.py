"""Schedules make trips: one statement for any number of days, and running it again makes nothing twice."""

from datetime import date, timedelta

from sqlalchemy import text

from aurapark.extensions import db

# A departure from 20:00 to 04:59 runs by the route's night times. Trips that exist, edited ones too, are left alone;
# they are looked for first, so that a run that finds nothing to do burns no ids.
GENERATE = text("""
    WITH due AS (
        SELECT schedule.id AS schedule_id, schedule.route_id, schedule.vehicle_id, schedule.service_class,
               schedule.departure_mode, agency.id AS agency_id, vehicle.seat_map_id, CAST(day AS date) AS service_date,
               (CAST(day AS date) + schedule.departs) AT TIME ZONE agency.timezone AS departs_at,
               schedule.departs >= '20:00' OR schedule.departs < '05:00' AS by_night
        FROM schedule
        JOIN route ON route.id = schedule.route_id
        JOIN agency ON agency.id = route.agency_id AND agency.state <> 'pending'
        JOIN vehicle ON vehicle.id = schedule.vehicle_id
        CROSS JOIN generate_series(CAST(:first_day AS timestamp), CAST(:last_day AS timestamp), '1 day') AS day
        WHERE day >= schedule.valid_from AND (schedule.valid_until IS NULL OR day <= schedule.valid_until)
          AND (schedule.days >> (CAST(extract(isodow FROM day) AS int) - 1)) & 1 = 1
          AND NOT EXISTS (SELECT FROM trip WHERE trip.schedule_id = schedule.id AND trip.service_date = day)
    ), plan AS (
        SELECT due.schedule_id, due.service_date, route_stop.position, route_stop.stop_id,
               due.departs_at + make_interval(mins => CASE WHEN due.by_night THEN route_stop.minutes_night
                                                           ELSE route_stop.minutes_day END) AS departs_at
        FROM due JOIN route_stop ON route_stop.route_id = due.route_id
    ), made AS (
        INSERT INTO trip (agency_id, route_id, schedule_id, vehicle_id, seat_map_id, service_class, departure_mode,
                          service_date, departs_at, arrives_at)
        SELECT agency_id, route_id, schedule_id, vehicle_id, seat_map_id, service_class, departure_mode, service_date,
               departs_at, (SELECT max(plan.departs_at) FROM plan
                            WHERE plan.schedule_id = due.schedule_id AND plan.service_date = due.service_date)
        FROM due
        ORDER BY departs_at, schedule_id
        ON CONFLICT (schedule_id, service_date) DO NOTHING
        RETURNING id, schedule_id, service_date
    ), stops AS (
        INSERT INTO trip_stop (trip_id, position, stop_id, departs_at)
        SELECT made.id, plan.position, plan.stop_id, plan.departs_at
        FROM made JOIN plan USING (schedule_id, service_date)
    )
    SELECT count(*) FROM made
""")


def generate_trips(first_day: date, days: int) -> int:
    """Make the trips that schedules plan on these days, as far as they are missing; returns how many it made.

    Days and times are local to each agency; agencies that are not yet accepted get none. Call in a transaction.
    """
    last_day = first_day + timedelta(days=days - 1)
    return int(db.session.scalar(GENERATE, {"first_day": first_day, "last_day": last_day}) or 0)
