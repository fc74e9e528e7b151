"""Cases with what the database itself refuses about them, gateway settlements, and when books are compared next."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

KINDS = (
    "review", "refund_failed", "refund_overdue", "unknown_charge", "charge_not_recorded", "charge_differs",
    "charge_missing", "unknown_refund", "refund_differs", "refund_missing", "settlement_not_booked",
)  # fmt: skip


def upgrade() -> None:
    _create_cases()
    op.create_table(
        "gateway_settlement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("settlement_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("taken", sa.Numeric(), nullable=False),
        sa.Column("net", sa.Numeric(), nullable=False),
        sa.Column("net_posted", sa.BigInteger(), nullable=False),
        sa.Column("fee_posted", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.Numeric(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("net_posted >= 0 AND fee_posted >= 0", name=op.f("ck_gateway_settlement_posted")),
        sa.CheckConstraint("kept >= 0 AND kept < 1", name=op.f("ck_gateway_settlement_kept")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_settlement")),
    )
    unique = "uq_gateway_settlement_provider_settlement_id"
    op.create_index(unique, "gateway_settlement", ["provider", "settlement_id"], unique=True)
    op.create_table(
        "reconciliation_schedule",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_day", sa.Date(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_reconciliation_schedule")),
    )


def downgrade() -> None:
    op.drop_table("reconciliation_schedule")
    op.drop_table("gateway_settlement")
    op.drop_table("finance_case")
    op.execute("DROP FUNCTION finance_case_moves()")


def _create_cases() -> None:
    """Money under review before there were cases gets one."""
    op.create_table(
        "finance_case",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(f"kind IN ({_listed(KINDS)})", name=op.f("ck_finance_case_kind")),
        sa.CheckConstraint("state IN ('open', 'in_hand', 'resolved')", name=op.f("ck_finance_case_state")),
        sa.CheckConstraint(
            "resolution IN ('refund', 'apply', 'attach', 'none', 'rule', 'retry', 'by_hand')",
            name=op.f("ck_finance_case_resolution"),
        ),
        sa.CheckConstraint("(state = 'open') = (owner IS NULL)", name=op.f("ck_finance_case_owner")),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL AND resolution IS NOT NULL AND reason IS NOT NULL)",
            name=op.f("ck_finance_case_resolved"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finance_case")),
    )
    op.create_index(
        "uq_finance_case_open",
        "finance_case",
        ["kind", "entity", "entity_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_index("ix_finance_case_entity", "finance_case", ["entity", "entity_id"])
    op.execute("""
        CREATE FUNCTION finance_case_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.state = 'resolved' OR OLD.state <> NEW.state
                    AND (OLD.state, NEW.state) NOT IN (('open', 'in_hand'), ('in_hand', 'resolved')) THEN
                RAISE EXCEPTION 'case % may not move from % to %', OLD.id, OLD.state, NEW.state
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_case_moves', TABLE = 'finance_case';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER finance_case_moves BEFORE UPDATE ON finance_case
        FOR EACH ROW EXECUTE FUNCTION finance_case_moves()
    """)
    op.execute("""
        INSERT INTO finance_case (kind, entity, entity_id, details)
        SELECT 'review', 'payment', coalesce(root_id || '/' || ordinal, id::text), jsonb_build_object(
            'tx_ref', tx_ref, 'amount', paid_amount, 'currency', paid_currency, 'why', disposition_reason)
        FROM payment WHERE disposition = 'review' ORDER BY id
    """)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
