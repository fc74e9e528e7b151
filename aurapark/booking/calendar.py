"""A booking as an iCalendar file (RFC 5545): one event from departure to arrival, for the phone's calendar."""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import ngettext
from icalendar import Calendar, Event

from aurapark.booking.queries import BookingView

PRODUCT = "-//AuraPark//Tickets//EN"


def booking_calendar(view: BookingView, *, site_url: str) -> bytes:
    """Return the calendar file in the language that is set. Times are UTC, which every calendar shows in its own zone.

    It links to the bare booking page, not by the private token: people share their calendars.
    """
    booking, trip = view.booking, view.trip
    uid = f"{booking.reference}@{urlsplit(site_url).hostname}"
    calendar = Calendar.new(prodid=PRODUCT, method="PUBLISH", uid=uid)
    calendar.add_component(
        Event.new(
            uid=uid,
            stamp=booking.confirmed_at or booking.created_at,
            start=trip.board.at,
            end=trip.alight.at,
            summary=_("Bus %(start)s – %(end)s", start=trip.board.city, end=trip.alight.city),
            location=f"{trip.board.name}, {trip.board.city}",
            description=_description(view),
            url=f"{site_url}/bookings/{booking.reference}",
        )
    )
    return bytes(calendar.to_ical())


def _description(view: BookingView) -> str:
    trip, seats = view.trip, view.seats
    be_there_at = trip.be_there_at.astimezone(ZoneInfo(trip.agency.timezone))
    lines = [
        _("Booking %(reference)s", reference=view.booking.reference),
        ngettext("Seat %(seats)s", "Seats %(seats)s", len(seats), seats=", ".join(seats)),
        _("Be there at %(time)s", time=f"{be_there_at:%H:%M}"),
        f"{trip.agency.name}, {trip.vehicle_name} {trip.plate}",
    ]
    return "\n".join(lines)
