"""Reading payment attempts."""

from sqlalchemy import select

from aurapark.extensions import db
from aurapark.payments.errors import PaymentNotFound
from aurapark.payments.models import Payment


def find_payment(tx_ref: str) -> Payment | None:
    """Return the attempt (or further charge) of that name, None when it is not ours."""
    return db.session.scalars(select(Payment).where(Payment.tx_ref == tx_ref)).first()


def get_payment(tx_ref: str) -> Payment:
    """Return the attempt of that name. Raises PaymentNotFound."""
    payment = find_payment(tx_ref)
    if payment is None:
        raise PaymentNotFound
    return payment
