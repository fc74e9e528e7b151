"""Every message with made-up facts, to read them side by side: nobody's data, no database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from aurapark.booking.models import Booking, BookingState, Passenger, Ticket
from aurapark.booking.queries import BookingView
from aurapark.notifications.about import About
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import CHANNELS, Channel, Message
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
