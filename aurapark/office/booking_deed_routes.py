"""What an agency's people do about one booking: send its tickets again, change a name or a seat, cancel by its rule."""

from collections.abc import Callable, Sequence
from functools import partial

from flask import current_app, make_response, redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from aurapark.booking.errors import NotYourSeat, RefundChanged, WrongState
from aurapark.booking.models import Booking, Passenger
from aurapark.booking.queries import get_passenger, list_taken_seats, view_of
from aurapark.booking.seats import SeatsForSale
from aurapark.checkout import sale_page, seat_page
from aurapark.checkout.cancel import cancel_booking, offer_of
from aurapark.checkout.change import move_passenger, rename_passenger, take_name_back
from aurapark.checkout.gateways import signer_for
from aurapark.checkout.queries import Sale
from aurapark.checkout.refund_proposals import propose_refund
from aurapark.checkout.resend import resend_tickets
from aurapark.errors import DomainError
from aurapark.fares.rules import SeatPrices
from aurapark.office.booking_forms import NameForm, ProposalForm, SeatForm
from aurapark.office.booking_routes import CHANGERS, SENDERS, own_booking, show_booking
from aurapark.office.forms import ReasonForm
from aurapark.office.scope import Staff, current_staff
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("office_deeds", __name__, audience=Audience.AGENCY, url_prefix="/agency/bookings/<reference>")

LONGEST_AMOUNT = 10  # digits


@bp.post("/resend", roles=SENDERS)
def resend(reference: str) -> Response:
    """Send the tickets to the payer once more."""
    own = own_booking(current_staff(), reference)
    staff, booking = own
    try:
        resend_tickets(booking.reference, actor=staff.who.actor)
    except DomainError as error:
        return show_booking(_again(own), problem=sentence_of(error), status=error.status)
    wake("send_messages")
    return _done(booking, "sent")


@bp.get("/cancel", roles=CHANGERS)
def ask_cancel(reference: str) -> Response:
    """Show what comes back by the rule of the booking for the chosen seats, all of them at first."""
    return _show_cancel(own_booking(current_staff(), reference), request.args.getlist("seat"), ReasonForm())


@bp.post("/cancel", roles=CHANGERS)
def cancel(reference: str) -> Response:
    """Cancel by the rule when what comes back is still what was shown."""
    own = own_booking(current_staff(), reference)
    form, seats = ReasonForm(request.form), request.form.getlist("seat")
    shown = request.form.get("expected_refund", "")
    if not (form.validate() and shown.isascii() and shown.isdecimal() and len(shown) <= LONGEST_AMOUNT):
        return _show_cancel(own, seats, form, status=422)
    staff, booking = own
    asked = {"actor": staff.who.actor, "reason": form.reason.data}
    try:
        cancel_booking(booking.reference, expected_refund=int(shown), seats=seats or None, **asked)
    except (RefundChanged, NotYourSeat) as error:
        changed = gettext("What comes back has changed meanwhile. Look at it again before you cancel.")
        said = changed if isinstance(error, RefundChanged) else sentence_of(error)
        return _show_cancel(_again(own), seats, form, problem=said, status=error.status)
    except DomainError as error:
        return show_booking(_again(own), problem=sentence_of(error), status=error.status)
    wake("process_refunds")
    return _done(booking, "cancelled")


@bp.post("/refund", roles=CHANGERS)
def propose(reference: str) -> Response:
    """Propose that more goes back than the rule gives: somebody of the platform decides."""
    own, form = own_booking(current_staff(), reference), ProposalForm(request.form)
    staff, booking = own
    if not form.validate():
        return show_booking(own, form=form, status=422)
    payment_id, amount = booking.confirming_payment_id or 0, form.amount.data or 0
    try:
        propose_refund(payment_id, amount, actor=staff.who.actor, reason=form.reason.data)
    except DomainError as error:
        if error.status == 404:
            error = WrongState()
        return show_booking(_again(own), form=form, problem=sentence_of(error), status=error.status)
    return _done(booking, "proposed")


@bp.get("/passengers/<int:passenger_id>", roles=CHANGERS)
def passenger(reference: str, passenger_id: int) -> Response:
    """Show what can be changed about a passenger: the name, the seat."""
    return _show_passenger(own_booking(current_staff(), reference), passenger_id)


