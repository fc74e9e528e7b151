"""Payments as the money desk reads them: narrowed lists, one attempt and all that happened to it, raw events."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select, text

from aurapark import audit
from aurapark.agencies.models import Agency
from aurapark.booking.models import Booking
from aurapark.database import in_transaction
from aurapark.errors import N_, Conflict, NotFound
from aurapark.extensions import db
from aurapark.keyset import Page, Place, fetch_all, fetch_page
from aurapark.masking import HIDDEN, PRIVATE_FIELDS, mask
from aurapark.payments.errors import PaymentNotFound
from aurapark.payments.models import OPEN_STATES, Payment, PaymentState, Provider, WebhookEvent
from aurapark.payments.service import make_check_due
from aurapark.platform.overview import LATE, STUCK

MAX_ID = 2**63 - 1
MOST_MOMENTS = 120
CURRENCY = func.coalesce(Payment.paid_currency, Payment.currency)
AMOUNT = func.coalesce(Payment.paid_amount, Payment.expected_amount)
KEY = (Payment.created_at, Payment.id)
EVENT_KEY = (WebhookEvent.received_at, WebhookEvent.id)
COLUMNS: tuple[Any, ...] = (
    Payment.id, Payment.created_at, Payment.tx_ref, Payment.ordinal, Payment.provider, Payment.state,
    Payment.disposition, AMOUNT.label("amount"), CURRENCY.label("currency"),
    Payment.gateway_tx_id, Payment.fee, Payment.verified_at, Booking.reference, Agency.short_name, Agency.name,
)  # fmt: skip
TIMELINE = text("""
    WITH charge AS (
        SELECT id, coalesce(root_id || '/' || ordinal, id::text) AS public_id, tx_ref, booking_id
        FROM payment WHERE id = :root OR root_id = :root
    ), back AS (SELECT * FROM refund WHERE payment_id IN (SELECT id FROM charge)),
    fight AS (SELECT * FROM dispute WHERE payment_id IN (SELECT id FROM charge)),
    wish AS (SELECT * FROM refund_proposal WHERE payment_id IN (SELECT id FROM charge)),
    thing AS (
        SELECT 'payment' AS entity, public_id AS entity_id FROM charge
        UNION ALL SELECT 'payment', tx_ref FROM charge
        UNION ALL SELECT 'refund', id::text FROM back
        UNION ALL SELECT 'dispute', id::text FROM fight
        UNION ALL SELECT 'refund_proposal', id::text FROM wish
    )
    SELECT 'event' AS what, received_at AS at, id::text AS id,
        jsonb_build_object('effect', effect, 'done', processed_at IS NOT NULL) AS known
    FROM webhook_event WHERE tx_ref IN (SELECT tx_ref FROM charge)
    UNION ALL
    SELECT 'movement', created_at, id::text, jsonb_build_object('event', event_type, 'debit', debit, 'credit', credit,
        'amount', amount, 'currency', currency)
    FROM ledger_entry WHERE booking_id = (SELECT booking_id FROM charge LIMIT 1) AND (
        event_type IN ('payment', 'review_applied') AND event_id IN (SELECT public_id FROM charge)
        OR event_type IN ('refund', 'refund_due', 'refund_withdrawn') AND event_id IN (SELECT id::text FROM back)
        OR event_type IN ('dispute_opened', 'dispute_won', 'dispute_lost') AND event_id IN (SELECT id::text FROM fight))
    UNION ALL
    SELECT 'refund', created_at, id::text, jsonb_build_object('state', state, 'amount', amount, 'currency', currency,
        'reason', reason) FROM back
    UNION ALL
    SELECT 'dispute', created_at, id::text, jsonb_build_object('state', state, 'amount', amount, 'currency', currency)
    FROM fight
    UNION ALL
    SELECT 'proposal', proposed_at, id::text, jsonb_build_object('state', state, 'amount', amount,
        'currency', currency, 'reason', reason, 'by', proposed_by) FROM wish
    UNION ALL
    SELECT 'case', opened_at, c.id::text, jsonb_build_object('state', state, 'kind', kind, 'owner', owner)
    FROM finance_case c JOIN thing USING (entity, entity_id)
    UNION ALL
    SELECT 'key', created_at, id::text, jsonb_build_object('status', status)
    FROM idempotency_key WHERE caller = ANY(:callers)
    UNION ALL
    SELECT 'audit', at, a.id::text, jsonb_build_object('action', action, 'actor', actor, 'reason', reason)
    FROM audit_entry a JOIN thing USING (entity, entity_id)
    ORDER BY at DESC, what, id DESC LIMIT :most
