"""Writing the demo's sales in bulk, by COPY: the rows that a sale leaves behind, and that satisfy every invariant."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import text

from aurapark.booking.qr import SignedTicket, TicketSigner
from aurapark.demo.demand import TripToFill
from aurapark.demo.sales import HOLD, Sale
from aurapark.extensions import db
from aurapark.fares.rules import SeatPrices, commission_on
from aurapark.ledger.hours import open_again
from aurapark.ledger.rules import postings_for_applied_payment
from aurapark.money import Money
from aurapark.references import booking_token, fingerprint
from aurapark.settlements.fill import look_again
from aurapark.timetable.rules import Leg

NOT_IN_SANDBOX = "demo-"  # gateway ids of charges the sandbox has not been told of yet begin with this

TRIPS = text("""
    SELECT trip.id, trip.agency_id, agency.code AS agency, trip.route_id, route.code AS route, trip.service_class,
           trip.departure_mode = 'when_full' AS when_full, trip.service_date,
           to_char(trip.departs_at AT TIME ZONE agency.timezone, 'HH24:MI') AS departs, seat_map.grid,
           agency.boarding_close_minutes,
           coalesce(agency.commission_percent, :commission_percent) AS commission_percent,
           CAST(agency.refund_policy AS text) AS refund_policy,
           ARRAY(SELECT departs_at FROM trip_stop WHERE trip_id = trip.id ORDER BY position) AS stops
    FROM trip
    JOIN agency ON agency.id = trip.agency_id AND agency.state = 'active'
    JOIN route ON route.id = trip.route_id
    JOIN seat_map ON seat_map.id = trip.seat_map_id
    WHERE trip.service_date BETWEEN :first_day AND :last_day AND trip.state = 'scheduled'
      AND NOT EXISTS (SELECT FROM seat_claim WHERE trip_id = trip.id)
    ORDER BY trip.service_date, agency.id, trip.departs_at, trip.id
""")

PRICES = text("""
    SELECT DISTINCT ON (route_id, service_class, board_position, alight_position) *
    FROM fare WHERE valid_from <= :day
    ORDER BY route_id, service_class, board_position, alight_position, valid_from DESC
""")

BOOKING = """
    id, reference, trip_id, agency_id, channel, state, language, board_segment, alight_segment, total, currency,
    commission_percent, commission, refund_policy, token_hash, hold_expires_at, sales_close_at, payer_phone,
    payer_email, confirming_payment_id, created_at, confirmed_at
"""
PAYMENT = """
    id, booking_id, attempt, provider, tx_ref, state, expected_amount, currency, checks, verified_at, gateway_tx_id,
    paid_amount, paid_currency, disposition, created_at, updated_at
"""
PASSENGER = "id, booking_id, place, seat, name, category, amount, adult, youth, child, reduced_mobility"
CLAIM = "trip_id, seat, segment, place, booking_id, state"
TICKET = "code, booking_id, passenger_id, seat, qr, issued_at"
ENTRY = "event_type, event_id, line, debit, credit, amount, currency, booking_id, agency_id, created_at"

SELL = text(f"""
    WITH sold AS (INSERT INTO booking ({BOOKING}) SELECT * FROM demo_booking)
    INSERT INTO payment ({PAYMENT}) SELECT * FROM demo_payment
