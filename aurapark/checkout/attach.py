"""A charge that came under a reference nobody here gave out: a person says which booking it was meant for."""

from collections.abc import Sequence

from aurapark import audit
from aurapark.booking import service as bookings
from aurapark.booking.errors import WrongState
from aurapark.booking.qr import TicketSigner
from aurapark.cases.models import Resolution
from aurapark.cases.service import resolve_case
from aurapark.checkout.fates import record_charge
from aurapark.checkout.terms import PaymentTerms
from aurapark.database import in_transaction, let_go
from aurapark.payments.errors import ChargeNotVerified
from aurapark.payments.gateway import SUCCESSFUL, Charge, Gateway
from aurapark.payments.models import Payment, PaymentState
from aurapark.payments.queries import find_payment
from aurapark.payments.rules import next_check
from aurapark.payments.service import lock_payments, open_attempt
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg


def attach_charge(
    tx_ref: str,
    charge_id: str,
    reference: str,
    *,
    case_id: int,
    actor: str,
    reason: str,
    gateway: Gateway,
    signer: TicketSigner,
    terms: PaymentTerms,
) -> Payment:
    """Record a strange charge on a booking, as a further attempt under the charge's own `tx_ref`, and close its case.

    The gateway is asked first; the charge then has the fate of any money that comes for this booking: it pays for
    the seats when it can, else it goes back. Returns the payment.
    Raises BookingNotFound, WrongState when nobody ever began to pay the booking, ChargeNotVerified, GatewayError,
    and what closing the case raises.
    """
    let_go()
    charges = gateway.list_charges(tx_ref)

    def work() -> Payment:
        payment = _attach(reference, tx_ref, _pick(charges, charge_id), gateway, signer, terms)
        after = {"booking": reference, "tx_ref": tx_ref, "charge": charge_id}
        audit.record("payment.attach", "payment", payment.public_id, actor=actor, reason=reason, before={}, after=after)
        resolve_case(case_id, actor=actor, reason=reason, resolution=Resolution.ATTACH)
        return payment

    return in_transaction(work)


def _pick(charges: Sequence[Charge], charge_id: str) -> Charge:
    verified = [one for one in charges if one.status == SUCCESSFUL and one.gateway_tx_id == charge_id]
    if not verified:
        raise ChargeNotVerified
    return verified[0]


def _attach(
    reference: str, tx_ref: str, charge: Charge, gateway: Gateway, signer: TicketSigner, terms: PaymentTerms
) -> Payment:
    booking = bookings.lock_booking(reference)
    payments = lock_payments(booking.id)
    if not payments:
        raise WrongState
    if find_payment(tx_ref):
        raise ChargeNotVerified
    trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
    now = trip.asked_at
    attempt = open_attempt(
        booking.id,
        payments,
        provider=gateway.provider,
        amount=booking.total,
        currency=booking.currency,
        session_ends_at=now,
        next_check_at=now,
        tx_ref=tx_ref,
    )
    again = next_check(PaymentState.SUCCEEDED, 0, window_ends_at=now, now=now, base=terms.retry_base)
    payments.append(attempt)
    return record_charge(booking, payments, attempt, charge, trip=trip, signer=signer, next_check_at=again)
