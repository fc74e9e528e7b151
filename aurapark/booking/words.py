"""Bookings in words for people: price lines, the refund rule as dates, tickets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from aurapark.booking.models import Passenger
from aurapark.booking.queries import BookingView
from aurapark.fares.rules import read_refund_policy
from aurapark.qr_code import draw_qr
from aurapark.timetable.rules import TripLeg
from aurapark.web.formats import day_and_time, language, money
from aurapark.web.formats import reference as reference_words
from aurapark.web.names import category_name, stop_name
from aurapark.web.views import PriceLine, SummaryRow, TicketView

FULL = 100


def price_lines(view: BookingView) -> list[PriceLine]:
    """Return what each seat cost, in seat order; those cancelled one by one are lines too, so that the sum is right."""
    return [
        PriceLine(_seat_line(one), one.amount)
        for one in sorted([*view.passengers, *view.removed], key=lambda one: (one.place, one.id))
    ]


def _seat_line(one: Passenger) -> str:
    if one.removed_at is None:
        return str(_("Seat %(seat)s, %(category)s", seat=one.seat, category=category_name(one.category)))
    return str(_("Seat %(seat)s, %(category)s, cancelled", seat=one.seat, category=category_name(one.category)))


def refund_rule(policy: Sequence[dict[str, Any]], trip: TripLeg, *, now: datetime) -> list[str]:
    """Return the frozen refund rule step by step, each with the moment it ends; steps that are over are left out."""
    steps = [(trip.board.at - step.notice, step.percent) for step in read_refund_policy(policy)]
    lines = [_refund_line(percent, until, trip) for until, percent in steps if until > now and percent]
    last = _("After that, nothing comes back.") if lines else _("Nothing comes back when you cancel.")
    return [*lines, str(last), str(_("If the agency cancels the trip, everything comes back."))]


def ticket_views(view: BookingView, rule: str) -> list[TicketView]:
    """Return one ticket per passenger, with its QR drawn; `rule` is what a cancellation brings, for paper."""
    trip, passengers = view.trip, {passenger.id: passenger for passenger in view.passengers}
    tickets = [(passengers[one.passenger_id], one) for one in view.tickets if one.passenger_id in passengers]
    return [
        TicketView(
            agency=trip.agency.name,
            licence=trip.agency.licence,
            from_place=stop_name(trip.board),
            to_place=stop_name(trip.alight),
            departs_at=trip.board.at,
            be_there_at=trip.be_there_at,
            seat=passenger.seat,
            passenger=passenger.name or "",
            category=category_name(passenger.category),
            bus=f"{trip.vehicle_name}, {trip.plate}",
            code=ticket.code,
            qr=draw_qr(ticket.qr, title=_("QR code of the ticket for seat %(seat)s", seat=passenger.seat)),
            zone=trip.agency.timezone,
            state=ticket.state.value,
            facts=_facts(passenger, view.booking.reference),
            rule=rule,
        )
        for passenger, ticket in tickets
    ]


def _facts(passenger: Passenger, reference: str) -> list[SummaryRow]:
    facts = [
        SummaryRow(_("Price"), money(passenger.amount, locale=language())),
        SummaryRow(_("Booking reference"), reference_words(reference)),
    ]
    if passenger.lap_children:
        facts.append(SummaryRow(_("Children on the lap"), str(passenger.lap_children)))
    return facts


def _refund_line(percent: int, until: datetime, trip: TripLeg) -> str:
    moment = day_and_time(until, trip.agency.timezone, locale=language())
    if percent >= FULL:
        return str(_("Cancel before %(moment)s: everything comes back.", moment=moment))
    return str(_("Cancel before %(moment)s: %(percent)s comes back.", moment=moment, percent=_percent(percent)))


def _percent(percent: int) -> str:
    return f"{percent}\u00a0%" if language() == "fr" else f"{percent}%"