""")  # nosec B608  # noqa: S608  names of this module


def list_trips_to_fill(first_day: date, last_day: date, commission_percent: int) -> list[TripToFill]:
    """Return the trips of these days that nobody has booked, by day; those that have left by now too."""
    asked = {"first_day": first_day, "last_day": last_day, "commission_percent": commission_percent}
    return [
        TripToFill(
            trip_id=row.id,
            agency_id=row.agency_id,
            agency=row.agency.partition("-")[0],
            route_id=row.route_id,
            route=row.route,
            service_class=row.service_class,
            when_full=row.when_full,
            day=row.service_date,
            departs=row.departs,
            days_ahead=(row.service_date - first_day).days,
            grid=row.grid,
            stops=row.stops,
            close_minutes=row.boarding_close_minutes,
            commission_percent=row.commission_percent,
            refund_policy=row.refund_policy,
        )
        for row in db.session.execute(TRIPS, asked)
    ]


def list_prices(day: date) -> dict[tuple[int, str], dict[Leg, SeatPrices]]:
    """Return the seat prices that count on a day, by route and class, then leg."""
    prices: dict[tuple[int, str], dict[Leg, SeatPrices]] = {}
    for row in db.session.execute(PRICES, {"day": day}):
        leg = Leg(row.board_position, row.alight_position)
        of_route = prices.setdefault((row.route_id, row.service_class), {})
        of_route[leg] = SeatPrices(row.adult, row.youth, row.child, row.reduced_mobility, row.currency)
    return prices


def write_sales(sales: Sequence[Sale], *, token_key: str, signer: TicketSigner) -> None:
    """Write these sales as confirmed bookings, in the transaction under way."""
    bookings, payments = _new_ids("booking", len(sales)), _new_ids("payment", len(sales))
    passengers = iter(_new_ids("passenger", sum(len(sale.seated) for sale in sales)))
    known = [
        (sale, booking, payment, [next(passengers) for _ in sale.seated])
        for sale, booking, payment in zip(sales, bookings, payments, strict=True)
    ]
    # A booking names its payment and the payment its booking: both go in by one statement.
    _stage("booking", BOOKING, (_booking(sale, booking, payment, token_key) for sale, booking, payment, _ in known))
    _stage("payment", PAYMENT, (_payment(sale, booking, payment) for sale, booking, payment, _ in known))
    db.session.execute(SELL)
    _copy("passenger", PASSENGER, (row for sale, booking, _, its in known for row in _passengers(sale, booking, its)))
    _copy("seat_claim", CLAIM, (row for sale, booking, _, _ in known for row in _claims(sale, booking)))
    _copy("ticket", TICKET, (row for sale, booking, _, its in known for row in _tickets(sale, booking, its, signer)))
    _copy(
        "ledger_entry", ENTRY, (row for sale, booking, payment, _ in known for row in _entries(sale, booking, payment))
    )
    if sales:
        open_again(min(sale.paid_at for sale in sales))
        look_again(sorted({sale.trip.agency_id for sale in sales}))


def _booking(sale: Sale, booking_id: int, payment_id: int, token_key: str) -> tuple[Any, ...]:
    trip, total = sale.trip, Money(sale.total)
    close = trip.sales_close_at(sale.leg.board)
    return (
        booking_id,
        sale.reference,
        trip.trip_id,
        trip.agency_id,
        "web",
        "confirmed",
        sale.language,
        sale.leg.board,
        sale.leg.alight,
        total.amount,
        total.currency,
        trip.commission_percent,
        commission_on(total, trip.commission_percent).amount,
        trip.refund_policy,
        fingerprint(booking_token(token_key, sale.reference, 1)),
        min(sale.created_at + HOLD, close),
        close,
        sale.phone,
        sale.email,
        payment_id,
        sale.created_at,
        sale.paid_at,
    )


def _payment(sale: Sale, booking_id: int, payment_id: int) -> tuple[Any, ...]:
    currency = sale.seated[0].prices.currency
    return (
        payment_id,
        booking_id,
        1,
        "flutterwave",
        sale.tx_ref,
        "succeeded",
        sale.total,
        currency,
        1,
        sale.paid_at,
        NOT_IN_SANDBOX + sale.tx_ref,
        sale.total,
        currency,
        "applied",
        sale.created_at,
        sale.paid_at,
    )


def _passengers(sale: Sale, booking_id: int, ids: Sequence[int]) -> Iterable[tuple[Any, ...]]:
    for passenger_id, it in zip(ids, sale.seated, strict=True):
        prices = it.prices
        each = (prices.adult, prices.youth, prices.child, prices.reduced_mobility)
        yield (passenger_id, booking_id, it.place, it.seat, it.name, it.category.value, it.amount, *each)


def _claims(sale: Sale, booking_id: int) -> Iterable[tuple[Any, ...]]:
    for it in sale.seated:
        place = sale.trip.layout.seats[it.seat].place
        for segment in range(sale.leg.board, sale.leg.alight):
            yield (sale.trip.trip_id, it.seat, segment, place, booking_id, "sold")


def _tickets(sale: Sale, booking_id: int, ids: Sequence[int], signer: TicketSigner) -> Iterable[tuple[Any, ...]]:
    departs_at = sale.trip.stops[sale.leg.board]
    for passenger_id, it, code in zip(ids, sale.seated, sale.ticket_codes, strict=True):
        signed = signer.sign(SignedTicket(code, sale.trip.trip_id, it.seat, sale.leg, departs_at))
        yield (code, booking_id, passenger_id, it.seat, signed, sale.paid_at)


def _entries(sale: Sale, booking_id: int, payment_id: int) -> Iterable[tuple[Any, ...]]:
    agency_id, total = sale.trip.agency_id, Money(sale.total)
    commission = commission_on(total, sale.trip.commission_percent)
    postings = postings_for_applied_payment("flutterwave", agency_id, paid=total, total=total, commission=commission)
    for line, posting in enumerate(postings, 1):
        event = ("payment", str(payment_id), line, posting.debit, posting.credit)
        yield (*event, posting.amount.amount, posting.amount.currency, booking_id, agency_id, sale.paid_at)


def _new_ids(table: str, count: int) -> list[int]:
    statement = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")
    return list(db.session.scalars(statement, {"table": table, "count": count}))


def _stage(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """COPY rows into a temporary table demo_… that is gone with the transaction."""
    made = f"CREATE TEMPORARY TABLE demo_{table} ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA"  # nosec B608  # noqa: S608
    db.session.execute(text(made))
    _copy(f"demo_{table}", columns, rows)


def _copy(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    connection: Any = db.session.connection().connection.driver_connection
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
