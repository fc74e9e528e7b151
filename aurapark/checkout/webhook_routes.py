"""Where the gateway's events arrive: no cookies, no CSRF, no redirects; 200 once the raw event is on disk."""

from flask import Response, request

from aurapark.checkout.webhooks import store_event, store_forged
from aurapark.errors import N_, DomainError
from aurapark.payments.flutterwave_events import SECRET_HEADER, is_authentic, read_event
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
    """Store an event and answer 200; 401 without the secret; bodies over 64 KB were refused before (413)."""
    raw = request.get_data(cache=False)
    if not is_authentic(request.headers.get(SECRET_HEADER), current_settings().flutterwave_webhook_secret):
        store_forged(raw)
        raise NotTheGateway
    store_event(raw, read_event(raw))
    wake("process_webhooks")
    return api.answer({"received": True})
