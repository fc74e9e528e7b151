"""The ledger with its audit view; everything confirmed before there was one is posted here."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

EVENTS = (
    "payment", "review_applied", "refund_due", "refund_withdrawn", "refund", "gateway_settlement",
    "dispute_opened", "dispute_won", "dispute_lost", "payout", "carry_out", "carry_in",
)  # fmt: skip
ACCOUNT = (
    "^((gateway_clearing:(flutterwave|stripe))|((agency_payable|agency_cash|carried):[1-9][0-9]*)"
    "|platform_commission|refunds_payable|gateway_fees|bank|dispute_hold)$"
)

# Dated by when the money was verified. The lines are numbered as the ledger's own rules number them.
POST_WHAT_CAME = """
    INSERT INTO ledger_entry
        (event_type, event_id, line, debit, credit, amount, currency, booking_id, agency_id, created_at)
    SELECT 'payment', coalesce(p.root_id || '/' || p.ordinal, p.id::text),
        row_number() OVER (PARTITION BY p.id ORDER BY m.place),
        m.debit, m.credit, m.amount, p.paid_currency, p.booking_id, b.agency_id, p.verified_at
    FROM payment p
    JOIN booking b ON b.id = p.booking_id
    CROSS JOIN LATERAL (
        SELECT CASE p.provider WHEN 'cash' THEN 'agency_cash:' || b.agency_id
                    ELSE 'gateway_clearing:' || p.provider END AS came_in,
            'agency_payable:' || b.agency_id AS payable,
            CASE p.disposition WHEN 'applied' THEN b.total ELSE 0 END AS applied,
            CASE p.disposition WHEN 'applied' THEN b.commission ELSE 0 END AS commission
    ) a
    CROSS JOIN LATERAL (VALUES
        (1, a.came_in, a.payable, a.applied),
        (2, a.payable, 'platform_commission', a.commission),
        (3, a.came_in, 'refunds_payable', p.paid_amount - a.applied),
        (4, a.payable, a.came_in, CASE p.provider WHEN 'cash' THEN a.applied ELSE 0 END)
    ) m (place, debit, credit, amount)
    WHERE p.disposition IS NOT NULL AND m.amount > 0
    ORDER BY p.verified_at, p.id, m.place
"""


def upgrade() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="XAF", nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=True),
        sa.Column("agency_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            f"event_type IN ({', '.join(repr(event) for event in EVENTS)})", name=op.f("ck_ledger_entry_event_type")
        ),
        sa.CheckConstraint("event_id <> '' AND line > 0", name=op.f("ck_ledger_entry_event")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_entry_amount")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_ledger_entry_currency")),
        sa.CheckConstraint(
            f"debit ~ '{ACCOUNT}' AND credit ~ '{ACCOUNT}' AND debit <> credit",
            name=op.f("ck_ledger_entry_accounts"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_ledger_entry_agency_id")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_ledger_entry_booking_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        comment="only added to: the role of the application needs SELECT and INSERT",
    )
    op.create_index(
        "uq_ledger_entry_event_type_event_id_line", "ledger_entry", ["event_type", "event_id", "line"], unique=True
    )
    op.create_index(
        "ix_ledger_entry_booking_id", "ledger_entry", ["booking_id"], postgresql_where=sa.text("booking_id IS NOT NULL")
    )
    op.create_index("ix_ledger_entry_agency_id_created_at", "ledger_entry", ["agency_id", "created_at"])
    op.execute(POST_WHAT_CAME)
    op.execute("""
        CREATE FUNCTION ledger_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the ledger is only added to' USING ERRCODE = 'insufficient_privilege';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_append_only()
    """)
    op.execute("""
        CREATE VIEW audit.ledger AS WITH rows AS NOT MATERIALIZED (
            SELECT e.id AS entry_id, side.account, side.amount, e.currency, e.event_type, e.event_id, e.created_at
            FROM public.ledger_entry e
            CROSS JOIN LATERAL (VALUES (e.debit, e.amount), (e.credit, -e.amount)) side (account, amount)
        ) SELECT * FROM rows
    """)


def downgrade() -> None:
    op.execute("DROP VIEW audit.ledger")
    op.drop_table("ledger_entry")
    op.execute("DROP FUNCTION ledger_entry_append_only()")
