"""Who travels, who pays, and the way to the gateway and back; keeping a hold longer and giving it back."""

import re
import time
from collections.abc import Sequence
from datetime import timedelta

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from aurapark.accounts.access import current_identity
from aurapark.booking.access import may_open, require_own
from aurapark.booking.errors import (
    CategoriesFinal,
    HoldNotExtendable,
    NetworkShareTooBig,
    PassengersMismatch,
    SeatsTaken,
    WrongState,
)
from aurapark.booking.models import BookingState
from aurapark.checkout import confirm, hold, release, routes, sale_page, seat_page
from aurapark.checkout.asker import this_asker
from aurapark.checkout.forms import CheckoutForm
from aurapark.checkout.gateways import gateway_for, signer_for, terms_for
from aurapark.checkout.press import new_form_key, pay_once
from aurapark.checkout.queries import Sale, get_booking_of, get_sale
from aurapark.checkout.visitor_hold import Wish
from aurapark.database import let_go
from aurapark.errors import DomainError, PaymentFailed, TooMany
from aurapark.payments.errors import NotLetGo, PaymentOpening, PaymentTooLate, TooManyAttempts
from aurapark.payments.models import OPEN_STATES, Payment, PaymentState
from aurapark.payments.queries import find_payment
from aurapark.references import read_reference
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.errors import with_retry_after
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of
from aurapark.web.switches import stay_at

CHECKED_AGAIN = (*OPEN_STATES, PaymentState.FAILED)  # a failed try may be followed by another on the gateway's page
TX_REF = re.compile(r"[A-Za-z0-9/_-]{1,100}")
WAIT_SECONDS, LOOK_SECONDS = 2.0, 0.25

bp = AudienceBlueprint("payment", __name__, audience=Audience.GUEST)


@bp.get("/bookings/<reference>/checkout")
def checkout(reference: str) -> AnyResponse:
    """Ask who travels and who pays. What was typed before the time was over is still there."""
    sale = _own(reference)
    if sale.view.booking.state not in (BookingState.HELD, BookingState.EXPIRED):
        return redirect(url_for("booking.show", reference=sale.view.booking.reference), 303)
    return _show(sale, sale_page.fill_form(sale.view, earlier=sale_page.typed_earlier(sale.view, current_identity())))


@bp.post("/bookings/<reference>/checkout")
def start(reference: str) -> AnyResponse:
    """Start the payment and go to the gateway's page; a hold that lapsed tries its seats again first."""
    sale, settings = _own(reference), current_settings()
    form = sale_page.fill_form(sale.view, request.form)
    if not form.validate():
        return _show(sale, form, problems_of(form), status=422)
    if sale_page.total_changed(sale, form, request.form.get("total", "")):
        return _show(sale, form, new_total=True)
    own = sale.view.booking.reference
    try:
        payment = pay_once(
            own,
            request.form.get("form_key", ""),
            {name: values for name, values in request.form.lists() if name != "csrf_token"},
            form.details,
            gateway=gateway_for(settings),
            terms=terms_for(settings),
            lease=timedelta(seconds=settings.lease_seconds),
        )
    except SeatsTaken as taken:
        return _seats_gone(sale, taken)
    except WrongState:
        return redirect(url_for("booking.show", reference=own), 303)
    except (CategoriesFinal, PassengersMismatch) as error:
        return _refused(sale, error, status=422)
    except (TooMany, NetworkShareTooBig, TooManyAttempts) as error:
        return with_retry_after(_refused(sale, error, status=error.status), error)
    except (PaymentFailed, PaymentTooLate, PaymentOpening) as error:
        return _refused(sale, error, status=error.status)
    return redirect(str(payment.link), 303)


@bp.post("/bookings/<reference>/extend")
def extend(reference: str) -> AnyResponse:
    """Keep the seats 5 minutes longer; what is typed on the checkout meanwhile stays."""
    sale = _own(reference)
    own = sale.view.booking.reference
    try:
        hold.extend_hold(own)
    except (HoldNotExtendable, WrongState) as error:
        return _refused(sale, error, status=409)
    if "phone" in request.form:
        sale = get_sale(own)
        return _show(sale, sale_page.fill_form(sale.view, request.form), extended=True)
    return redirect(url_for(".checkout", reference=own), 303)


