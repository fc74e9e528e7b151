"""Where the gateways' events arrive: no cookies, no CSRF, no redirects; 200 once the raw event is on disk.

Bodies over 64 KB were refused before (413).
"""

from flask import Response, request

from aurapark import clock
from aurapark.checkout.webhooks import store_event, store_forged
from aurapark.errors import N_, DomainError
from aurapark.payments import flutterwave_events, stripe_events
from aurapark.payments.models import Provider
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web import api
from aurapark.web.audience import Audience, AudienceBlueprint


class NotTheGateway(DomainError):
    status, code = 401, "AUTHENTICATION_REQUIRED"
    sentence = N_("This does not carry the gateway’s secret.")


bp = AudienceBlueprint("webhooks", __name__, audience=Audience.GATEWAY)


@bp.post("/api/payments/webhook/flutterwave")
def flutterwave() -> Response:
    """Store an event of Flutterwave and answer 200; 401 with neither the secret hash nor a right signature."""
    settings, raw, headers = current_settings(), request.get_data(cache=False), request.headers
    hashed = flutterwave_events.is_authentic(
        headers.get(flutterwave_events.SECRET_HEADER), settings.flutterwave_webhook_secret
    )
    signature = headers.get(flutterwave_events.SIGNATURE_HEADER)
    signed = flutterwave_events.is_signed(raw, signature, settings.flutterwave_signature_secret)
    return _take_in(Provider.FLUTTERWAVE, raw, authentic=hashed or signed)


@bp.post("/api/payments/webhook/stripe")
def stripe() -> Response:
    """Store an event of Stripe and answer 200; 401 without a signature of the last five minutes."""
    raw, header = request.get_data(cache=False), request.headers.get(stripe_events.SIGNATURE_HEADER)
    secret, now = current_settings().stripe_webhook_secret, clock.now().timestamp()
    return _take_in(Provider.STRIPE, raw, authentic=stripe_events.is_authentic(raw, header, secret, now=now))


def _take_in(provider: Provider, raw: bytes, *, authentic: bool) -> Response:
    if not authentic:
        store_forged(provider, raw)
        raise NotTheGateway
    store_event(provider, raw)
    wake("process_webhooks")
    return api.answer({"received": True})
