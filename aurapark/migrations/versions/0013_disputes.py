"""Disputes, with what the database itself refuses about them and about refunds of disputed money."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

STATES = ("reported", "open", "won", "lost", "dropped")
MOVES = {"reported": ("open", "dropped"), "dropped": ("open",), "open": ("won", "lost")}
OLD_KINDS = (
    "review", "refund_failed", "refund_overdue", "unknown_charge", "charge_not_recorded", "charge_differs",
    "charge_missing", "unknown_refund", "refund_differs", "refund_missing", "settlement_not_booked",
)  # fmt: skip
KINDS = (*OLD_KINDS, "dispute", "refund_withdrawn")


def upgrade() -> None:
    _create_disputes()
    _guard_disputes()
    op.add_column("refund", sa.Column("dispute_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_refund_dispute_id"), "refund", "dispute", ["dispute_id"], ["id"])
    _guard_refunds()
    _set_kinds(KINDS)
    op.execute("""
        CREATE VIEW audit.dispute AS WITH rows AS NOT MATERIALIZED (
            SELECT d.id::text AS dispute_id, coalesce(p.root_id || '/' || p.ordinal, p.id::text) AS payment_id,
                d.provider, d.gateway_dispute_id, d.state, d.amount, d.currency, d.covered, d.opened_at, d.closed_at
            FROM public.dispute d LEFT JOIN public.payment p ON p.id = d.payment_id
        ) SELECT * FROM rows
    """)


def downgrade() -> None:
    op.execute("DROP VIEW audit.dispute")
    op.execute("DELETE FROM finance_case WHERE kind IN ('dispute', 'refund_withdrawn')")
    _set_kinds(OLD_KINDS)
    op.execute("DROP TRIGGER refund_disputed ON refund")
    op.execute("DROP FUNCTION refund_disputed()")
    op.drop_column("refund", "dispute_id")
    op.drop_table("dispute")
    op.execute("DROP FUNCTION dispute_moves()")


def _create_disputes() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("gateway_dispute_id", sa.Text(), nullable=True),
        sa.Column("charge_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="reported", nullable=False),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("covered", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tickets_void", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("gateway_status", sa.Text(), nullable=True),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("provider IN ('flutterwave', 'stripe')", name=op.f("ck_dispute_provider")),
        sa.CheckConstraint(f"state IN ({_listed(STATES)})", name=op.f("ck_dispute_state")),
        sa.CheckConstraint(
            "amount > 0 AND covered BETWEEN 0 AND amount AND checks >= 0", name=op.f("ck_dispute_amounts")
        ),
        sa.CheckConstraint("covered = 0 OR state = 'lost'", name=op.f("ck_dispute_covered")),
        sa.CheckConstraint(
            "(state IN ('open', 'won', 'lost'))"
            " = (payment_id IS NOT NULL AND amount IS NOT NULL AND currency IS NOT NULL AND opened_at IS NOT NULL)",
            name=op.f("ck_dispute_opened"),
        ),
        sa.CheckConstraint("(state IN ('won', 'lost')) = (closed_at IS NOT NULL)", name=op.f("ck_dispute_closed")),
        sa.CheckConstraint(
            "state <> 'reported' OR (next_check_at IS NOT NULL AND gateway_dispute_id IS NOT NULL)",
            name=op.f("ck_dispute_reported"),
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_dispute_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
    )
    unique = "uq_dispute_provider_gateway_dispute_id"
    op.create_index(unique, "dispute", ["provider", "gateway_dispute_id"], unique=True)
    op.create_index(
        "uq_dispute_open", "dispute", ["payment_id"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index("ix_dispute_payment_id", "dispute", ["payment_id"])
    op.create_index(
        "ix_dispute_next_check_at", "dispute", ["next_check_at"], postgresql_where=sa.text("next_check_at IS NOT NULL")
    )


def _guard_disputes() -> None:
    """What a dispute is about stays once it is open."""
    pairs = ", ".join(f"('{old}', '{new}')" for old, news in MOVES.items() for new in news)
    op.execute(f"""
        CREATE FUNCTION dispute_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN ({pairs})
                    OR OLD.opened_at IS NOT NULL AND (NEW.payment_id, NEW.amount, NEW.currency, NEW.provider)
                        IS DISTINCT FROM (OLD.payment_id, OLD.amount, OLD.currency, OLD.provider) THEN
                RAISE EXCEPTION 'dispute % may not change so (% to %)', OLD.id, OLD.state, NEW.state
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'dispute_moves', TABLE = 'dispute';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER dispute_moves BEFORE UPDATE ON dispute FOR EACH ROW EXECUTE FUNCTION dispute_moves()
    """)


def _guard_refunds() -> None:
    """Disputed money is not sent back too, lost money not refunded again; what was sent once is not withdrawn."""
    op.execute("""
        CREATE FUNCTION refund_disputed() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            paid record;
            gone bigint;
            refused text;
        BEGIN
            SELECT state, paid_amount INTO paid FROM payment WHERE id = NEW.payment_id FOR UPDATE;
            IF TG_OP = 'INSERT' THEN
                SELECT coalesce(sum(amount - covered), 0) INTO gone FROM dispute
                    WHERE payment_id = NEW.payment_id AND state = 'lost';
                IF gone > 0 AND gone + NEW.amount + (SELECT coalesce(sum(amount), 0) FROM refund
                        WHERE payment_id = NEW.payment_id AND state NOT IN ('failed', 'cancelled'))
                        > coalesce(paid.paid_amount, 0) THEN
                    RAISE EXCEPTION 'refunds of payment % would exceed what its lost dispute left', NEW.payment_id
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_sum', TABLE = 'refund';
                END IF;
            ELSIF OLD.state = 'requested' AND NEW.state = 'sending' AND NEW.gateway_refund_id IS NULL
                    AND paid.state = 'disputed' THEN
                refused := 'may not be sent: its money is disputed';
            ELSIF OLD.state <> 'cancelled' AND NEW.state = 'cancelled' AND OLD.posts > 0 THEN
                refused := 'was sent once and may not be withdrawn';
            END IF;
            IF refused IS NOT NULL THEN
                RAISE EXCEPTION 'refund % %', OLD.id, refused
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_moves', TABLE = 'refund';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER refund_disputed BEFORE INSERT OR UPDATE OF state ON refund
        FOR EACH ROW EXECUTE FUNCTION refund_disputed()
    """)


def _set_kinds(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_finance_case_kind"), "finance_case", type_="check")
    op.create_check_constraint(op.f("ck_finance_case_kind"), "finance_case", f"kind IN ({_listed(kinds)})")


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