""")


class NotAskable(Conflict):
    """Cash is asked about nowhere."""

    sentence = N_("No gateway knows of this payment: it came as cash.")


class EventNotFound(NotFound):
    sentence = N_("There is no such event.")


@dataclass(frozen=True, slots=True)
class PaymentSearch:
    """Which payments are wanted; what is empty narrows nothing. Amounts are whole units, both ends included."""

    state: str = ""
    disposition: str = ""
    provider: str = ""
    need: str = ""
    agency_id: int | None = None
    least: int | None = None
    most: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    tx_ref: str = ""
    gateway_id: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class PaymentView:
    """One attempt: its charges (the attempt first), whose sale, and everything that happened, newest first."""

    payment: Payment
    charges: Sequence[Payment]
    booking: Booking
    agency: Agency
    moments: Sequence[Row[Any]]

    @property
    def root(self) -> Payment:
        return self.charges[0]

    @property
    def askable(self) -> bool:
        """Say whether a gateway can be asked about it."""
        return self.root.provider != Provider.CASH


def list_payments(search: PaymentSearch, *, after: Place | None = None) -> Page[Any]:
    """Return one page of payments, newest first (one statement)."""
    return fetch_page(_payments(search), KEY, after=after)


def each_payment(search: PaymentSearch) -> Iterator[Any]:
    """Yield all of them in the same order."""
    return fetch_all(_payments(search), KEY)


def get_payment_view(payment_id: int) -> PaymentView:
    """Return one attempt with all that happened (two statements). Raises PaymentNotFound."""
    wanted = payment_id if 0 < payment_id <= MAX_ID else 0
    root = select(func.coalesce(Payment.root_id, Payment.id)).where(Payment.id == wanted).scalar_subquery()
    statement = (
        select(Payment, Booking, Agency)
        .join(Booking, Booking.id == Payment.booking_id)
        .join(Agency, Agency.id == Booking.agency_id)
        .where(or_(Payment.id == root, Payment.root_id == root))
        .order_by(Payment.ordinal)
    )
    rows = db.session.execute(statement).all()
    if not rows:
        raise PaymentNotFound
    charges, booking, agency = [row[0] for row in rows], rows[0][1], rows[0][2]
    callers = [f"booking:{booking.reference}", f"form:{booking.reference}"]
    asked = {"root": charges[0].id, "callers": callers, "most": MOST_MOMENTS}
    moments = db.session.execute(TIMELINE, asked).all()
    payment = next(one for one in charges if one.id == payment_id)
    return PaymentView(payment, charges, booking, agency, moments)


def ask_gateway(payment_id: int, *, actor: str, reason: str) -> str:
    """Make the next question about an attempt due at once, whatever its state; returns its `tx_ref`.

    Raises PaymentNotFound, NotAskable.
    """

    def work() -> str:
        view = get_payment_view(payment_id)
        if not view.askable:
            raise NotAskable
        make_check_due(view.root.tx_ref)
        before = {"state": view.root.state.value}
        entity_id = view.root.public_id
        audit.record("payment.check", "payment", entity_id, actor=actor, reason=reason, before=before, after=before)
        return view.root.tx_ref

    return in_transaction(work)


def list_events(
    kind: str, tx_ref: str, *, since: datetime | None, until: datetime | None, after: Place | None
) -> Page[Any]:
    """Return one page of events as they came, newest first, without their bodies (one statement)."""
    columns = ("id", "received_at", "processed_at", "provider", "authentic", "effect", "tx_ref")
    wanted = select(*(getattr(WebhookEvent, name) for name in columns))
    kinds = {
        "waiting": WebhookEvent.authentic & WebhookEvent.processed_at.is_(None),
        "failed": WebhookEvent.effect == "failed",
        "forged": ~WebhookEvent.authentic,
    }
    if kind:
        wanted = wanted.where(kinds[kind])
    if tx_ref:
        wanted = wanted.where(WebhookEvent.tx_ref == tx_ref)
    if since:
        wanted = wanted.where(WebhookEvent.received_at >= since)
    if until:
        wanted = wanted.where(WebhookEvent.received_at < until)
    return fetch_page(wanted, EVENT_KEY, after=after)


def get_event(event_id: int) -> WebhookEvent:
    """Return an event as it came. Raises EventNotFound."""
    found = db.session.get(WebhookEvent, event_id) if 0 < event_id <= MAX_ID else None
    if found is None:
        raise EventNotFound
    return found


def masked_body(event: WebhookEvent) -> str:
    """Return an event's text for people: fields that are named private are hidden whole, numbers of phones, cards and
    addresses wherever they stand. What is no JSON, such as a forgery, is masked as text."""
    raw = event.body.decode("utf-8", "replace")
    try:
        return json.dumps(_masked(json.loads(raw)), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return mask(raw)


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {mask(str(key)): _masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, name) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    if any(word in name.lower() for word in PRIVATE_FIELDS):
        return HIDDEN
    if isinstance(value, str):
        return mask(value)
    shown = mask(str(value))
    return value if shown == str(value) else shown


def _payments(search: PaymentSearch) -> Select[Any]:
    wanted: Select[Any] = select(*COLUMNS).join(Booking, Booking.id == Payment.booking_id)
    return wanted.join(Agency, Agency.id == Booking.agency_id).where(*_exactly(search), *_within(search))


def _exactly(search: PaymentSearch) -> Iterator[Any]:
    same = {
        Payment.state: search.state,
        Payment.disposition: search.disposition,
        Payment.provider: search.provider,
        Payment.tx_ref: search.tx_ref,
        Payment.gateway_tx_id: search.gateway_id,
        Booking.reference: search.reference,
        Booking.agency_id: search.agency_id,
    }
    yield from (column == value for column, value in same.items() if value)
    if search.gateway_id:
        yield Payment.provider.in_(list(Provider))  # the index begins with it


def _within(search: PaymentSearch) -> Iterator[Any]:
    least, most = search.least, search.most
    bounds = ((AMOUNT, least, most), (Payment.created_at, search.since, None))
    for column, low, high in bounds:
        if low is not None:
            yield column >= low
        if high is not None:
            yield column <= high
    if search.until:
        yield Payment.created_at < search.until
    if search.need == "stuck":
        yield Payment.state.in_(OPEN_STATES)
        yield Payment.state != PaymentState.SUCCEEDED  # as the index says it
        yield Payment.session_ends_at < func.now() - STUCK
    if search.need == "late":
        yield Payment.next_check_at < func.now() - LATE
