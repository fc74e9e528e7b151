"""Events of the gateway: stored as they came before they are answered, and worked off later.

An event only makes the next question about its attempt, refund, dispute or payout due at once; the answer decides.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from aurapark.booking.service import database_now
from aurapark.database import in_transaction
from aurapark.disputes.service import report_dispute
from aurapark.errors import Unavailable
from aurapark.extensions import db
from aurapark.log import log_event, log_failure
from aurapark.payments import flutterwave_events, stripe_events
from aurapark.payments.events import Event, digest
from aurapark.payments.models import Provider, WebhookEvent
from aurapark.payments.queries import find_payment
from aurapark.payments.service import make_check_due
from aurapark.payouts.service import make_payout_due
from aurapark.refunds.service import make_lost_refunds_due, make_refund_due

KEPT_OF_FORGED = 1024  # bytes
UNKNOWN_STEPS = 12  # two minutes in which an unknown reference may still become ours
FORGED_KEPT_FOR, MOST_FORGED = timedelta(days=7), 1000
ASKED, NOTHING, FAILED = "check", "none", "failed"
READERS = {Provider.FLUTTERWAVE: flutterwave_events.read_event, Provider.STRIPE: stripe_events.read_event}


def store_event(provider: Provider, raw: bytes) -> None:
    """Store an authentic event; one that is known already makes its attempt's next question due again."""
    event = READERS[provider](raw)

    def work() -> None:
        if not _insert(provider, event.key, raw, authentic=True, tx_ref=event.tx_ref):
            _make_due(provider, event)

    in_transaction(work)
    log_event("webhook_stored", key=event.key, tx_ref=event.tx_ref or "-")


def store_forged(provider: Provider, raw: bytes) -> None:
    """Keep the beginning of an event without the right secret, for people to look at; it has no effect."""
    key, kept = f"forged:{digest(raw)}", raw[:KEPT_OF_FORGED]
    in_transaction(lambda: _insert(provider, key, kept, authentic=False, tx_ref=None))
    log_event("webhook_refused", provider=provider, bytes=len(raw))


def sweep_forged(limit: int) -> int:
    """Forget up to `limit` forged events that are older than a week or beyond the newest thousand."""
    newest_first = WebhookEvent.received_at.desc(), WebhookEvent.id.desc()
    forged = select(WebhookEvent.id).where(WebhookEvent.authentic.is_(False))
    kept = forged.where(WebhookEvent.received_at > func.now() - FORGED_KEPT_FOR).order_by(*newest_first)
    gone = forged.where(WebhookEvent.id.not_in(kept.limit(MOST_FORGED))).order_by(WebhookEvent.id).limit(limit)
    forgotten = delete(WebhookEvent).where(WebhookEvent.id.in_(gone)).returning(WebhookEvent.id)
    return len(list(db.session.scalars(forgotten)))


def process_webhooks(limit: int, *, base: timedelta) -> int:
    """Work off stored events, oldest first; returns how many were. `base` is the step of all waits.

    An event whose reference is not ours is kept for two minutes, in case our own commit comes later, and then closed.
    """
    waiting = select(WebhookEvent.id).where(WebhookEvent.authentic, WebhookEvent.processed_at.is_(None))
    ids = list(db.session.scalars(waiting.order_by(WebhookEvent.received_at).limit(limit)))
    return sum(_process_safely(event_id, base * UNKNOWN_STEPS) for event_id in ids)


def _process_safely(event_id: int, patience: timedelta) -> bool:
    try:
        return in_transaction(lambda: _process(event_id, patience))
    except Unavailable:  # the database is away: the event waits for it
        raise
    except Exception as error:  # one bad row delays nobody; the attempt is asked about without it
        log_failure("webhook_failed", error, event=event_id)
        in_transaction(lambda: _close(event_id))
        return False


def _process(event_id: int, patience: timedelta) -> bool:
    event = _take(event_id)
    if event is None:
        return False
    now = database_now()
    hints = READERS[event.provider](event.body)
    known = _make_due(event.provider, hints)
    if (
        (hints.tx_ref or hints.refund_id or hints.transfer_reference)
        and not known
        and now - event.received_at < patience
    ):
        return False
    _mark(event, ASKED if known else NOTHING, now)
    return True


def _make_due(provider: Provider, event: Event) -> bool:
    """Make the next question about what the event names due at once; False when it names nothing of ours."""
    if event.dispute_id:
        charge_id = event.charge_id or _charge_of(event.tx_ref)
        report_dispute(provider.value, event.dispute_id, charge_id)
        return True
    if event.transfer_reference:
        return make_payout_due(event.transfer_reference)
    attempt = bool(event.tx_ref) and make_check_due(event.tx_ref or "")
    if not event.refund_id:
        return attempt
    lost = event.charge_id is not None and make_lost_refunds_due(event.charge_id)
    return make_refund_due(event.refund_id, event.charge_id) or lost or attempt


def _charge_of(tx_ref: str | None) -> str | None:
    payment = find_payment(tx_ref) if tx_ref else None
    return payment.gateway_tx_id if payment else None


def _close(event_id: int) -> None:
    if event := _take(event_id):
        _mark(event, FAILED, database_now())


def _take(event_id: int) -> WebhookEvent | None:
    """Return an event that still waits, locked; None when somebody else has it or it is done."""
    statement = select(WebhookEvent).where(WebhookEvent.id == event_id, WebhookEvent.processed_at.is_(None))
    return db.session.scalars(statement.with_for_update(skip_locked=True)).first()


def _mark(event: WebhookEvent, effect: str, now: datetime) -> None:
    event.effect, event.processed_at = effect, now


def _insert(provider: Provider, key: str, raw: bytes, *, authentic: bool, tx_ref: str | None) -> bool:
    values = {"event_key": key, "provider": provider, "authentic": authentic, "tx_ref": tx_ref}
    statement = insert(WebhookEvent).values(**values, body=raw, sha256=digest(raw), received_at=func.now())
    return db.session.execute(statement.on_conflict_do_nothing().returning(WebhookEvent.id)).first() is not None
