"""The demo's scenarios: bookings made through the real stories and paid on the running sandbox, each once.

A scenario is known by its payer's e-mail address. What needs features of later issues is not here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text

from aurapark.booking.best_available import Preference, choose_seats
from aurapark.booking.details import CheckoutDetails, PassengerDetails, Payer
from aurapark.booking.models import Booking, Channel
from aurapark.booking.qr import TicketSigner
from aurapark.booking.queries import list_taken_seats
from aurapark.booking.service import Holder
from aurapark.checkout.confirm import check_payment
from aurapark.checkout.hold import hold_seats
from aurapark.checkout.pay import start_payment
from aurapark.checkout.terms import PaymentTerms
from aurapark.database import in_transaction
from aurapark.demo.charges import Sandbox
from aurapark.demo.people import PHONES
from aurapark.errors import DomainError
from aurapark.extensions import db
from aurapark.fares.models import Category
from aurapark.log import log_failure
from aurapark.payments.gateway import Gateway
from aurapark.timetable.queries import get_trip_leg

PAID_LATE_BY = timedelta(minutes=3)

DONE = text("SELECT EXISTS (SELECT FROM booking WHERE payer_email = :email AND state = 'confirmed')")
TRIP = text("""
    SELECT trip.id FROM trip
    JOIN agency ON agency.id = trip.agency_id AND agency.code = :agency
    JOIN route ON route.id = trip.route_id AND route.code = :route
    WHERE trip.service_date = :day AND trip.state = 'scheduled'
      AND to_char(trip.departs_at AT TIME ZONE agency.timezone, 'HH24:MI') = :departs
