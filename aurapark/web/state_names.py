"""What the states of bookings, payments and refunds are called on pages for staff."""

from enum import StrEnum
from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _l

from aurapark.booking.models import BookingState
from aurapark.payments.models import PaymentState
from aurapark.refunds.models import RefundState
from aurapark.web.money_names import MONEY_NAMES

NAMES: dict[type[StrEnum], dict[Any, Any]] = {
    BookingState: {
        BookingState.HELD: _l("held"),
        BookingState.CONFIRMED: _l("confirmed"),
        BookingState.EXPIRED: _l("expired"),
        BookingState.RELEASED: _l("released"),
        BookingState.CANCELLED: _l("cancelled"),
    },
    PaymentState: {
        PaymentState.CREATED: _l("begun"),
        PaymentState.PENDING: _l("open"),
        PaymentState.UNKNOWN: _l("not clear yet"),
        PaymentState.FAILED: _l("not gone through"),
        PaymentState.LAPSED: _l("lapsed"),
        PaymentState.SUCCEEDED: _l("gone through"),
        PaymentState.PARTIALLY_REFUNDED: _l("paid, in part paid back"),
        PaymentState.REFUNDED: _l("paid back"),
        PaymentState.DISPUTED: _l("disputed"),
    },
    RefundState: {
        RefundState.REQUESTED: _l("asked for"),
        RefundState.SENDING: _l("being sent"),
        RefundState.SENT: _l("sent"),
        RefundState.UNKNOWN: _l("not clear yet"),
        RefundState.SUCCEEDED: _l("paid back"),
        RefundState.FAILED: _l("not gone through"),
        RefundState.CANCELLED: _l("withdrawn"),
    },
    **MONEY_NAMES,
}


def init_app(app: Flask) -> None:
    """Give templates `sale_state`."""
    app.add_template_global(sale_state)


def sale_state(state: StrEnum) -> str:
    """Return what the state of a booking, a payment or a refund is called."""
    return str(NAMES[type(state)].get(state, state.value))
