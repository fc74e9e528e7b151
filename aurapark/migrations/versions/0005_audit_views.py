"""The schema `audit`: read-only views, so that an independent check never depends on internal tables."""

from alembic import op

revision = "0005"
down_revision = "0004"

VIEWS = {
    "trip": """
        SELECT id AS trip_id, agency_id, state, departs_at FROM public.trip
    """,
    "seat_claim": """
        SELECT c.id AS claim_id, c.trip_id, c.seat, c.segment, b.reference AS booking_ref, c.state, c.expires_at
        FROM public.seat_claim c JOIN public.booking b ON b.id = c.booking_id
    """,
    "booking": """
        SELECT b.reference AS booking_ref, b.trip_id, b.agency_id, b.channel, b.state,
            ARRAY(SELECT p.seat FROM public.passenger p
                  WHERE p.booking_id = b.id AND p.removed_at IS NULL ORDER BY p.place) AS seats,
            b.board_segment, b.alight_segment, b.total, b.currency, b.created_at, b.confirmed_at,
            coalesce(c.root_id || '/' || c.ordinal, c.id::text) AS confirming_payment, b.cancelled_because
        FROM public.booking b LEFT JOIN public.payment c ON c.id = b.confirming_payment_id
    """,
    "payment": """
        SELECT coalesce(p.root_id || '/' || p.ordinal, p.id::text) AS payment_id, b.reference AS booking_ref,
            p.provider, p.tx_ref, p.gateway_tx_id, p.state, p.expected_amount, p.paid_amount, p.currency,
            p.paid_currency, p.disposition, p.verified_at, p.updated_at, p.next_check_at
        FROM public.payment p JOIN public.booking b ON b.id = p.booking_id
    """,
    "webhook_event": """
        SELECT event_key, received_at, processed_at, authentic, effect FROM public.webhook_event
    """,
    "outbox": """
        SELECT id AS outbox_id, kind, dedupe_key, state, attempts, next_at, lease_until, created_at FROM public.outbox
    """,
    "ticket": """
        SELECT t.code AS ticket_code, b.reference AS booking_ref, t.seat, t.state, t.boarded_at
        FROM public.ticket t JOIN public.booking b ON b.id = t.booking_id
    """,
    "log": """
        SELECT id AS log_id, at, actor, action, entity, entity_id, reason, before, after, hash FROM public.audit_entry
    """,
}


def upgrade() -> None:
    op.execute("CREATE SCHEMA audit")
    for name, query in VIEWS.items():
        # PostgreSQL writes through a plain view of one table; behind a WITH it refuses, and plans it the same.
        op.execute(f"CREATE VIEW audit.{name} AS WITH rows AS NOT MATERIALIZED ({query}) SELECT * FROM rows")  # nosec B608  # noqa: S608


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW audit.{name}")
    op.execute("DROP SCHEMA audit")
