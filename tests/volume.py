"""Months of an agency's sales by the ten thousand, written by the database itself as real sales leave them behind.

Of 30 bookings one is cancelled for half its price; of five one is for cash at the counter, one by API.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from aurapark.extensions import db
from aurapark.references import ALPHABET
from tests.factories import Network

PER_TRIP = 50  # bookings of one seat
TOTAL, COMMISSION, REFUND, BACK = 4000, 400, 2000, 200
AT_ONCE = 100_000

LETTERS = " || ".join(f"substr('{ALPHABET}', CAST((first + n) / {30**k} % 30 AS integer) + 1, 1)" for k in range(6))
TRIPS = """
    INSERT INTO trip (agency_id, route_id, vehicle_id, seat_map_id, service_class, service_date, state, departs_at,
                      arrives_at)
    SELECT :agency, :route, :vehicle, :seat_map, 'classique', CAST(at AS date), 'completed', at, at + interval '5 hours'
    FROM (SELECT CAST(:start AS timestamptz) + n * (CAST(:end AS timestamptz) - CAST(:start AS timestamptz)) / :trips
          AS at FROM generate_series(0, CAST(:trips AS bigint) - 1) n) t
"""
STOPS = """
    INSERT INTO trip_stop (trip_id, position, stop_id, departs_at)
    SELECT t.id, r.position, r.stop_id, t.departs_at + make_interval(mins => r.minutes_day)
    FROM trip t JOIN route_stop r ON r.route_id = t.route_id WHERE t.id > :trip
"""
SALES = f"""
    CREATE TEMP TABLE sale ON COMMIT DROP AS
    SELECT n, first + n AS booking, :payment + 1 + n AS payment, :passenger + 1 + n AS passenger, t.id AS trip,
        CAST(n % {PER_TRIP} + 1 AS integer) AS place, {LETTERS} AS reference, n % 30 = 7 AS cancelled,
        greatest(t.departs_at - make_interval(hours => CAST(2 + n % 48 AS integer)), CAST(:start AS timestamptz)) AS at,
        CASE n % 5 WHEN 0 THEN 'api' WHEN 1 THEN 'counter' ELSE 'web' END AS channel,
        CASE n % 5 WHEN 1 THEN 'cash' ELSE 'flutterwave' END AS provider
    FROM (SELECT CAST(:booking AS bigint) + 1 AS first) f
    CROSS JOIN generate_series(CAST(:from AS bigint), CAST(:to AS bigint)) n
    JOIN (SELECT id, departs_at, row_number() OVER (ORDER BY id) - 1 AS nth FROM trip WHERE id > :trip) t
        ON t.nth = n / {PER_TRIP}
