"""What a message says: templates with a booking's facts, in the booking's language, times in the agency's zone."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import segno
from babel.dates import format_datetime
from flask import current_app
from flask_babel import force_locale

from aurapark.booking.calendar import booking_calendar
from aurapark.booking.models import Booking, Ticket
from aurapark.booking.queries import BookingView
from aurapark.money import XAF
from aurapark.notifications.about import About
from aurapark.notifications.gsm import ONE_SMS, gsm_length, to_gsm
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import WITH_TICKETS, Message
from aurapark.notifications.reservation import bus_reservation
from aurapark.notifications.sms import Sms
from aurapark.notifications.words import SHIPPED, Words
from aurapark.references import booking_token, fingerprint

QR_SCALE = 4  # pixels a module in the mailed picture
SHORTER: tuple[frozenset[str], ...] = (  # what an SMS says, less step by step until it fits
    frozenset({"stop", "seats", "advice", "link"}),
    frozenset({"stop", "advice", "link"}),
    frozenset({"seats", "advice", "link"}),
    frozenset({"advice", "link"}),
    frozenset({"link"}),
    frozenset({"advice"}),
    frozenset(),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What one message says by one channel: an SMS is `text` alone."""

    text: str
    subject: str = ""
    html: str = ""


def write_sms(
    message: Message, view: BookingView, about: About, *, name: str, number: int, link: str, words: Words = SHIPPED
) -> Sms:
    """Return the SMS of a message, shortened until it fits into one. Raises ValueError when nothing makes it fit.

    Words that somebody has changed and that do not fit give way to those that were shipped.
    """
    text = fitting(
        draft_sms(message, view, about, link=link, words=chosen, says=says).text
        for chosen in (words, SHIPPED)
        for says in SHORTER
    )
    return Sms(name, number, view.booking.payer_phone or "", text, message.value, view.booking.reference)


def draft_sms(
    message: Message, view: BookingView, about: About, *, link: str, words: Words, says: frozenset[str]
) -> Draft:
    """Return an SMS about a booking that says so much, however long it is."""
    facts = {**_facts(view, about), "says": says}
    with force_locale(view.booking.language):
        return short_draft(f"sms/{message}.txt", words, link=link, **facts)


def write_letter(
    message: Message,
    view: BookingView,
    about: About,
    *,
    name: str,
    link: str,
    site_url: str,
    written_at: datetime,
    words: Words = SHIPPED,
) -> Letter:
    """Return the mail of a message: text and HTML; with tickets, a picture for each QR code and the calendar file."""
    booking = view.booking
    host = urlsplit(site_url).hostname
    tickets = view.tickets if message in WITH_TICKETS else []
    content_ids = {ticket.code: f"{ticket.code}@{host}" for ticket in tickets}
    draft = draft_letter(message, view, about, link=link, content_ids=content_ids, words=words)
    with force_locale(booking.language):
        calendar = booking_calendar(view, site_url=site_url) if tickets else None
    return Letter(
        name=name,
        reference=booking.reference,
        to=booking.payer_email or "",
        subject=draft.subject,
        text=draft.text,
        html=draft.html,
        language=booking.language,
        written_at=written_at,
        message_id=f"<{name}@{host}>",
        calendar=calendar,
        pictures={content_ids[ticket.code]: _qr_picture(ticket) for ticket in tickets},
    )


def draft_letter(
    message: Message, view: BookingView, about: About, *, link: str, content_ids: Mapping[str, str], words: Words
) -> Draft:
    """Return what the mail of a message about a booking says; `content_ids` name the pictures of its QR codes."""
    facts = {**_facts(view, about), "message": message, "link": link, "content_ids": content_ids}
    with force_locale(view.booking.language):
        reservation = bus_reservation(view, link=link) if message in WITH_TICKETS else None
        return long_draft(f"emails/{message}", words, reservation=reservation, **facts)


def short_draft(template: str, words: Words, *, link: str = "", **facts: Any) -> Draft:
    """Return an SMS in the language that is set, in the GSM alphabet; its link without `https://`."""
    short = link.removeprefix(f"{urlsplit(link).scheme}://")
    return Draft(to_gsm(render(template, words, link=short, **facts).strip()))


def long_draft(template: str, words: Words, **facts: Any) -> Draft:
    """Return a mail in the language that is set: the first line of its text template is the subject."""
    subject, _, text = render(f"{template}.txt", words, **facts).strip().partition("\n")
    return Draft(text.strip() + "\n", subject, render(f"{template}.html", words, **facts))


def fitting(texts: Iterable[str]) -> str:
    """Return the first of these that fits into one SMS. Raises ValueError when none does."""
    for text in texts:
        if gsm_length(text) <= ONE_SMS:
            return text
    raise ValueError(f"the SMS is longer than {ONE_SMS} characters")


def private_link(booking: Booking, *, site_url: str, keys: Sequence[str]) -> str:
    """Return the link that opens this booking on any device, with the key its token was made with.

    When none of the keys made it (they were rotated away), the page that asks for reference and phone.
    """
    tokens = (booking_token(key, booking.reference, booking.token_version) for key in keys)
    token = next((token for token in tokens if fingerprint(token) == booking.token_hash), None)
    return f"{site_url}/t/{token}" if token else f"{site_url}/find"


def _facts(view: BookingView, about: About) -> dict[str, Any]:
    """Return what every template may use. `day` and `clock` write times as short as an SMS needs them."""
    zone = view.trip.agency.timezone
    language = view.booking.language

    def day(moment: datetime) -> str:
        weekday = format_datetime(moment, "EEE", tzinfo=ZoneInfo(zone), locale=language).rstrip(".")
        return f"{weekday} {moment.astimezone(ZoneInfo(zone)):%d/%m}"

    def clock(moment: datetime) -> str:
        return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"

    def amount(value: int, currency: str) -> str:
        written = current_app.jinja_env.filters["money"](value)
        return written if currency == XAF else f"{value} {currency}"

    return {
        "view": view,
        "booking": view.booking,
        "trip": view.trip,
        "zone": zone,
        "language": language,
        "day": day,
        "clock": clock,
        "about": about,
        "refund": about.refund,
        "sum": amount,
    }


def render(template: str, words: Words = SHIPPED, /, **facts: Any) -> str:
    """Return a template with these facts and words, in the language that is set."""
    return current_app.jinja_env.get_template(template).render(**facts, **words.functions())


def _qr_picture(ticket: Ticket) -> bytes:
    picture = io.BytesIO()
    segno.make(ticket.qr, error="m", boost_error=False, micro=False).save(picture, kind="png", scale=QR_SCALE, border=4)
    return picture.getvalue()
