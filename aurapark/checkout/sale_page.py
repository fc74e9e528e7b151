"""What the checkout shows: the form as far as it was filled, the hold clock, prices, the refund rule."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from aurapark.accounts.identity import Identity
from aurapark.booking import words
from aurapark.booking.access import find_earlier_booking
from aurapark.booking.models import Booking, Passenger
from aurapark.booking.queries import BookingView, list_passengers
from aurapark.booking.service import MAX_EXTENSIONS
from aurapark.checkout.forms import CheckoutForm
from aurapark.checkout.queries import Sale
from aurapark.fares.models import Category
from aurapark.web.fields import options
from aurapark.web.formats import clock_time, day_and_time, language, money
from aurapark.web.names import category_name, class_name, stop_name
from aurapark.web.views import HoldClock, PriceLine, SummaryRow


def fill_form(view: BookingView, typed: Any = None, *, earlier: Mapping[str, Any] | None = None) -> CheckoutForm:
    """Return the checkout form: with what was just typed, else what is stored, else what this visitor typed earlier."""
    values = earlier or _stored(view)
    form = CheckoutForm(typed, seats=view.seats, **values)
    for entry, passenger in zip(form.passengers, view.passengers, strict=False):
        entry.form.category.choices = options(
            (category.value, f"{category_name(category)} – {_price(passenger, category)}") for category in Category
        )
    return form


def typed_earlier(view: BookingView, who: Identity | None = None) -> dict[str, Any] | None:
    """Return what this visitor typed for an earlier booking of the trip, when this one has nothing yet; else what the
    account of whoever is signed in says.
    """
    if view.booking.payer_phone or any(passenger.name for passenger in view.passengers):
        return None
    earlier = find_earlier_booking(view.booking)
    if earlier is None:
        return _of_account(view, who) if who else None
    names = [(one.name, one.lap_children) for one in list_passengers(earlier)] + [(None, 0)] * len(view.seats)
    return {
        **_payer(earlier),
        "passengers": [
            {"seat": seat, "name": name, "category": Category.ADULT.value, "lap_children": lap_children}
            for seat, (name, lap_children) in zip(view.seats, names, strict=False)
        ],
    }


def total_changed(sale: Sale, form: CheckoutForm, shown: str) -> bool:
    """Say whether the total is not the one the traveller saw on the page; the new one is then shown before paying."""
    return shown.isdecimal() and int(shown[:9]) != sum(line.amount for line in shown_lines(sale.view, form))


def shown_lines(view: BookingView, form: CheckoutForm) -> list[PriceLine]:
    """Return the price of each seat for the categories chosen in the form."""
    chosen = {entry.form.seat.data: entry.form.category.data for entry in form.passengers}
    return [_line(passenger, chosen.get(passenger.seat)) for passenger in view.passengers]


def hold_clock(view: BookingView) -> HoldClock:
    """Return the clock of a live hold."""
    booking, trip = view.booking, view.trip
    left = booking.hold_expires_at - trip.asked_at
    return HoldClock(
        seats=view.seats,
        until=booking.hold_expires_at,
        seconds_left=max(0, int(left.total_seconds())),
        extend_url=url_for("payment.extend", reference=booking.reference),
        release_url=url_for("payment.let_seats_go", reference=booking.reference),
        zone=trip.agency.timezone,
        cannot_extend=_cannot_extend(view),
    )


def trip_rows(view: BookingView) -> list[SummaryRow]:
    """Return the facts of the trip."""
    trip = view.trip
    return [
        SummaryRow(_("From"), stop_name(trip.board)),
        SummaryRow(_("To"), stop_name(trip.alight)),
        SummaryRow(_("Be there at"), clock_time(trip.be_there_at, trip.agency.timezone, locale=language())),
        SummaryRow(_("Agency"), _("%(name)s, licence %(number)s", name=trip.agency.name, number=trip.agency.licence)),
        SummaryRow(_("Bus"), f"{class_name(trip.service_class)}, {trip.vehicle_name}"),
        SummaryRow(_("Luggage"), _("%(weight)d kg of luggage included", weight=trip.agency.luggage_free_kg)),
    ]


def whatsapp_url(view: BookingView, site_url: str) -> str:
    """Return a link that shares the trip by WhatsApp: nothing in it opens the booking."""
    trip = view.trip
    moment = day_and_time(trip.board.at, trip.agency.timezone, locale=language())
    text = ngettext(
        "My bus: %(start)s – %(end)s, %(moment)s, seat %(seats)s, %(agency)s.",
        "Our bus: %(start)s – %(end)s, %(moment)s, seats %(seats)s, %(agency)s.",
        len(view.seats),
        start=stop_name(trip.board),
        end=stop_name(trip.alight),
        moment=moment,
        seats=", ".join(view.seats),
        agency=trip.agency.name,
    )
    return "https://wa.me/?" + urlencode({"text": f"{text} {site_url}"})


def refund_rule(sale: Sale) -> list[str]:
    """Return the refund rule frozen on the booking."""
    return words.refund_rule(sale.view.booking.refund_policy, sale.view.trip, now=sale.view.trip.asked_at)


def _of_account(view: BookingView, who: Identity) -> dict[str, Any]:
    """The account's owner pays, and sits on the first seat."""
    names = [who.name, *[None] * len(view.seats)]
    passengers = [
        {"seat": seat, "name": name, "category": Category.ADULT.value, "lap_children": 0}
        for seat, name in zip(view.seats, names, strict=False)
    ]
    return {"phone": who.phone, "email": who.email, "passengers": passengers}


def _stored(view: BookingView) -> dict[str, Any]:
    return {
        **_payer(view.booking),
        "passengers": [
            {"seat": one.seat, "name": one.name, "category": one.category.value, "lap_children": one.lap_children}
            for one in view.passengers
        ],
    }


def _payer(booking: Booking) -> dict[str, Any]:
    return {"phone": booking.payer_phone, "email": booking.payer_email, "payer_name": booking.payer_name}


def _price(passenger: Passenger, category: Category) -> str:
    return money(getattr(passenger, category.value), locale=language())


def _line(passenger: Passenger, chosen: Any) -> PriceLine:
    category = Category(chosen) if chosen in list(Category) else passenger.category
    text = _("Seat %(seat)s, %(category)s", seat=passenger.seat, category=category_name(category))
    return PriceLine(text, getattr(passenger, category.value))


def _cannot_extend(view: BookingView) -> str:
    booking = view.booking
    if booking.hold_expires_at >= booking.sales_close_at:
        moment = clock_time(booking.sales_close_at, view.trip.agency.timezone, locale=language())
        return str(_("Sales close at %(time)s: these seats cannot be kept any longer.", time=moment))
    if booking.extensions >= MAX_EXTENSIONS:
        return str(_("These seats cannot be kept any longer."))
    return ""