"""  # noqa: S608  constants of this module
ROWS = (
    f"""
    INSERT INTO booking (id, reference, trip_id, agency_id, channel, state, language, board_segment, alight_segment,
        total, commission_percent, commission, refund_policy, token_hash, hold_expires_at, sales_close_at, payer_name,
        payer_phone, confirming_payment_id, created_at, confirmed_at, cancelled_at, cancelled_because)
    OVERRIDING SYSTEM VALUE
    SELECT booking, reference, trip, :agency, channel, CASE WHEN cancelled THEN 'cancelled' ELSE 'confirmed' END, 'fr',
        0, 2, {TOTAL}, 10, {COMMISSION}, '[]', md5(reference) || md5('x' || reference), at + interval '15 min',
        at + interval '1 day', 'Payeur ' || n, '+2376' || lpad(CAST(70000000 + n AS text), 8, '0'), payment, at, at,
        CASE WHEN cancelled THEN at + interval '1 min' END, CASE WHEN cancelled THEN 'traveller' END
    FROM sale
    """,  # noqa: S608
    """
    INSERT INTO passenger (id, booking_id, place, seat, name, amount, adult, youth, child, reduced_mobility)
    OVERRIDING SYSTEM VALUE
    SELECT passenger, booking, 1, CAST(place AS text), 'Passager ' || n, 4000, 4000, 2500, 2000, 2000 FROM sale
    """,
    """
    INSERT INTO payment (id, booking_id, attempt, provider, tx_ref, state, expected_amount, currency, verified_at,
        gateway_tx_id, paid_amount, paid_currency, disposition, created_at, updated_at)
    OVERRIDING SYSTEM VALUE
    SELECT payment, booking, 1, provider, 'AP-' || reference || '-1',
        CASE WHEN cancelled THEN 'partially_refunded' ELSE 'succeeded' END, 4000, 'XAF', at,
        CASE provider WHEN 'cash' THEN NULL ELSE CAST(1000000000 + payment AS text) END, 4000, 'XAF', 'applied', at, at
    FROM sale
    """,
    """
    INSERT INTO seat_claim (trip_id, seat, segment, place, booking_id, state)
    SELECT trip, CAST(place AS text), segment, place, booking, 'sold' FROM sale CROSS JOIN generate_series(0, 1) segment
    WHERE NOT cancelled
    """,
    """
    INSERT INTO ticket (code, booking_id, passenger_id, seat, state, qr, issued_at)
    SELECT 'T' || reference || '22', booking, passenger, CAST(place AS text),
        CASE WHEN cancelled THEN 'void' ELSE 'valid' END, 'qr', at
    FROM sale
    """,
    f"""
    INSERT INTO refund (payment_id, action, reason, amount, currency, state, gateway_refund_id, requested_by,
        succeeded_at, created_at, updated_at)
    SELECT payment, 'cancel', 'traveller', {REFUND}, 'XAF', 'succeeded', CAST(payment AS text), 'volume',
        at + interval '2 min', at + interval '1 min', at + interval '2 min'
    FROM sale WHERE cancelled
    """,  # noqa: S608
    f"""
    INSERT INTO ledger_entry (event_type, event_id, line, debit, credit, amount, booking_id, agency_id, created_at)
    SELECT type, CASE WHEN type = 'payment' THEN CAST(payment AS text) ELSE 'r' || payment END, line, debit, credit,
        amount, booking, :agency, at + later
    FROM sale CROSS JOIN LATERAL (
        SELECT 'agency_payable:' || :agency AS payable,
            CASE provider WHEN 'cash' THEN 'agency_cash:' || :agency ELSE 'gateway_clearing:flutterwave' END AS came
    ) account
    CROSS JOIN LATERAL (VALUES
        ('payment', 1, came, payable, {TOTAL}, TRUE, interval '0'),
        ('payment', 2, payable, 'platform_commission', {COMMISSION}, TRUE, interval '0'),
        ('payment', 3, payable, came, {TOTAL}, provider = 'cash', interval '0'),
        ('refund_due', 1, payable, 'refunds_payable', {REFUND}, cancelled, interval '1 min'),
        ('refund_due', 2, 'platform_commission', payable, {BACK}, cancelled, interval '1 min'),
        ('refund', 1, 'refunds_payable', 'gateway_clearing:flutterwave', {REFUND}, cancelled, interval '2 min')
    ) m (type, line, debit, credit, amount, wanted, later)
    WHERE wanted ORDER BY at + later
    """,  # noqa: S608
)
COUNTED = ("booking", "payment", "passenger")


@dataclass(frozen=True, slots=True)
class Volume:
    """What was written: sums as the month's settlement must have them."""

    gross: int
    commission: int
    refunds: int
    cash_kept: int


def sell_a_month(network: Network, bookings: int, start: datetime, end: datetime) -> Volume:
    """Write that many sales on trips that leave evenly between two moments, each sold after the first of them.

    Foreign keys and triggers are off meanwhile: what is written keeps to them, and they cost most of the time.
    """
    agency = {"agency": network.agency.id}
    shape = {"route": network.route.id, "vehicle": network.vehicle.id, "seat_map": network.seat_map.id}
    db.session.remove()  # a million sales take longer than a transaction may be idle
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text("SET statement_timeout = 0"))
        after = {"trip": _last(connection, "trip"), **{name: _last(connection, name) for name in COUNTED}}
        trips = -(-bookings // PER_TRIP)
        connection.execute(text(TRIPS), {**agency, **shape, "start": start, "end": end, "trips": trips})
        connection.execute(text(STOPS), after)
        for first in range(0, bookings, AT_ONCE):
            connection.execute(text("BEGIN"))
            piece = {"from": first, "to": min(first + AT_ONCE, bookings) - 1, "start": start}
            connection.execute(text(SALES), {**after, **piece})
            for statement in ROWS:
                connection.execute(text(statement), agency)
            connection.execute(text("COMMIT"))
        for name in COUNTED:
            connection.execute(text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))"))  # noqa: S608
        connection.execute(text("SET session_replication_role = origin"))
        connection.execute(text("RESET statement_timeout"))
        connection.execute(text("ANALYZE"))
    cancelled = len(range(7, bookings, 30))
    cash = len(range(1, bookings, 5))
    return Volume(bookings * TOTAL, bookings * COMMISSION - cancelled * BACK, cancelled * REFUND, cash * TOTAL)


def _last(connection, table: str) -> int:  # type: ignore[no-untyped-def]
    return connection.scalar(text(f"SELECT coalesce(max(id), 0) FROM {table}"))  # noqa: S608