""")
EARLIER = (
    text("""
        UPDATE booking SET created_at = created_at - CAST(:by AS interval),
                           hold_expires_at = hold_expires_at - CAST(:by AS interval) WHERE id = :id
    """),
    text("""
        UPDATE payment SET created_at = created_at - CAST(:by AS interval),
                           session_ends_at = session_ends_at - CAST(:by AS interval) WHERE booking_id = :id
    """),
    text("UPDATE seat_claim SET expires_at = expires_at - CAST(:by AS interval) WHERE booking_id = :id"),
)


@dataclass(frozen=True, slots=True)
class Departure:
    """A departure of the demo, with the stops or cities somebody travels between."""

    agency: str
    route: str
    departs: str
    start: str
    end: str
    days_ahead: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """What the scenarios play with."""

    gateway: Gateway
    signer: TicketSigner
    terms: PaymentTerms
    sandbox: Sandbox
    today: date


@dataclass(frozen=True, slots=True)
class Traveller:
    """Somebody who sits; the category decides the price."""

    name: str
    category: Category = Category.ADULT
    lap_children: int = 0


def play_scenarios(stage: Stage) -> list[str]:
    """Play every scenario that was not played yet; returns the ids of those that were, logs those that failed."""
    played = []
    for name, scenario in SCENARIOS.items():
        if db.session.scalar(DONE, {"email": _mail(name)}):
            continue
        try:
            scenario(stage, name)
            played.append(name)
        except DomainError as error:
            log_failure("demo_scenario_failed", error, scenario=name)
    return played


def _guest(stage: Stage, name: str) -> None:
    _buy(stage, name, Departure("wouri", "R07", "08:30", "DLA", "LIM"), [Traveller("N'DJOCK Élise")])


def _aunt_and_nephews(stage: Stage, name: str) -> None:
    nephews = [
        Traveller("TCHOUPO KAMGA Aimé-Césaire"),
        Traveller("NKENG Blaise Jr", Category.YOUTH),
        Traveller("WIRBA Divine-Favour Lemnyuy", Category.CHILD),
    ]
    departure = Departure("ndop", "R02", "11:00", "DLA-BONABERI", "BFS-NDIANGDAM")
    _buy(stage, name, departure, nephews, payer="MBIANDA TCHATCHOUANG Yvette Laure")


def _paid_late(stage: Stage, name: str) -> None:
    booking = _hold(stage, Departure("wouri", "R06", "10:00", "DLA", "BUE"), 1, "window")
    tx_ref = _start(stage, name, booking, [Traveller("ABDOULAYE")], payer=None)
    by = stage.terms.session + stage.terms.grace + PAID_LATE_BY
    in_transaction(lambda: _let_time_pass(booking, by))
    _check(stage, tx_ref)  # nobody has paid: the seat is let go
    _pay(stage, tx_ref)


def _wheelchair(stage: Stage, name: str) -> None:
    pair = [Traveller("HAMADOU Ousmanou Bello", Category.REDUCED_MOBILITY), Traveller("AÏSSATOU Djaïli")]
    _buy(stage, name, Departure("ndop", "R03", "12:00", "YAO", "BFS"), pair, preference="door")


def _group_of_twelve(stage: Stage, name: str) -> None:
    departure = Departure("ringroad", "R04", "07:30", "YAO", "BDA")
    names = ["FRU Emmanuel Che", "ENOW-AGBOR Precious", "ETOUNDI ATANGANA Jean de Dieu", "Dr. OYONO MENDOME Prisca"]
    for seats in (range(7, 13), range(13, 19)):  # rows 3 to 5 of a 70-seat bus
        group = [Traveller(names[seat % len(names)]) for seat in seats]
        _buy(stage, name, departure, group, seats=[str(seat) for seat in seats], payer="FRU Emmanuel Che")


def _one_seat_two_legs(stage: Stage, name: str) -> None:
    for start, end, who in (("YAO", "EDA", "ETOUNDI ATANGANA Jean de Dieu"), ("EDA", "DLA", "ENOW-AGBOR Precious")):
        _buy(stage, name, Departure("wouri", "R01", "14:00", start, end), [Traveller(who)], seats=["12"])


def _there_and_back(stage: Stage, name: str) -> None:
    mother = [Traveller("NGO BASSONG Marie-Noëlle epse MBALLA", lap_children=1)]
    _buy(stage, name, Departure("wouri", "R11", "14:00", "DLA", "KRI"), mother)
    _buy(stage, name, Departure("ocean", "R11-R", "10:00", "KRI", "DLA", days_ahead=3), mother)


SCENARIOS: dict[str, Callable[[Stage, str], None]] = {
    "B1": _guest,
    "B2": _aunt_and_nephews,
    "B4": _paid_late,
    "B11": _wheelchair,
    "B12": _group_of_twelve,
    "B13": _one_seat_two_legs,
    "B14": _there_and_back,
}


def _buy(
    stage: Stage,
    name: str,
    departure: Departure,
    travellers: Sequence[Traveller],
    *,
    seats: Sequence[str] = (),
    preference: Preference = "front",
    payer: str | None = None,
) -> None:
    booking = _hold(stage, departure, len(travellers), preference, seats)
    _pay(stage, _start(stage, name, booking, travellers, payer=payer))


def _hold(stage: Stage, departure: Departure, count: int, preference: Preference, seats: Sequence[str] = ()) -> Booking:
    day = stage.today + timedelta(days=departure.days_ahead)
    asked = {"agency": departure.agency, "route": departure.route, "departs": departure.departs, "day": day}
    trip_id = db.session.scalar(TRIP, asked) or 0
    trip = get_trip_leg(trip_id, departure.start, departure.end)
    free = set(trip.layout.seats) - list_taken_seats(trip_id, trip.leg)
    wanted = seats or choose_seats(trip.layout, free, count, preference) or []
    holder = Holder(Channel.WEB, "fr")
    return hold_seats(trip_id, departure.start, departure.end, wanted, holder=holder, terms=stage.terms.hold)


def _start(stage: Stage, name: str, booking: Booking, travellers: Sequence[Traveller], *, payer: str | None) -> str:
    held = text("SELECT seat FROM passenger WHERE booking_id = :id ORDER BY place")
    seats = db.session.scalars(held, {"id": booking.id}).all()
    details = CheckoutDetails(
        passengers=tuple(
            PassengerDetails(seat, who.name, who.category, who.lap_children)
            for seat, who in zip(seats, travellers, strict=True)
        ),
        payer=Payer(PHONES[list(SCENARIOS).index(name)], payer or travellers[0].name, _mail(name)),
    )
    return start_payment(booking.reference, details, gateway=stage.gateway, terms=stage.terms).tx_ref


def _pay(stage: Stage, tx_ref: str) -> None:
    stage.sandbox.pay(tx_ref)
    _check(stage, tx_ref)


def _check(stage: Stage, tx_ref: str) -> None:
    check_payment(tx_ref, gateway=stage.gateway, signer=stage.signer, terms=stage.terms)


def _let_time_pass(booking: Booking, by: timedelta) -> None:
    for statement in EARLIER:
        db.session.execute(statement, {"id": booking.id, "by": by})


def _mail(name: str) -> str:
    return f"{name.lower()}@example.com"
