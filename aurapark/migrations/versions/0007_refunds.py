"""Refunds, with what the database itself refuses about them, and their audit view."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

MOVES = {
    "requested": ("sending", "cancelled"),
    "sending": ("sent", "unknown", "failed"),
    "sent": ("succeeded", "failed"),
    "unknown": ("sent", "requested"),
    "failed": ("requested", "succeeded"),
}
REASONS = (
    "traveller", "trip_cancelled", "agency", "second", "short", "foreign_currency", "over", "released", "cancelled",
    "trip_departed", "seats_gone", "review",
)  # fmt: skip
STATES = ("requested", "sending", "sent", "unknown", "succeeded", "failed", "cancelled")


def upgrade() -> None:
    op.create_table(
        "refund",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="requested", nullable=False),
        sa.Column("gateway_refund_id", sa.Text(), nullable=True),
        sa.Column("former_ids", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("posts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("empty_queries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_empty_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=True),
        sa.Column("approver", sa.Text(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"state IN ({_listed(STATES)})", name=op.f("ck_refund_state")),
        sa.CheckConstraint(f"reason IN ({_listed(REASONS)})", name=op.f("ck_refund_reason")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_amount")),
        sa.CheckConstraint(
            "posts BETWEEN 0 AND 100 AND checks >= 0 AND empty_queries >= 0", name=op.f("ck_refund_counters")
        ),
        sa.CheckConstraint("(empty_queries > 0) = (last_empty_at IS NOT NULL)", name=op.f("ck_refund_empty_queries")),
        sa.CheckConstraint(
            "state NOT IN ('requested', 'sending', 'sent', 'unknown') OR next_check_at IS NOT NULL",
            name=op.f("ck_refund_next_check_at"),
        ),
        sa.CheckConstraint("state <> 'sent' OR gateway_refund_id IS NOT NULL", name=op.f("ck_refund_sent")),
        sa.CheckConstraint("(state = 'succeeded') = (succeeded_at IS NOT NULL)", name=op.f("ck_refund_succeeded")),
        sa.CheckConstraint(
            "state <> 'succeeded' OR gateway_refund_id IS NOT NULL"
            " OR (handler <> approver AND proof <> '' AND approver IS NOT NULL AND proof IS NOT NULL)",
            name=op.f("ck_refund_proof"),
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
    )
    op.create_index("uq_refund_payment_id_action", "refund", ["payment_id", "action"], unique=True)
    op.create_index(
        "uq_refund_payment_id_gateway_refund_id", "refund", ["payment_id", "gateway_refund_id"], unique=True
    )
    op.create_index(
        "uq_refund_in_the_air",
        "refund",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('sending', 'unknown')"),
    )
    op.create_index("ix_refund_gateway_refund_id", "refund", ["gateway_refund_id"])
    op.create_index(
        "ix_refund_next_check_at", "refund", ["next_check_at"], postgresql_where=sa.text("next_check_at IS NOT NULL")
    )
    _guard_moves()
    _guard_sum()
    op.execute("""
        CREATE VIEW audit.refund AS WITH rows AS NOT MATERIALIZED (
            SELECT r.id::text AS refund_id, coalesce(p.root_id || '/' || p.ordinal, p.id::text) AS payment_id,
                r.state, r.amount, r.currency, r.gateway_refund_id, r.reason, r.updated_at, r.next_check_at
            FROM public.refund r JOIN public.payment p ON p.id = r.payment_id
        ) SELECT * FROM rows
    """)


def downgrade() -> None:
    op.execute("DROP VIEW audit.refund")
    op.drop_table("refund")
    op.execute("DROP FUNCTION refund_moves()")
    op.execute("DROP FUNCTION refund_sum()")


def _guard_moves() -> None:
    """What was sent keeps its amount; a second try needs two recorded queries; done by hand needs two persons."""
    pairs = ", ".join(f"('{old}', '{new}')" for old, news in MOVES.items() for new in news)
    op.execute(f"""
        CREATE FUNCTION refund_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE refused text;
        BEGIN
            IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN ({pairs}) THEN
                refused := format('may not move from %s to %s', OLD.state, NEW.state);
            ELSIF OLD.state = 'unknown' AND NEW.state = 'requested' AND OLD.empty_queries < 2 THEN
                refused := 'may be sent again only after two empty queries';
            ELSIF OLD.state = 'failed' AND NEW.state = 'succeeded' AND coalesce(
                    NEW.handler = NEW.approver OR NEW.proof = '' OR NEW.gateway_refund_id IS NOT NULL
                    OR NEW.proof IS NULL, true) THEN
                refused := 'needs two persons and a proof';
            ELSIF (NEW.payment_id, NEW.action) IS DISTINCT FROM (OLD.payment_id, OLD.action) OR OLD.sending_at IS NOT NULL
                    AND (NEW.amount, NEW.currency) IS DISTINCT FROM (OLD.amount, OLD.currency) THEN
                refused := 'keeps its payment, action and amount';
            END IF;
            IF refused IS NOT NULL THEN
                RAISE EXCEPTION 'refund % %', OLD.id, refused
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_moves', TABLE = 'refund';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER refund_moves BEFORE UPDATE ON refund FOR EACH ROW EXECUTE FUNCTION refund_moves()
    """)


def _guard_sum() -> None:
    """Refunds asked, in flight, unknown or done never exceed what was paid; the payment's lock makes them queue."""
    op.execute("""
        CREATE FUNCTION refund_sum() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            paid record;
            others bigint;
        BEGIN
            IF NEW.state IN ('failed', 'cancelled') THEN
                RETURN NEW;
            END IF;
            SELECT paid_amount, paid_currency INTO paid FROM payment WHERE id = NEW.payment_id FOR UPDATE;
            SELECT coalesce(sum(amount), 0) INTO others FROM refund
                WHERE payment_id = NEW.payment_id AND id <> NEW.id AND state NOT IN ('failed', 'cancelled');
            IF others + NEW.amount > coalesce(paid.paid_amount, 0) OR NEW.currency IS DISTINCT FROM paid.paid_currency THEN
                RAISE EXCEPTION 'refunds of payment % would exceed what was paid', NEW.payment_id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_sum', TABLE = 'refund';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER refund_sum BEFORE INSERT OR UPDATE OF state, amount, currency, payment_id ON refund
        FOR EACH ROW EXECUTE FUNCTION refund_sum()
    """)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
