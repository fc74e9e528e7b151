"""From settings to what the paying stories take as arguments: the gateway, the signer of tickets, the terms.

The only place that knows which gateway is in use. One client per process, made when first needed.
"""

from datetime import timedelta
from functools import lru_cache

from aurapark.booking.qr import TicketSigner
from aurapark.booking.service import HoldTerms
from aurapark.checkout.terms import PaymentTerms
from aurapark.config import Settings
from aurapark.payments.flutterwave import Flutterwave
from aurapark.payments.gateway import Gateway
from aurapark.payments.models import Provider
from aurapark.payments.stripe import Stripe
from aurapark.refunds.rules import Patience

RETURN_PATH = "/payments/{gateway}/return"


@lru_cache(maxsize=4)
def gateway_for(settings: Settings) -> Gateway:
    """Return the payment gateway of these settings, the same one for the whole process."""
    return _stripe(settings) if settings.payment_gateway == Provider.STRIPE else _flutterwave(settings)


@lru_cache(maxsize=4)
def other_gateway_for(settings: Settings) -> Gateway | None:
    """Return the gateway that is not in use, when its key is there still: for what was begun before a change."""
    if settings.payment_gateway == Provider.STRIPE:
        return _flutterwave(settings) if settings.flutterwave_secret_key else None
    return _stripe(settings) if settings.stripe_secret_key else None


def _flutterwave(settings: Settings) -> Flutterwave:
    return Flutterwave(
        base_url=settings.flutterwave_base_url,
        secret_key=settings.flutterwave_secret_key,
        checkout_hosts=settings.flutterwave_checkout_hosts,
        mail_domain=settings.tickets_mail_domain,
    )


def _stripe(settings: Settings) -> Stripe:
    return Stripe(
        base_url=settings.stripe_base_url,
        secret_key=settings.stripe_secret_key,
        checkout_hosts=settings.stripe_checkout_hosts,
    )


@lru_cache(maxsize=4)
def signer_for(settings: Settings) -> TicketSigner:
    """Return the signer of tickets."""
    return TicketSigner.from_key(settings.ticket_signing_key)


def terms_for(settings: Settings) -> PaymentTerms:
    """Return the terms of a payment."""
    return PaymentTerms(
        session=timedelta(seconds=settings.payment_session_seconds),
        grace=timedelta(seconds=settings.payment_grace_seconds),
        retry_base=timedelta(seconds=settings.retry_base_seconds),
        return_url=settings.site_url + RETURN_PATH.format(gateway=settings.payment_gateway),
        hold=hold_terms_for(settings),
    )


def patience_for(settings: Settings) -> Patience:
    """Return how patient refunds are."""
    return Patience(timedelta(seconds=settings.retry_base_seconds), timedelta(seconds=settings.lease_seconds))


def hold_terms_for(settings: Settings) -> HoldTerms:
    """Return the terms of a hold."""
    return HoldTerms(
        hold=timedelta(seconds=settings.hold_seconds),
        max_seats=settings.max_seats,
        commission_percent=settings.commission_percent,
        token_key=settings.secret_key,
        limited=settings.rate_limits,
    )
