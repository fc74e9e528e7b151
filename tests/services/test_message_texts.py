"""What messages say: every template in both languages, with the longest names and with hostile ones."""

import dataclasses
import io
import json
import re
import string
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

import html5lib
import jsonschema
import pytest
import zxingcpp
from flask import Flask
from flask_babel import force_locale
from icalendar import Calendar
from PIL import Image

from aurapark import create_app
from aurapark.booking.calendar import booking_calendar
from aurapark.booking.models import Passenger, Ticket
from aurapark.booking.queries import BookingView
from aurapark.config import ROOT, Settings, load_settings
from aurapark.notifications.about import About
from aurapark.notifications.commands import messages
from aurapark.notifications.gsm import gsm_length
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import CHANNELS, WITH_TICKETS, Channel, Message
from aurapark.notifications.render import private_link, write_letter, write_sms
from aurapark.notifications.sms import Sms
from aurapark.notifications.specimen import list_specimens, specimen_view
from aurapark.references import booking_token, fingerprint
from aurapark.refunds.models import Refund, RefundReason
from aurapark.timetable.rules import StopOnTrip
from tests.bookings import NAMES

SITE = "https://aurapark.cm"
DEPARTS = datetime(2026, 12, 18, 7, tzinfo=UTC)
LONGEST_SITE = "https://reservations.etoile-du-wouri-voyages.aurapark.example.com"
SIX = ("65", "66", "67", "68", "69", "70")
HOSTILE = ("{{7*7}} %s %(x)d ${7} {0}", "<script>alert(1)</script>", 'O\'Neil & "Sons"')
LANGUAGES = ("fr", "en")
SHARED = ("layout.html", "notice.html", "notice.txt", "words.txt", "alarm.html", "alarm.txt", "alarm_words.txt")
BY_SMS = [message for message in Message if Channel.SMS in CHANNELS[message]]
BY_MAIL = [message for message in Message if Channel.MAIL in CHANNELS[message]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of an application that needs no database: what messages say depends on what they are given."""
    nowhere = {"DATABASE_URL": "postgresql+psycopg://localhost/none", "REDIS_URL": "redis://localhost/0"}
    return load_settings({**nowhere, "AURAPARK_VAR": str(tmp_path_factory.mktemp("var"))})


@pytest.fixture(scope="module")
def application(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture(autouse=True)
def app(application: Flask) -> Iterator[Flask]:
    with application.app_context():
        yield application


def view_of(
    settings: Settings,
    *,
    seats: Sequence[str] = ("12", "13"),
    names: Sequence[str] = NAMES,
    language: str = "fr",
    timezone: str = "Africa/Douala",
) -> BookingView:
    """A booking with tickets for a bus that leaves at 07:00 UTC, as the database would give it."""
    view = specimen_view(Message.TICKET, language)
    board = dataclasses.replace(view.trip.board, name="Akwa, Douche municipale", at=DEPARTS)
    alight = dataclasses.replace(view.trip.alight, name="Mvan", city="Yaoundé", at=DEPARTS + timedelta(hours=5))
    agency = dataclasses.replace(view.trip.agency, timezone=timezone)
    trip = dataclasses.replace(view.trip, board=board, alight=alight, agency=agency)
    view.booking.total, view.booking.token_version = 4_000 * len(seats), 1
    token = booking_token(settings.secret_key, view.booking.reference, 1)
    view.booking.token_hash = fingerprint(token)
    people = [Passenger(id=i, seat=seat, name=name) for i, (seat, name) in enumerate(zip(seats, names, strict=False))]
    tickets = [
        Ticket(code=f"8H4KW{one.seat:>02}MX", seat=one.seat, passenger_id=one.id, qr=f"AP1.{one.seat}." + "Q7" * 80)
        for one in people
    ]
    return dataclasses.replace(view, trip=trip, passengers=people, tickets=tickets)


def about(message: Message, view: BookingView, reason: str = "second") -> About:
    """What a message of this kind is about: a refund of 8,000,000 FCFA, the seats given back, three departures."""
    if message in (Message.TICKET, Message.PAYMENT_FAILED, Message.OTHER_SEATS, Message.REMINDER):
        return About()
    refund = Refund(reason=reason, amount=8_000_000, currency="XAF")
    seats = view.seats if message in (Message.CANCELLED, Message.DISPUTED) else []
    return About(refund, seats, [view.trip] * 3 if message == Message.PAID_TOO_LATE else [])


def sms(message: Message, view: BookingView, settings: Settings, site: str = SITE, said: About | None = None) -> Sms:
    link = private_link(view.booking, site_url=site, keys=[settings.secret_key])
    return write_sms(message, view, said or about(message, view), name="n", number=1, link=link)


def letter(
    message: Message, view: BookingView, settings: Settings, site: str = SITE, said: About | None = None
) -> Letter:
    link = private_link(view.booking, site_url=site, keys=[settings.secret_key])
    post = {"name": "20261218-7K3QF9-1", "link": link, "site_url": site, "written_at": view.booking.created_at}
    return write_letter(message, view, said or about(message, view), **post)


def between(view: BookingView, start: StopOnTrip, end: StopOnTrip) -> BookingView:
    trip = view.trip
    board = dataclasses.replace(trip.board, name=start.name, city=start.city)
    alight = dataclasses.replace(trip.alight, name=end.name, city=end.city)
    return dataclasses.replace(view, trip=dataclasses.replace(trip, board=board, alight=alight))


def longest_stops(view: BookingView) -> list[StopOnTrip]:
    """The demo stops with the longest names, and those of the cities with the longest."""
    stops = list(demo_stops(view))
    by_all = sorted(stops, key=lambda stop: len(stop.city + stop.name))
    return by_all[-4:] + sorted(stops, key=lambda stop: len(stop.city))[-4:]


def demo_stops(view: BookingView) -> Iterator[StopOnTrip]:
    data = json.loads((ROOT / "aurapark" / "demo" / "demo.json").read_text())
    cities = {city["code"]: city["name"] for city in data["cities"]}
    names = {station["city"]: station["name"] for station in data["stations"]}
    for code, city in cities.items():
        yield dataclasses.replace(view.trip.board, name=names.get(code, "Gare routière"), city=city)
    for station in data["stations"]:
        yield dataclasses.replace(view.trip.board, name=station["name"], city=cities[station["city"]])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", BY_SMS)
@pytest.mark.parametrize("site", [SITE, "http://localhost:8000", LONGEST_SITE])
def test_an_sms_fits_into_one_with_the_longest_names(
    settings: Settings, message: Message, language: str, site: str
) -> None:
    view = view_of(settings, seats=SIX, language=language)
    for start, end in product(longest_stops(view), repeat=2):
        text = sms(message, between(view, start, end), settings, site).text
        assert gsm_length(text) <= 160
        assert "?" not in text
        assert view.booking.reference in text
        assert site == LONGEST_SITE or site.partition("//")[2] + "/t/" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", [Message.REFUND_ASKED, Message.PAID_TOO_LATE])
@pytest.mark.parametrize("reason", RefundReason)
def test_every_reason_for_a_refund_is_told(
    settings: Settings, message: Message, reason: RefundReason, language: str
) -> None:
    view = view_of(settings, language=language)
    said = about(message, view, reason)
    told = sms(message, view, settings, said=said).text
    assert gsm_length(told) <= 160
    assert ("8 000 000 FCFA" if language == "fr" else "8,000,000 FCFA") in told
    assert "aurapark.cm/t/" in told
    mail = letter(message, view, settings, said=said)
    assert view.booking.reference in mail.subject
    assert ("8 000 000 FCFA" if language == "fr" else "8,000,000 FCFA") in plain(mail.text)
    assert mail.calendar is None
    assert not mail.pictures
    for sentence in mail.text.splitlines():
        assert plain(sentence) in plain(visible(mail.html) + mail.subject + mail.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_money_in_another_currency_is_named(settings: Settings, language: str) -> None:
    view = view_of(settings, language=language)
    said = About(Refund(reason="foreign_currency", amount=6500, currency="NGN"))
    assert "6500 NGN" in sms(Message.REFUND_ASKED, view, settings, said=said).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cancellation_without_refund_says_so(settings: Settings, language: str) -> None:
    view = view_of(settings, language=language)
    nothing = {"fr": "rien n'est rendu", "en": "nothing comes back"}[language]
    assert nothing in sms(Message.CANCELLED, view, settings, said=About(seats=["12"])).text
    assert nothing in letter(Message.CANCELLED, view, settings, said=About()).text.replace("’", "'")


def test_the_next_departures_are_offered(settings: Settings) -> None:
    view = view_of(settings)
    day = view.trip.board.at
    said = about(Message.PAID_TOO_LATE, view)
    said = dataclasses.replace(said, refund=Refund(reason="second", amount=39_000, currency="XAF"))
    told = sms(Message.PAID_TOO_LATE, view, settings, site="http://a.cm", said=said).text
    assert told.count(f"{day:%d/%m} 08:00") == 2
    assert plain(letter(Message.PAID_TOO_LATE, view, settings).text).count("8 h 00, Akwa") == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_ticket_sms_keeps_what_fits(settings: Settings, language: str) -> None:
    view = view_of(settings, seats=["12"], language=language)
    token = booking_token(settings.secret_key, view.booking.reference, 1)
    day = view.trip.board.at
    stop = dataclasses.replace(view.trip.board, name="Bonabéri", city="Douala")
    text = sms(Message.TICKET, between(view, stop, view.trip.alight), settings).text
    weekday = {"fr": "lunmarmerjeuvensamdim", "en": "MonTueWedThuFriSatSun"}[language][3 * day.weekday() :][:3]
    when = f"{weekday} {day:%d/%m} 08:00"
    said = {
        "fr": f"AuraPark : billet {view.booking.reference}. Douala Bonabéri-Yaoundé {when}, siège 12. "
        f"Soyez à la gare à 07:30 avec votre CNI. aurapark.cm/t/{token}",
        "en": f"AuraPark: ticket {view.booking.reference}. Douala Bonabéri-Yaoundé {when}, seat 12. "
        f"Be at the park by 07:30 with your ID card. aurapark.cm/t/{token}",
    }
    assert text == said[language]


def test_six_seats_and_long_names_are_shortened_to_city_and_count(settings: Settings) -> None:
    text = sms(Message.TICKET, view_of(settings, seats=SIX), settings).text
    assert "Douala-Yaoundé" in text
    assert "6 sièges" in text
    assert "Akwa" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", BY_MAIL)
def test_a_mail_is_small_and_loads_nothing(settings: Settings, message: Message, language: str) -> None:
    mail = letter(message, view_of(settings, seats=SIX, language=language, names=["W" * 80] * 6), settings)
    assert len(mail.html.encode()) <= 15 * 1024
    assert f'<html lang="{language}">' in mail.html
    assert bool(mail.pictures) == (message in WITH_TICKETS)
    sources = re.findall(r"""(?:src|background|srcset)\s*=\s*["']([^"']*)|url\(([^)]*)\)""", mail.html)
    assert sorted(source for source, _ in sources) == sorted(f"cid:{content_id}" for content_id in mail.pictures)
    assert not re.search(r"<(link|iframe|object|video|form)\b|@import", mail.html)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", BY_MAIL)
def test_a_mail_is_valid_html(settings: Settings, message: Message, language: str) -> None:
    mail = letter(message, view_of(settings, language=language, names=HOSTILE), settings)
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(mail.html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_part_says_all_that_the_html_says(settings: Settings, language: str) -> None:
    view = view_of(settings, language=language)
    mail = letter(Message.TICKET, view, settings)
    shown = visible(mail.html)
    for fact in facts(view, language):
        assert fact in plain(mail.text), fact
        assert fact in shown, fact
    link = f"{SITE}/t/{booking_token(settings.secret_key, view.booking.reference, 1)}"
    assert link in mail.text
    assert f'href="{link}"' in mail.html
    assert view.booking.reference in mail.subject


def facts(view: BookingView, language: str) -> list[str]:
    trip = view.trip
    times = ["8 h 00", "7 h 30", "13 h 00"] if language == "fr" else ["08:00", "07:30", "13:00"]
    code = view.booking.reference
    people = [fact for person in view.passengers for fact in (person.name or "", person.seat)]
    codes = [" ".join(re.findall(".{1,3}", ticket.code)) for ticket in view.tickets]
    total = "8 000 FCFA" if language == "fr" else "8,000 FCFA"
    places = [trip.board.name, trip.board.city, trip.alight.name, trip.alight.city]
    bus = [trip.vehicle_name, trip.plate, trip.agency.name, trip.agency.licence]
    return [*times, f"{code[:3]} {code[3:]}", *people, *codes, total, *places, *bus]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", BY_MAIL)
def test_links_lead_to_our_site_only(settings: Settings, message: Message, language: str) -> None:
    view = view_of(settings, language=language)
    mail = letter(message, view, settings, "https://elsewhere.example")
    without_names = re.sub(r'"https://schema\.org(/\w+)?"', "", mail.html)
    for text in (without_names, mail.text):
        links = re.findall(r"https?://[^\s\"<]+", text)
        assert links
        assert all(link.startswith("https://elsewhere.example/t/") for link in links)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text(settings: Settings, name: str) -> None:
    view = view_of(settings, names=[name, name])
    mail = letter(Message.TICKET, view, settings)
    assert mail.text.count(name) == 2
    assert visible(mail.html).count(name) == 2
    assert "<script>alert" not in mail.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_other_language_does_not_slip_in(settings: Settings, language: str) -> None:
    view = view_of(settings, language=language)
    mail = letter(Message.TICKET, view, settings)
    texts = [mail.text, visible(mail.html), *(sms(message, view, settings).text for message in BY_SMS)]
    foreign = {"fr": ["ticket", "seat", "park by"], "en": ["billet", "siège", "gare à"]}[language]
    for text, word in product(texts, foreign):
        assert word not in text.lower().replace("aurapark by", "")


def test_the_pictures_scan_to_the_tickets(settings: Settings) -> None:
    view = view_of(settings)
    mail = letter(Message.TICKET, view, settings)
    read = [zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))[0].text for png in mail.pictures.values()]
    assert read == [ticket.qr for ticket in view.tickets]


PERSON = {"type": "object", "required": ["@type", "name"], "properties": {"@type": {"const": "Person"}}}
BUS_STOP = {
    "type": "object",
    "required": ["@type", "name"],
    "properties": {"@type": {"const": "BusStop"}, "name": {"minLength": 1}},
}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$"}
GMAIL = {  # what Gmail's page on BusReservation shows in its basic confirmation, and the types of schema.org
    "type": "object",
    "required": ["@context", "@type", "reservationNumber", "underName", "reservationStatus", "reservationFor"],
    "properties": {
        "@context": {"enum": ["http://schema.org", "https://schema.org"]},
        "@type": {"const": "BusReservation"},
        "reservationNumber": {"type": "string", "minLength": 1},
        "reservationStatus": {"pattern": "^https?://schema.org/ReservationConfirmed$"},
        "underName": PERSON,
        "url": {"type": "string", "pattern": "^https://"},
        "totalPrice": {"type": "string", "pattern": r"^\d+$"},
        "priceCurrency": {"const": "XAF"},
        "reservationFor": {
            "type": "object",
            "required": ["@type", "busCompany", "departureBusStop", "departureTime", "arrivalBusStop", "arrivalTime"],
            "properties": {
                "@type": {"const": "BusTrip"},
                "busCompany": {"required": ["@type", "name"], "properties": {"@type": {"const": "Organization"}}},
                "departureBusStop": BUS_STOP,
                "departureTime": TIME,
                "arrivalBusStop": BUS_STOP,
                "arrivalTime": TIME,
            },
        },
        "reservedTicket": {
            "type": "array",
            "items": {
                "required": ["@type", "ticketNumber", "ticketToken", "underName", "ticketedSeat"],
                "properties": {
                    "@type": {"const": "Ticket"},
                    "ticketToken": {"type": "string", "pattern": "^qrCode:."},
                    "underName": PERSON,
                    "ticketedSeat": {"required": ["@type", "seatNumber"]},
                },
            },
        },
    },
}


def test_the_reservation_is_what_gmail_asks_for(settings: Settings) -> None:
    view = view_of(settings, names=["</script><b>", "B"])
    html = letter(Message.TICKET, view, settings).html
    found = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)[1])
    jsonschema.validate(found, GMAIL)
    assert found["reservationNumber"] == view.booking.reference
    departure = datetime.fromisoformat(found["reservationFor"]["departureTime"])
    assert (departure, departure.utcoffset()) == (view.trip.board.at, timedelta(hours=1))
    tickets = found["reservedTicket"]
    assert [ticket["underName"]["name"] for ticket in tickets] == ["</script><b>", "B"]
    assert [ticket["ticketToken"] for ticket in tickets] == [f"qrCode:{ticket.qr}" for ticket in view.tickets]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_calendar_file_is_read_back(settings: Settings, language: str) -> None:
    view = view_of(settings, language=language)
    (event,) = Calendar.from_ical(letter(Message.TICKET, view, settings).calendar).walk("VEVENT")
    assert (event.start, event.end) == (view.trip.board.at, view.trip.alight.at)
    assert event["uid"] == f"{view.booking.reference}@aurapark.cm"
    assert event["url"] == f"{SITE}/bookings/{view.booking.reference}"
    assert event["location"] == f"{view.trip.board.name}, Douala"
    assert event["summary"] == "Bus Douala – Yaoundé"
    assert view.booking.reference in event["description"]


