"""The booking: its state and tickets, the private link, finding it again by reference and phone, the calendar file."""

from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from aurapark.booking import words
from aurapark.booking.access import grant, require_own
from aurapark.booking.calendar import booking_calendar
from aurapark.booking.errors import BookingNotFound
from aurapark.booking.models import Booking, BookingState
from aurapark.booking.queries import find_by_token, get_booking_view
from aurapark.checkout import sale_page, seat_page
from aurapark.checkout.asker import this_asker
from aurapark.checkout.find import find_again as find_by_phone
from aurapark.checkout.forms import FindForm
from aurapark.checkout.queries import Sale, get_sale
from aurapark.database import in_transaction
from aurapark.errors import TooMany
from aurapark.references import read_reference
from aurapark.settings import current_settings
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.errors import with_retry_after
from aurapark.web.language import sentence_of
from aurapark.web.network import client_network
from aurapark.web.problems import Problem, problems_of
from aurapark.web.visitor import ensure_visitor

bp = AudienceBlueprint("booking", __name__, audience=Audience.GUEST)


@bp.get("/bookings/<reference>")
def show(reference: str) -> AnyResponse:
    """Show the booking: its tickets once it is paid, else where it stands and what to do next."""
    own = read_reference(reference)
    require_own(own, this_asker())
    if own != reference:
        return redirect(url_for(".show", reference=own), 303)
    sale = get_sale(own)
    return make_response(render_template(_template(sale), **_shown(sale)))


@bp.get("/bookings/<reference>/calendar.ics")
def calendar(reference: str) -> Response:
    """Return the trip for the phone's calendar."""
    own = read_reference(reference)
    require_own(own, this_asker())
    view = get_booking_view(own)
    if view.booking.state != BookingState.CONFIRMED:
        raise BookingNotFound
    response = make_response(booking_calendar(view, site_url=current_settings().site_url))
    response.content_type = "text/calendar; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="aurapark-{own}.ics"'
    return response


@bp.get("/t/<token>")
def open_link(token: str) -> AnyResponse:
    """Note that this visitor may open the booking, and go to its bare address."""
    booking = find_by_token(token)
    if booking is None:
        raise BookingNotFound
    response = _let_in(booking)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@bp.get("/find")
def find() -> str:
    """Ask for reference and phone."""
    ensure_visitor()
    return render_template("booking/find.html", form=FindForm(), problems=[])


@bp.post("/find")
def find_again() -> AnyResponse:
    """Open the booking of this reference and phone; every failure is answered alike."""
    form = FindForm(request.form)
    if not form.validate():
        return make_response(render_template("booking/find.html", form=form, problems=problems_of(form)), 422)
    try:
        booking = find_by_phone(
            read_reference(str(form.reference.data)),
            str(form.phone.data),
            visitor_hash=ensure_visitor(),
            network=client_network(),
            limited=current_settings().rate_limits,
        )
    except TooMany as error:
        text = sentence_of(error) + " " + _("The link in your SMS still opens your booking.")
        page = render_template("booking/find.html", form=form, problems=[Problem(text)])
        return with_retry_after(make_response(page, error.status), error)
    if booking is None:
        text = _("We found no booking with this reference and this phone number. Check both, as in the SMS.")
        problems = [Problem(text, form.reference.id)]
        return make_response(render_template("booking/find.html", form=form, problems=problems), 422)
    return redirect(url_for(".show", reference=booking.reference), 303)


def _let_in(booking: Booking) -> AnyResponse:
    visitor = ensure_visitor()
    in_transaction(lambda: grant(booking, visitor))
    return redirect(url_for(".show", reference=booking.reference), 303)


def _template(sale: Sale) -> str:
    if sale.view.booking.state in (BookingState.CONFIRMED, BookingState.CANCELLED) and sale.view.tickets:
        return "booking/tickets.html"
    return "booking/pending.html"


def _shown(sale: Sale) -> dict[str, object]:
    view = sale.view
    trip = view.trip
    rule = sale_page.refund_rule(sale)
    leg: dict[str, Any] = {"from": trip.board.city_code, "to": trip.alight.city_code, "passengers": len(view.seats)}
    return {
        "sale": sale,
        "view": view,
        "booking": view.booking,
        "trip": trip,
        "line": seat_page.trip_line(trip),
        "clock": sale_page.hold_clock(view) if view.live and not sale.open_payment else None,
        "lines": words.price_lines(view),
        "rule": rule,
        "tickets": words.ticket_views(view, " ".join(rule)),
        "rows": sale_page.trip_rows(view),
        "whatsapp_url": sale_page.whatsapp_url(view, current_settings().site_url),
        "search_url": url_for("search.results", date=trip.service_date.isoformat(), **leg),
    }
