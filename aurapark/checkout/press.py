"""One rendered checkout is one press: sent again, after a double click or the back button, it leads to the same page
of the gateway. A page that is loaded again carries a new key, so that another try stays possible.
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aurapark.booking.details import CheckoutDetails
from aurapark.booking.service import database_now
from aurapark.checkout.once import with_idempotency
from aurapark.checkout.pay import LOOK_AGAIN, SECOND_PRESS, start_payment
from aurapark.checkout.terms import PaymentTerms
from aurapark.database import let_go
from aurapark.payments.errors import PaymentOpening
from aurapark.payments.gateway import Gateway
from aurapark.payments.idempotency import Answer, StillRunning, fingerprint_of
from aurapark.payments.models import Payment, PaymentState
from aurapark.payments.queries import get_payment

FORM_KEY = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def new_form_key() -> str:
    """Return the key of one rendered form."""
    return secrets.token_urlsafe(16)


def pay_once(
    reference: str,
    form_key: str,
    sent: Mapping[str, Any],
    details: CheckoutDetails,
    *,
    gateway: Gateway,
    terms: PaymentTerms,
    lease: timedelta,
) -> Payment:
    """Start a payment once for this form with these contents (`sent`); the same again waits for it, or gets it.

    Contents that were changed are another press. So is the same one when its payment cannot be paid any more. Raises
    what start_payment raises.
    """
    if not FORM_KEY.fullmatch(form_key):
        return start_payment(reference, details, gateway=gateway, terms=terms)
    key = f"{form_key}:{fingerprint_of(sent)}"

    def work() -> Answer:
        payment = start_payment(reference, details, gateway=gateway, terms=terms)
        return Answer(303, {"txRef": payment.tx_ref})

    answer = _answer_of(f"form:{reference}", key, sent, lease, work)
    payment = get_payment(answer.data["txRef"])
    if answer.replayed and not _may_still_be_paid(payment):
        return start_payment(reference, details, gateway=gateway, terms=terms)
    return payment


def _answer_of(caller: str, key: str, sent: Mapping[str, Any], lease: timedelta, work: Callable[[], Answer]) -> Answer:
    """Do the work once; while another request does it, wait as long as a second press waits. Raises PaymentOpening."""
    give_up = time.monotonic() + SECOND_PRESS.total_seconds()
    while True:
        try:
            return with_idempotency(caller, key, sent, lease=lease, work=work)
        except StillRunning:
            if time.monotonic() > give_up:
                raise PaymentOpening from None
        let_go()
        time.sleep(LOOK_AGAIN)


def _may_still_be_paid(payment: Payment) -> bool:
    ends_at = payment.session_ends_at
    return payment.state == PaymentState.PENDING and ends_at is not None and database_now() < ends_at