def test_the_calendar_file_keeps_to_the_standard(settings: Settings) -> None:
    view = view_of(settings, seats=SIX)
    with force_locale("fr"):
        content = booking_calendar(view, site_url=SITE)
    lines = content.split(b"\r\n")
    assert max(len(line) for line in lines) <= 75
    assert b"\n" not in b"".join(lines)
    assert [line for line in lines if line.startswith((b"VERSION", b"PRODID", b"METHOD"))]


def test_the_link_uses_the_key_that_made_the_token(settings: Settings) -> None:
    booking = view_of(settings).booking
    new, old = "n" * 32, settings.secret_key
    token = booking_token(old, booking.reference, 1)
    assert private_link(booking, site_url=SITE, keys=[new, old]) == f"{SITE}/t/{token}"
    assert private_link(booking, site_url=SITE, keys=[new]) == f"{SITE}/find"


def test_a_bus_that_leaves_when_full_says_so(settings: Settings) -> None:
    view = view_of(settings)
    trip = dataclasses.replace(view.trip, departure_mode="when_full")
    mail = letter(Message.TICKET, dataclasses.replace(view, trip=trip), settings)
    assert "Ce bus part quand il est plein." in mail.text
    assert "Ce bus part quand il est plein." in mail.html


def test_times_are_the_agencys(settings: Settings) -> None:
    view = view_of(settings, language="en", timezone="Africa/Nairobi")
    assert "10:00" in sms(Message.TICKET, view, settings).text
    assert "10:00" in letter(Message.TICKET, view, settings).text
    assert view.trip.board.at + timedelta(hours=5) == view.trip.alight.at


