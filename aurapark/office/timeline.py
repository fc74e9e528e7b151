"""Everything that happened to one booking, in order: who did what, what was paid, sent, given back and scanned.

One statement over all the tables that know something of it. What is private stays out: the link and its token, what a
message said, and, for those who do not need it, who acted and why.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text

from aurapark.booking.models import Booking
from aurapark.extensions import db

GIVEN = ("deed", "proposal")  # what somebody gave a reason for
MOST = 300  # events shown; a booking of a hundred attempts is somebody's script

# The newest ones, then in order. An audit entry about a payment or a refund names it by its public id.
EVENTS = text(r"""
    WITH paid AS (SELECT p.*, coalesce(root_id || '/' || ordinal, CAST(id AS text)) AS public_id
                  FROM payment p WHERE booking_id = :id),
    back AS (SELECT r.* FROM refund r JOIN paid ON paid.id = r.payment_id),
    fight AS (SELECT d.* FROM dispute d JOIN paid ON paid.id = d.payment_id),
    wish AS (SELECT w.* FROM refund_proposal w JOIN paid ON paid.id = w.payment_id),
    things AS (
        SELECT 'booking' AS entity, CAST(:reference AS text) AS entity_id
        UNION ALL SELECT 'payment', public_id FROM paid
        UNION ALL SELECT 'refund', CAST(id AS text) FROM back
        UNION ALL SELECT 'dispute', CAST(id AS text) FROM fight
        UNION ALL SELECT 'refund_proposal', CAST(id AS text) FROM wish
    ), events AS (
        SELECT created_at AS at, 'payment' AS kind, state, expected_amount AS amount, currency,
               CAST(NULL AS text) AS actor, failure AS reason,
               jsonb_build_object('name', tx_ref, 'provider', provider) AS more, 20 AS rank
        FROM paid WHERE ordinal = 1
        UNION ALL
        SELECT verified_at, 'charge', disposition, paid_amount, paid_currency, NULL, disposition_reason,
               jsonb_build_object('name', coalesce(gateway_tx_id, ''), 'provider', provider), 21
        FROM paid WHERE verified_at IS NOT NULL
        UNION ALL
        SELECT created_at, 'refund', state, amount, currency, requested_by, reason,
               jsonb_build_object('failure', failure), 30 FROM back
        UNION ALL
        SELECT proposed_at, 'proposal', state, amount, currency, proposed_by, reason, '{}', 29 FROM wish
        UNION ALL
        SELECT succeeded_at, 'refunded', state, amount, currency, NULL, NULL,
               jsonb_build_object('name', coalesce(gateway_refund_id, '')), 31 FROM back WHERE succeeded_at IS NOT NULL
        UNION ALL
        SELECT coalesce(opened_at, created_at), 'dispute', state, amount, currency, NULL, NULL, '{}', 32 FROM fight
        UNION ALL
        SELECT closed_at, 'dispute_closed', state, amount, currency, NULL, NULL, '{}', 33
        FROM fight WHERE closed_at IS NOT NULL
        UNION ALL
        SELECT issued_at, 'ticket', state, NULL, NULL, NULL, NULL, jsonb_build_object('name', code, 'seat', seat), 22
        FROM ticket WHERE booking_id = :id
        UNION ALL
        SELECT boarded_at, 'boarded', state, NULL, NULL, NULL, NULL, jsonb_build_object('name', code, 'seat', seat), 40
        FROM ticket WHERE booking_id = :id AND boarded_at IS NOT NULL
        UNION ALL
        SELECT created_at, 'message', state, NULL, NULL, NULL, last_error, jsonb_build_object(
            'name', payload ->> 'message', 'by', kind,
            'sent', CASE WHEN state = 'done' AND last_error IS NULL THEN done_at END), 50
        FROM outbox WHERE dedupe_key LIKE CAST(:prefix AS text) AND kind IN ('sms', 'mail')
        UNION ALL
        SELECT a.at, 'deed', a.action, NULL, NULL, a.actor, a.reason,
               jsonb_build_object('entity', a.entity, 'before', a.before, 'after', a.after),
               CASE a.action WHEN 'booking.hold' THEN 10 ELSE 25 END
        FROM audit_entry a JOIN things USING (entity, entity_id)
        WHERE a.action NOT IN ('personal.read', 'refund.request', 'refund.propose')
    ), newest AS (SELECT * FROM events ORDER BY at DESC, rank DESC LIMIT :most)
    SELECT newest.*, u.name AS who, EXISTS (
        SELECT FROM agency_member m WHERE m.user_id = u.id AND m.agency_id = :agency_id) AS of_agency,
        u.platform_role IS NOT NULL AS of_platform
    FROM newest LEFT JOIN user_account u
        ON u.id = CASE WHEN newest.actor ~ '^user:[0-9]{1,18}$' THEN CAST(substr(newest.actor, 6) AS bigint) END
    ORDER BY at, rank
""")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `state` is the state now of what it is about, the action of a deed."""

    at: datetime
    kind: str
    state: str = ""
    amount: int | None = None
    currency: str | None = None
    actor: str = ""
    who: str | None = None
    reason: str | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, oldest first. `cut`: so much that the beginning is left out."""

    events: list[Event]
    cut: bool


def read_timeline(booking: Booking, *, names_people: bool) -> Timeline:
    """Return what happened to a booking (one statement).

    `names_people`: whether who acted and the reasons they gave are for this reader.
    """
    asked = {
        "id": booking.id,
        "reference": booking.reference,
        "prefix": f"{booking.reference}:%",
        "agency_id": booking.agency_id,
        "most": MOST + 1,
    }
    rows = db.session.execute(EVENTS, asked).all()
    events = [_event(row, names_people) for row in rows[-MOST:]]
    known = {event.state for event in events if event.kind == "deed"}
    missing = [event for event in _milestones(booking) if event.state not in known]
    return Timeline(sorted([*events, *missing], key=lambda event: event.at), len(rows) > MOST)


def _event(row: Any, names_people: bool) -> Event:
    actor, who = row.actor or "", None
    if row.of_agency:
        actor, who = "agency", row.who
    elif row.of_platform:
        actor = "platform"
    elif actor.startswith("user:"):
        actor = "traveller"
    event = Event(row.at, row.kind, row.state or "", row.amount, row.currency, actor, who, row.reason, dict(row.more))
    return event if names_people or row.kind not in GIVEN else replace(event, who=None, reason=None)


def _milestones(booking: Booking) -> list[Event]:
    """What the booking itself knows, for those that were written without an entry in the log."""
    moments = {
        "booking.hold": booking.created_at,
        "booking.confirm": booking.confirmed_at,
        "booking.expired": booking.expired_at,
        "booking.released": booking.released_at,
        "booking.cancel": booking.cancelled_at,
    }
    return [Event(at, "deed", action) for action, at in moments.items() if at]
