"""What must be known of an attempt before the gateway is asked about it: plain values that outlive the transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from aurapark.booking.models import Booking, BookingState
from aurapark.extensions import db
from aurapark.payments.errors import PaymentNotFound
from aurapark.payments.models import OPEN_STATES, Payment, PaymentState, Provider


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of one booking; `asked_at` is the database's clock."""

    tx_ref: str
    provider: Provider
    reference: str
    state: PaymentState
    link: str | None
    session_ends_at: datetime
    booking_state: BookingState
    asked_at: datetime

    @property
    def link_to_close(self) -> str | None:
        """Return the link on which somebody could still begin to pay for seats that are about to go."""
        waiting = self.state in (*OPEN_STATES, PaymentState.FAILED) and self.booking_state == BookingState.HELD
        return self.link if waiting else None


def get_attempt(tx_ref: str) -> Attempt:
    """Return the attempt of that reference (one statement). Raises PaymentNotFound."""
    row = db.session.execute(_attempts().where(Payment.tx_ref == tx_ref)).first()
    if row is None:
        raise PaymentNotFound
    return Attempt(*row)


def list_unsettled_attempts(reference: str) -> list[Attempt]:
    """Return the attempts of a booking on which money may still be on its way, oldest first."""
    unsettled = Payment.state.in_(OPEN_STATES) | ((Payment.state == PaymentState.FAILED) & Payment.link.is_not(None))
    rows = db.session.execute(_attempts().where(Booking.reference == reference, unsettled).order_by(Payment.id))
    return [Attempt(*row) for row in rows]


def _attempts() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Payment.tx_ref,
            Payment.provider,
            Booking.reference,
            Payment.state,
            Payment.link,
            Payment.session_ends_at,
            Booking.state,
            func.now(),
        )
        .join(Booking, Booking.id == Payment.booking_id)
        .where(Payment.root_id.is_(None))
    )