@bp.post("/passengers/<int:passenger_id>/name", roles=CHANGERS)
def rename(reference: str, passenger_id: int) -> Response:
    """Give a passenger another name."""
    own, form = own_booking(current_staff(), reference), NameForm(request.form)
    staff, booking = own
    get_passenger(booking, passenger_id)
    if not form.validate():
        return _show_passenger(own, passenger_id, name_form=form, status=422)
    name, asked = form.name.data or "", {"actor": staff.who.actor, "reason": form.reason.data}
    return _change(own, passenger_id, "name", partial(rename_passenger, booking.reference, passenger_id, name, **asked))


@bp.post("/passengers/<int:passenger_id>/name/back", roles=CHANGERS)
def name_back(reference: str, passenger_id: int) -> Response:
    """Give a passenger the former name back."""
    own = own_booking(current_staff(), reference)
    staff, booking = own
    work = partial(take_name_back, booking.reference, passenger_id, actor=staff.who.actor)
    return _change(own, passenger_id, "name_back", work)


@bp.post("/passengers/<int:passenger_id>/seat", roles=CHANGERS)
def move(reference: str, passenger_id: int) -> Response:
    """Let a passenger sit on another, free seat."""
    own, form = own_booking(current_staff(), reference), SeatForm(request.form)
    staff, booking = own
    get_passenger(booking, passenger_id)
    if not form.validate():
        return _show_passenger(own, passenger_id, seat_form=form, status=422)
    seat, asked = form.seat.data, {"actor": staff.who.actor, "reason": form.reason.data}
    signer = signer_for(current_app.config["AURAPARK"])
    work = partial(move_passenger, booking.reference, passenger_id, seat, signer=signer, **asked)
    return _change(own, passenger_id, "seat", work, seat_form=form)


def _change(
    own: tuple[Staff, Booking],
    passenger_id: int,
    done: str,
    work: Callable[[], object],
    seat_form: SeatForm | None = None,
) -> Response:
    """Do it, and say what the business says about it on the page it came from."""
    try:
        work()
    except DomainError as error:
        if error.status == 404:
            raise
        again, said = _again(own), sentence_of(error)
        return _show_passenger(again, passenger_id, seat_form=seat_form, problem=said, status=error.status)
    wake("send_messages")
    return _done(own[1], done)


def _again(own: tuple[Staff, Booking]) -> tuple[Staff, Booking]:
    """What was read before a deed that failed is read anew."""
    return own_booking(current_staff(), own[1].reference)


def _done(booking: Booking, word: str) -> Response:
    return redirect(f"/agency/bookings/{booking.reference}?done={word}", 303)


def _show_cancel(
    own: tuple[Staff, Booking], wanted: Sequence[str], form: ReasonForm, *, problem: str = "", status: int = 200
) -> Response:
    staff, booking = own
    view = view_of(booking)
    offer = offer_of(view, [seat for seat in view.seats if seat in wanted] or view.seats)
    page = render_template(
        "agency/booking_cancel.html",
        staff=staff,
        view=view,
        booking=booking,
        offer=offer,
        rule=sale_page.refund_rule(Sale(view, [])),
        form=form,
        problems=[Problem(problem)] if problem else problems_of(form),
    )
    return make_response(page, status)


def _show_passenger(
    own: tuple[Staff, Booking],
    passenger_id: int,
    *,
    name_form: NameForm | None = None,
    seat_form: SeatForm | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    staff, booking = own
    found = get_passenger(booking, passenger_id)
    names, seats = name_form or NameForm(name=found.name), seat_form or SeatForm()
    page = render_template(
        "agency/passenger.html",
        staff=staff,
        booking=booking,
        passenger=found,
        name_form=names,
        seat_form=seats,
        map=seat_page.draw_map(_bus(booking, found)),
        problems=[Problem(problem)] if problem else [*problems_of(names), *problems_of(seats)],
    )
    return make_response(page, status)


def _bus(booking: Booking, found: Passenger) -> SeatsForSale:
    """The bus as it is now, whatever the agency may sell: the price is the one that was paid."""
    trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
    paid = SeatPrices(found.amount, found.amount, found.amount, found.amount, booking.currency)
    return SeatsForSale(trip, paid, list_taken_seats(trip.trip_id, trip.leg))
