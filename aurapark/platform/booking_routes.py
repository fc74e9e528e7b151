"""A booking, read by the platform: support says why first, finance and admins do not need to. Nothing changes here."""

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.booking.errors import BookingNotFound
from aurapark.booking.queries import get_booking
from aurapark.checkout.queries import get_sale
from aurapark.database import in_transaction
from aurapark.office.forms import ReasonForm
from aurapark.platform.forms import FindBookingForm
from aurapark.platform.readings import may_read, note_reading
from aurapark.references import read_reference
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("platform_bookings", __name__, audience=Audience.PLATFORM, url_prefix="/admin/bookings")

EVERYBODY = frozenset(PlatformRole)
SAYS_WHY = frozenset({PlatformRole.SUPPORT})
ENTITY = "booking"


@bp.get("", roles=EVERYBODY)
def ask() -> Response:
    """Ask which booking to read."""
    return _ask(FindBookingForm())


@bp.post("", roles=EVERYBODY)
def find() -> Response:
    """Go to the booking of a reference."""
    form = FindBookingForm(request.form)
    if not form.validate():
        return _ask(form, status=422)
    try:
        found = get_booking(read_reference(form.reference.data))
    except BookingNotFound as error:
        return _ask(form, status=404, problem=sentence_of(error))
    return redirect(f"/admin/bookings/{found.reference}", 303)


@bp.get("/<reference>", roles=EVERYBODY)
def booking(reference: str) -> Response:
    """Show a booking; support is asked why first, and again after half an hour."""
    return _show(reference, ReasonForm())


@bp.post("/<reference>/read", roles=SAYS_WHY)
def read(reference: str) -> Response:
    """Note why this booking is read."""
    form, who, found = ReasonForm(request.form), require_identity(), get_booking(reference)
    if not form.validate():
        return _show(reference, form, status=422)
    in_transaction(lambda: note_reading(ENTITY, found.reference, by=who, reason=form.reason.data))
    return redirect(f"/admin/bookings/{found.reference}", 303)


def _ask(form: FindBookingForm, *, status: int = 200, problem: str = "") -> Response:
    problems = [Problem(problem, "reference")] if problem else problems_of(form)
    return make_response(render_template("admin/bookings.html", form=form, problems=problems), status)


def _show(reference: str, form: ReasonForm, *, status: int = 200) -> Response:
    who = require_identity()
    if who.platform_role in SAYS_WHY and not may_read(ENTITY, reference, by=who):
        get_booking(reference)
        action, back = f"/admin/bookings/{reference}/read", "/admin/bookings"
        page = render_template("admin/why.html", form=form, action=action, back=back, problems=problems_of(form))
        return make_response(page, status)
    return make_response(render_template("admin/booking.html", sale=get_sale(reference)), status)
