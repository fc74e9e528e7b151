"""The page on which a traveller cancels: who, what comes back, and the press that does it."""

from collections.abc import Sequence

from flask import Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from aurapark.booking.access import require_own
from aurapark.booking.errors import NotYourSeat, RefundChanged, WrongState
from aurapark.checkout import sale_page, seat_page
from aurapark.checkout.asker import this_asker
from aurapark.checkout.cancel import cancel_booking, get_cancel_offer
from aurapark.checkout.queries import get_sale
from aurapark.references import read_reference
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.problems import Problem
from aurapark.web.switches import stay_at

LONGEST_AMOUNT = 10  # digits
WHO = "who"  # the id of the question who does not travel

bp = AudienceBlueprint("cancel", __name__, audience=Audience.GUEST)


@bp.get("/bookings/<reference>/cancel")
def ask(reference: str) -> AnyResponse:
    """Show what comes back for the chosen seats, all of them at first."""
    own = _own(reference)
    try:
        return _show(own, request.args.getlist("seat"))
    except WrongState:
        return redirect(url_for("booking.show", reference=own), 303)


@bp.post("/bookings/<reference>/cancel")
def cancel(reference: str) -> AnyResponse:
    """Cancel when what comes back is still what was shown; else show what it is now."""
    own, seats = _own(reference), request.form.getlist("seat")
    shown = request.form.get("expected_refund", "")
    if not (shown.isascii() and shown.isdecimal() and len(shown) <= LONGEST_AMOUNT):
        return _show(own, seats, status=422)
    try:
        cancel_booking(own, expected_refund=int(shown), seats=seats or None)
    except RefundChanged:
        text = _("What comes back has changed meanwhile. Look at it again before you cancel.")
        return _show(own, seats, problems=[Problem(text)], status=409)
    except NotYourSeat:
        return _show(own, [], problems=[Problem(_("Choose who does not travel."), WHO)], status=422)
    except WrongState:
        return redirect(url_for("booking.show", reference=own), 303)
    wake("process_refunds")
    return redirect(url_for("booking.show", reference=own), 303)


def _own(reference: str) -> str:
    own = read_reference(reference)
    require_own(own, this_asker())
    return own


def _show(own: str, wanted: Sequence[str], *, problems: Sequence[Problem] = (), status: int = 200) -> Response:
    sale = get_sale(own)
    view = sale.view
    seats = [seat for seat in view.seats if seat in wanted] or view.seats
    offer = get_cancel_offer(own, seats)
    stay_at(url_for("cancel.ask", reference=own, seat=seats))
    page = render_template(
        "booking/cancel.html",
        view=view,
        booking=view.booking,
        line=seat_page.trip_line(view.trip),
        offer=offer,
        rule=sale_page.refund_rule(sale),
        problems=list(problems),
    )
    return make_response(page, status)