def test_every_message_has_its_templates() -> None:
    wanted = {f"sms/{message}.txt" for message in BY_SMS}
    wanted |= {f"emails/{message}.{kind}" for message, kind in product(BY_MAIL, ("txt", "html"))}
    found = {
        f"{folder}/{path.name}" for folder in ("sms", "emails") for path in (ROOT / "templates" / folder).iterdir()
    }
    assert found - {f"emails/{name}" for name in SHARED} == wanted


def test_every_message_can_be_looked_at_without_a_booking(app: Flask) -> None:
    specimens = list(list_specimens(LANGUAGES, site_url=SITE))
    assert [(one.message, one.language) for one in specimens] == list(product(Message, LANGUAGES))
    for one in specimens:
        assert bool(one.sms) == (Channel.SMS in CHANNELS[one.message])
        assert bool(one.letter) == (Channel.MAIL in CHANNELS[one.message])
    printed = app.test_cli_runner().invoke(messages, ["preview", "reminder", "--lang", "fr"]).output
    assert printed.startswith("=== reminder, fr\n--- SMS, ")
    assert "Rappel AuraPark 7K3QF9 : Douala" in printed


def visible(html: str) -> str:
    """The text of a page, its white space made plain, without head and scripts."""
    body = html5lib.parse(html, namespaceHTMLElements=False).find("body")
    return plain(" ".join(body.itertext()))


def plain(text: str) -> str:
    return " ".join(text.translate({ord(space): " " for space in "\u00a0\u202f" + string.whitespace}).split())
