"""An agency's bookings: found again, given out as a file, and one of them with all that happened to it."""

from collections.abc import Iterator
from typing import Any

from flask import make_response, render_template, request
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from aurapark.accounts.models import AgencyRole
from aurapark.booking.models import Booking, Channel
from aurapark.booking.queries import view_of
from aurapark.checkout import sale_page
from aurapark.checkout.queries import Sale
from aurapark.errors import N_
from aurapark.ledger.queries import list_booking_entries
from aurapark.masking import mask
from aurapark.office import booking_words
from aurapark.office.booking_forms import BookingListForm, ProposalForm
from aurapark.office.booking_search import each_booking, find_bookings, has_reference, list_route_names
from aurapark.office.scope import Staff, current_staff
from aurapark.office.timeline import read_timeline
from aurapark.references import read_reference
from aurapark.timetable.models import ON_SALE_STATES
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.listing import show_list
from aurapark.web.problems import Problem, problems_of
from aurapark.web.state_names import sale_state

bp = AudienceBlueprint("office_bookings", __name__, audience=Audience.AGENCY, url_prefix="/agency")

READERS = frozenset({AgencyRole.OWNER, AgencyRole.MANAGER, AgencyRole.CLERK, AgencyRole.ACCOUNTANT})
SENDERS = frozenset({AgencyRole.OWNER, AgencyRole.MANAGER, AgencyRole.CLERK})
CHANGERS = frozenset({AgencyRole.OWNER, AgencyRole.MANAGER})
SEE_BOOKS = frozenset({AgencyRole.OWNER, AgencyRole.ACCOUNTANT})
EXPORTERS = frozenset({AgencyRole.OWNER, AgencyRole.ACCOUNTANT})
SEE_PHONES = READERS - {AgencyRole.ACCOUNTANT}
FILES = ("csv", "xlsx")
COLUMNS = (
    Column(_l("Reference")),
    Column(_l("State")),
    Column(_l("Sold by")),
    Column(_l("Booked on"), "time"),
    Column(_l("Departure"), "time"),
    Column(_l("From")),
    Column(_l("To")),
    Column(_l("Seats")),
    Column(_l("Passengers")),
    Column(_l("Payer")),
    Column(_l("Phone")),
    Column(_l("Total, FCFA"), "money"),
)
DONE = {
    "sent": N_("The tickets are on their way to the payer once more."),
    "name": N_("The name is changed, and the payer is told."),
    "name_back": N_("The former name is back, and the payer is told."),
    "seat": N_("The seat is changed: the old ticket no longer counts, the new one is on its way."),
    "proposed": N_("The refund is proposed. AuraPark decides and tells the payer."),
    "cancelled": N_("Cancelled. The payer is told, and what comes back is on its way."),
}


@bp.get("/bookings", roles=READERS)
def bookings() -> Response:
    """Find bookings of this agency, newest first; by a journey, latest departure first."""
    staff = current_staff()
    return _show_list(staff, _list_form(staff))


@bp.get("/bookings.csv", roles=EXPORTERS, defaults={"ending": "csv"})
@bp.get("/bookings.xlsx", roles=EXPORTERS, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give out the bookings as a file, narrowed as the page was."""
    staff = current_staff()
    form = _list_form(staff)
    if not form.validate():
        return _show_list(staff, form)
    zone = staff.agency.timezone
    rows = _lines(_search(staff, form), sees_phones=staff.role in SEE_PHONES)
    return send_export("bookings", ending, Sheet("bookings", COLUMNS, rows, zone=zone))


@bp.get("/bookings/<reference>", roles=READERS)
def booking(reference: str) -> Response:
    """Show one booking with everything that happened to it, and what can be done."""
    return show_booking(own_booking(current_staff(), reference))


def own_booking(staff: Staff, reference: str) -> tuple[Staff, Booking]:
    """Return a booking of this agency with who asks. Raises NotFound, alike for another agency's and for none."""
    return staff, staff.own_named(Booking, reference=read_reference(reference))


def show_booking(
    own: tuple[Staff, Booking], *, form: ProposalForm | None = None, problem: str = "", status: int = 200
) -> Response:
    """Show one booking, with what stands in the way of a deed when something does."""
    form = form or ProposalForm()
    staff, found = own
    view = view_of(found)
    open_to_deeds = found.state == "confirmed" and view.trip.state in ON_SALE_STATES
    page = render_template(
        "agency/booking.html",
        staff=staff,
        view=view,
        booking=found,
        timeline=read_timeline(found, names_people=staff.role in CHANGERS),
        entries=list_booking_entries(found.id) if staff.role in SEE_BOOKS else [],
        rule=sale_page.refund_rule(Sale(view, [])),
        words=booking_words,
        may_send=staff.role in SENDERS and found.state == "confirmed" and bool(view.tickets),
        may_change=staff.role in CHANGERS and open_to_deeds and view.trip.asked_at < view.trip.board.at,
        may_propose=staff.role in CHANGERS and found.confirmed_at is not None and found.channel != Channel.COUNTER,
        form=form,
        phone=_phone(found, sees=staff.role in SEE_PHONES),
        sees_mail=staff.role in SEE_PHONES,
        problems=[Problem(problem)] if problem else problems_of(form),
        done=done_words(DONE),
    )
    return make_response(page, status)


def _list_form(staff: Staff) -> BookingListForm:
    routes = list_route_names(staff.agency.id)
    return BookingListForm(request.args, routes=routes, sees_phones=staff.role in SEE_PHONES)


def _show_list(staff: Staff, form: BookingListForm) -> Response:
    def find(valid: BookingListForm) -> Any:
        return find_bookings(_search(staff, valid), after=valid.after.data)

    sees = staff.role in SEE_PHONES
    values = {"staff": staff, "words": booking_words, "sees_phones": sees}
    return show_list("agency/bookings.html", form, find, exports=FILES if staff.role in EXPORTERS else (), **values)


def _search(staff: Staff, form: BookingListForm) -> Any:
    """Six letters can be a name too: they are a reference when this agency has a booking of it."""
    if form.maybe_reference and has_reference(staff.agency.id, form.maybe_reference):
        form.take_as_reference()
    return form.search(staff.agency.id, staff.agency.timezone)


def _lines(search: Any, *, sees_phones: bool) -> Iterator[tuple[Any, ...]]:
    for one in each_booking(search):
        booking, trip = one.booking, one.trip
        yield (
            booking.reference,
            sale_state(booking.state),
            str(booking_words.SALE_CHANNELS[booking.channel]),
            booking.created_at,
            trip.board.at,
            f"{trip.board.city}, {trip.board.name}",
            f"{trip.alight.city}, {trip.alight.name}",
            " ".join(passenger.seat for passenger in one.passengers),
            ", ".join(passenger.name for passenger in one.passengers if passenger.name),
            booking.payer_name,
            _phone(booking, sees=sees_phones),
            booking.total,
        )


def _phone(booking: Booking, *, sees: bool) -> str | None:
    return booking.payer_phone if sees or not booking.payer_phone else mask(booking.payer_phone)
