"""What a message says: templates with a booking's facts, in the booking's language, times in the agency's zone."""

import io
from collections.abc import Sequence
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


def write_sms(message: Message, view: BookingView, about: About, *, name: str, number: int, link: str) -> Sms:
    """Return the SMS of a message, shortened until it fits into one. Raises ValueError when nothing makes it fit."""
    booking = view.booking
    facts = {**_facts(view, about), "link": link.removeprefix(f"{urlsplit(link).scheme}://")}
    with force_locale(booking.language):
        for says in SHORTER:
            text = to_gsm(render(f"sms/{message}.txt", **facts, says=says).strip())
            if gsm_length(text) <= ONE_SMS:
                return Sms(name, number, booking.payer_phone or "", text, message.value, booking.reference)
    raise ValueError(f"the SMS {message} is longer than {ONE_SMS} characters")


def write_letter(
    message: Message, view: BookingView, about: About, *, name: str, link: str, site_url: str, written_at: datetime
) -> Letter:
    """Return the mail of a message: text and HTML; with tickets, a picture for each QR code and the calendar file."""
    booking = view.booking
    host = urlsplit(site_url).hostname
    tickets = view.tickets if message in WITH_TICKETS else []
    content_ids = {ticket.code: f"{ticket.code}@{host}" for ticket in tickets}
    facts = {**_facts(view, about), "message": message, "link": link, "content_ids": content_ids}
    with force_locale(booking.language):
        # the first line of the text template is the subject
        subject, _, text = render(f"emails/{message}.txt", **facts).strip().partition("\n")
        reservation = bus_reservation(view, link=link) if tickets else None
        html = render(f"emails/{message}.html", reservation=reservation, **facts)
        calendar = booking_calendar(view, site_url=site_url) if tickets else None
    return Letter(
        name=name,
        reference=booking.reference,
        to=booking.payer_email or "",
        subject=subject,
        text=text.strip() + "\n",
        html=html,
        language=booking.language,
        written_at=written_at,
        message_id=f"<{name}@{host}>",
        calendar=calendar,
        pictures={content_ids[ticket.code]: _qr_picture(ticket) for ticket in tickets},
    )


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


def render(template: str, **facts: Any) -> str:
    """Return a template with these facts, in the language that is set."""
    return current_app.jinja_env.get_template(template).render(**facts)


def _qr_picture(ticket: Ticket) -> bytes:
    picture = io.BytesIO()
    segno.make(ticket.qr, error="m", boost_error=False, micro=False).save(picture, kind="png", scale=QR_SCALE, border=4)
    return picture.getvalue()
