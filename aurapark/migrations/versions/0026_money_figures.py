"""Figures of the platform's money by the hour, refunds that people propose, and what the money desk's lists look for."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

INDEXES: tuple[tuple[str, str, list[Any], str | None], ...] = (
    ("ix_ledger_entry_created_at", "ledger_entry", ["created_at"], None),
    ("ix_payment_created_at", "payment", ["created_at", "id"], None),
    ("ix_payment_provider_created_at", "payment", ["provider", "created_at", "id"], "provider <> 'flutterwave'"),
    ("ix_payment_state_created_at", "payment", ["state", "created_at", "id"], "state <> 'succeeded'"),
    ("ix_payment_disposition_created_at", "payment", ["disposition", "created_at", "id"], "disposition <> 'applied'"),
    ("ix_payment_amount", "payment", [sa.text("coalesce(paid_amount, expected_amount)"), "created_at"], None),
    ("ix_webhook_event_failed", "webhook_event", ["received_at"], "effect = 'failed'"),
    ("ix_webhook_event_tx_ref", "webhook_event", ["tx_ref"], "tx_ref IS NOT NULL"),
    ("ix_refund_created_at", "refund", ["created_at", "id"], None),
    ("ix_refund_state_created_at", "refund", ["state", "created_at", "id"], None),
    ("ix_finance_case_state_opened_at", "finance_case", ["state", "opened_at", "id"], None),
    ("ix_dispute_created_at", "dispute", ["created_at", "id"], None),
)


def upgrade() -> None:
    _create_figures()
    _create_proposals()
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)


def downgrade() -> None:
    for name, table, _columns, _where in reversed(INDEXES):
        op.drop_index(name, table)
    op.drop_table("refund_proposal")
    op.execute("DROP FUNCTION refund_proposal_moves()")
    op.drop_table("ledger_filling")
    op.drop_table("ledger_total")
    op.drop_table("ledger_hour")


def _create_figures() -> None:
    """Sums of the ledger by hour, what they come to by account, and up to where they are filled."""
    op.create_table(
        "ledger_hour",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("debit >= 0 AND credit >= 0", name=op.f("ck_ledger_hour_amounts")),
        sa.PrimaryKeyConstraint("account", "event_type", "currency", "hour", name=op.f("pk_ledger_hour")),
    )
    op.create_index("ix_ledger_hour_hour", "ledger_hour", ["hour"])
    op.create_table(
        "ledger_total",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("debit >= 0 AND credit >= 0", name=op.f("ck_ledger_total_amounts")),
        sa.PrimaryKeyConstraint("account", "currency", name=op.f("pk_ledger_total")),
    )
    op.create_table(
        "ledger_filling",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("filled_until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ledger_filling_only")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_filling")),
    )
    op.execute("INSERT INTO ledger_filling (id, filled_until) VALUES (1, '1970-01-01T00:00:00Z')")


def _create_proposals() -> None:
    """A refund outside the policy: one person proposes, another one decides; what was decided stays."""
    op.create_table(
        "refund_proposal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_because", sa.Text(), nullable=True),
        sa.Column("refund_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'declined', 'withdrawn')", name=op.f("ck_refund_proposal_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_proposal_amount")),
        sa.CheckConstraint("reason <> '' AND proposed_by <> ''", name=op.f("ck_refund_proposal_reason")),
        sa.CheckConstraint(
            "(state <> 'proposed') = (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_because IS NOT NULL)",
            name=op.f("ck_refund_proposal_decided"),
        ),
        sa.CheckConstraint("(state = 'approved') = (refund_id IS NOT NULL)", name=op.f("ck_refund_proposal_approved")),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'declined') OR decided_by <> proposed_by",
            name=op.f("ck_refund_proposal_two_persons"),
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_proposal_payment_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_refund_proposal_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_proposal")),
    )
    op.create_index(
        "uq_refund_proposal_open",
        "refund_proposal",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index("ix_refund_proposal_payment_id", "refund_proposal", ["payment_id"])
    op.create_index("uq_refund_proposal_refund_id", "refund_proposal", ["refund_id"], unique=True)
    op.execute("""
        CREATE FUNCTION refund_proposal_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.state <> 'proposed'
                    OR (NEW.payment_id, NEW.amount, NEW.currency, NEW.reason, NEW.proposed_by, NEW.proposed_at)
                    IS DISTINCT FROM
                    (OLD.payment_id, OLD.amount, OLD.currency, OLD.reason, OLD.proposed_by, OLD.proposed_at) THEN
                RAISE EXCEPTION 'refund proposal % is decided, or keeps what it proposes', OLD.id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_proposal_moves', TABLE = 'refund_proposal';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER refund_proposal_moves BEFORE UPDATE ON refund_proposal
        FOR EACH ROW EXECUTE FUNCTION refund_proposal_moves()
    """)