@bp.post("/bookings/<reference>/release")
def let_seats_go(reference: str) -> AnyResponse:
    """Give the seats back; the gateway is asked first when a payment is open."""
    own, settings = read_reference(reference), current_settings()
    require_own(own, this_asker())
    gateway, signer, terms = gateway_for(settings), signer_for(settings), terms_for(settings)
    try:
        release.release_hold(own, gateway=gateway, signer=signer, terms=terms)
    except NotLetGo as error:
        return _refused(get_sale(own), error, status=error.status)
    except WrongState:
        pass  # it was paid meanwhile: its page says so
    return redirect(url_for("booking.show", reference=own), 303)


@bp.get("/payments/stripe/return")
@bp.get("/payments/flutterwave/return")
def come_back() -> AnyResponse:
    """Believe nothing that the address says: have the gateway asked, and show what we know by then."""
    tx_ref = request.args.get("tx_ref", "")
    payment = find_payment(tx_ref) if TX_REF.fullmatch(tx_ref) else None
    mine = payment is not None and may_open(get_booking_of(payment).reference, this_asker())
    if payment and payment.state in CHECKED_AGAIN:
        confirm.request_check(payment.tx_ref)
        wake("check_payment", payment.tx_ref)
        payment = _await_answer(payment)
    if payment is None or not mine:
        return _wait(tx_ref)
    booking = get_booking_of(payment)
    if booking.state != BookingState.HELD or payment.state not in CHECKED_AGAIN:
        return redirect(url_for("booking.show", reference=booking.reference), 303)
    if payment.state == PaymentState.FAILED:
        return redirect(url_for(".checkout", reference=booking.reference), 303)
    return _wait(tx_ref, get_sale(booking.reference))


def _await_answer(payment: Payment) -> Payment:
    """Give the worker a moment, so that most people come straight to their ticket."""
    tx_ref, give_up = payment.tx_ref, time.monotonic() + WAIT_SECONDS
    while payment.state in OPEN_STATES and time.monotonic() < give_up:
        let_go()
        time.sleep(LOOK_SECONDS)
        payment = find_payment(tx_ref) or payment
    return payment


def _wait(tx_ref: str, sale: Sale | None = None) -> Response:
    """Somebody else's payment and an unknown one look alike."""
    cancelled = request.args.get("status") == "cancelled"
    page = render_template("checkout/waiting.html", tx_ref=tx_ref, sale=sale, cancelled=cancelled)
    return make_response(page)


def _own(reference: str) -> Sale:
    own = read_reference(reference)
    require_own(own, this_asker())
    return get_sale(own)


def _refused(sale: Sale, error: DomainError, *, status: int) -> Response:
    """Show the checkout again with what was typed and why it did not go on."""
    sale = get_sale(sale.view.booking.reference)
    typed = request.form if "phone" in request.form else None
    return _show(sale, sale_page.fill_form(sale.view, typed), [Problem(sentence_of(error))], status=status)


def _seats_gone(sale: Sale, taken: SeatsTaken) -> Response:
    trip = sale.view.trip
    wish = Wish(trip.trip_id, trip.board.code, trip.alight.code, tuple(sale.view.seats))
    return routes.answer_conflict(wish, len(wish.seats), taken)


def _show(
    sale: Sale,
    form: CheckoutForm,
    problems: Sequence[Problem] = (),
    *,
    new_total: bool = False,
    extended: bool = False,
    status: int = 200,
) -> Response:
    view = sale.view
    stay_at(url_for(".checkout", reference=view.booking.reference))
    lines = sale_page.shown_lines(view, form)
    page = render_template(
        "checkout/checkout.html",
        sale=sale,
        view=view,
        trip=view.trip,
        form=form,
        problems=list(problems),
        clock=sale_page.hold_clock(view) if view.live else None,
        lines=lines,
        total=sum(line.amount for line in lines),
        rule=sale_page.refund_rule(sale),
        rows=sale_page.trip_rows(view),
        line=seat_page.trip_line(view.trip),
        failed=bool(sale.payments) and sale.payments[-1].state == PaymentState.FAILED,
        new_total=new_total,
        extended=extended,
        form_key=new_form_key(),
        gateway=current_settings().payment_gateway,
    )
    return make_response(page, status)
