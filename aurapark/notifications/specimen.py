"""Every message with made-up facts, to read them side by side: nobody's data, no database."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from aurapark.booking.models import Booking, BookingState, Passenger, Ticket
from aurapark.booking.queries import BookingView
from aurapark.errors import N_
from aurapark.notifications.about import About
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import CHANNELS, WITH_TICKETS, Channel, Message
from aurapark.notifications.render import write_letter, write_sms
from aurapark.notifications.sms import Sms
from aurapark.refunds.models import Refund, RefundReason
from aurapark.timetable.models import TripState
from aurapark.timetable.rules import Leg, SellingAgency, StopOnTrip, TripLeg

DEPARTS = datetime(2026, 12, 18, 6, 30, tzinfo=UTC)
ASKED = DEPARTS - timedelta(days=2)
PEOPLE = (("12", "NGO BASSONG Marie-Noëlle"), ("13", "O'NEIL Élise"))
TOKEN = "x7Kd93mQz4TfR2bWk8Hs5Y"  # nosec B105  # noqa: S105  opens nothing
ABOUT_A_REFUND = {
    Message.CANCELLED: RefundReason.CANCELLED,
    Message.PAID_TOO_LATE: RefundReason.SEATS_GONE,
    Message.REFUND_ASKED: RefundReason.SECOND,
    Message.REFUND_SENT: RefundReason.SECOND,
    Message.REFUND_FAILED: RefundReason.SECOND,
}
REASONS = {
    Message.REFUND_ASKED: {
        RefundReason.SECOND: N_("Paid twice"),
        RefundReason.SHORT: N_("Paid too little"),
        RefundReason.FOREIGN_CURRENCY: N_("Paid in another currency"),
        RefundReason.OVER: N_("Paid too much"),
        RefundReason.REVIEW: N_("Decided by our team"),
    },
    Message.PAID_TOO_LATE: {
        RefundReason.SEATS_GONE: N_("The seats are gone"),
        RefundReason.TRIP_CANCELLED: N_("The trip is cancelled"),
        RefundReason.TRIP_DEPARTED: N_("The bus has left"),
        RefundReason.RELEASED: N_("The booking was given up"),
    },
}


@dataclass(frozen=True, slots=True)
class Specimen:
    """A message in one language, by each channel it goes by."""

    message: Message
    language: str
    sms: Sms | None
    letter: Letter | None


def list_specimens(languages: tuple[str, ...], *, site_url: str) -> Iterator[Specimen]:
    """Yield every message in each of these languages, in the order in which they can happen."""
    for message in Message:
        for language in languages:
            yield write_specimen(message, language, site_url=site_url)


def write_specimen(message: Message, language: str, *, site_url: str) -> Specimen:
    """Return one message with made-up facts. Call inside an application context."""
    view, about = specimen_view(message, language), _about(message)
    link = f"{site_url}/t/{TOKEN}"
    sms = letter = None
    if Channel.SMS in CHANNELS[message]:
        sms = write_sms(message, view, about, name="specimen", number=0, link=link)
    if Channel.MAIL in CHANNELS[message]:
        letter = write_letter(message, view, about, name="specimen", link=link, site_url=site_url, written_at=ASKED)
    return Specimen(message, language, sms, letter)


def list_variants(message: Message, language: str) -> Iterator[tuple[str, BookingView, About]]:
    """Yield what a message is told about in its different cases, each under a name: every sentence of it is in one."""
    view, about = specimen_view(message, language), _about(message)
    one = replace(view, passengers=view.passengers[:1], tickets=view.tickets[:1])
    if message == Message.CANCELLED:
        yield N_("The whole booking, with a refund"), view, about
        yield N_("One seat of two"), one, replace(about, seats=["12"])
        yield N_("Two seats of three"), view, replace(about, seats=["12", "13"])
        yield N_("Without a refund"), view, About()
    elif message in REASONS:
        held = replace(view, booking=_in_state(view.booking, BookingState.HELD))
        for reason, name in REASONS[message].items():
            live = reason in (RefundReason.SHORT, RefundReason.FOREIGN_CURRENCY)
            yield name, held if live else view, replace(about, refund=_refund(reason))
    elif message in ABOUT_A_REFUND:
        yield N_("A refund"), view, about
    else:
        yield N_("Two seats"), view, about
        yield N_("One seat"), one, about
        if message in WITH_TICKETS:
            yield N_("A bus that leaves when it is full"), replace(view, trip=_when_full(view.trip)), about
        if message == Message.PAYMENT_FAILED:
            lapsed = _in_state(view.booking, BookingState.EXPIRED)
            yield N_("The time to pay is over"), replace(view, booking=lapsed), about


def lengthened(view: BookingView, about: About) -> tuple[BookingView, About]:
    """Return the same with names and sums as long as they come: what fits then, fits."""
    board = replace(view.trip.board, name="Akwa, Douche municipale", city="Nkongsamba")
    trip = replace(view.trip, board=board, alight=replace(view.trip.alight, name="Gare routière", city="Ngaoundéré"))
    refund = Refund(reason=about.refund.reason, amount=8_000_000, currency="XAF") if about.refund else None
    people = [Passenger(id=i, seat=str(65 + i), name="W" * 40) for i in range(len(view.passengers) * 3)]
    return replace(view, trip=trip, passengers=people), replace(about, refund=refund)


def specimen_view(message: Message, language: str) -> BookingView:
    """Return the made-up booking a message is about: two seats, held where the message is about a hold."""
    held = message == Message.PAYMENT_FAILED
    booking = Booking(
        reference="7K3QF9",
        language=language,
        state=BookingState.HELD if held else BookingState.CONFIRMED,
        total=13_000,
        currency="XAF",
        payer_name="Marie-Noëlle Ngo Bassong",
        payer_phone="+237671234516",
        payer_email="traveller@example.com",
        hold_expires_at=ASKED + timedelta(minutes=15),
        created_at=ASKED,
        confirmed_at=None if held else ASKED,
    )
    passengers = [Passenger(id=i, seat=seat, name=name) for i, (seat, name) in enumerate(PEOPLE)]
    tickets = [
        Ticket(code=f"8H4KW{one.seat}MX", seat=one.seat, passenger_id=one.id, qr=f"SPECIMEN {one.seat}")
        for one in passengers
    ]
    return BookingView(booking, _trip(DEPARTS), passengers, [] if held else tickets, removed=[])


def _about(message: Message) -> About:
    reason = ABOUT_A_REFUND.get(message)
    refund = Refund(reason=reason, amount=6_500, currency="XAF") if reason else None
    seats = [seat for seat, _ in PEOPLE] if message == Message.DISPUTED else []
    later = [_trip(DEPARTS + timedelta(hours=hours)) for hours in (2, 6)]
    return About(refund, seats, later if message == Message.PAID_TOO_LATE else [])


def _refund(reason: RefundReason) -> Refund:
    return Refund(reason=reason, amount=6_500, currency="XAF")


def _when_full(trip: TripLeg) -> TripLeg:
    return replace(trip, departure_mode="when_full")


def _in_state(booking: Booking, state: BookingState) -> Booking:
    kept = ("reference", "language", "total", "currency", "payer_name", "payer_phone", "payer_email")
    times = {"hold_expires_at": booking.hold_expires_at, "created_at": booking.created_at}
    return Booking(state=state, **{name: getattr(booking, name) for name in kept}, **times)


def _trip(departs_at: datetime) -> TripLeg:
    agency = SellingAgency(
        id=1,
        code="wouri",
        name="Étoile du Wouri Voyages",
        licence="MINT-0042",
        timezone="Africa/Douala",
        phone="+237699000000",
        boarding_close_minutes=15,
        max_seats=None,
        commission_percent=None,
        luggage_free_kg=15,
        refund_policy=[],
        active=True,
    )
    return TripLeg(
        trip_id=1,
        route_id=1,
        service_date=date(2026, 12, 18),
        service_class="classique",
        departure_mode="scheduled",
        state=TripState.SCHEDULED,
        delay_minutes=0,
        leg=Leg(0, 1),
        board=StopOnTrip("DLA-BONABERI", "Bonabéri", "Douala", "DLA", departs_at),
        alight=StopOnTrip("BFS-NDIANGDAM", "Ndiangdam", "Bafoussam", "BFS", departs_at + timedelta(hours=5)),
        agency=agency,
        seat_map_name={"fr": "Gros porteur", "en": "Coach"},
        grid="SSD",
        vehicle_name="Ngondo",
        plate="LT 042 TS",
        asked_at=ASKED,
    )
