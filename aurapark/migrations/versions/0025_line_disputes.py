"""Lines of a settlement that an agency disputes, what statements say about an agency, and finding rare lines."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

LEGAL = ("legal_name", "legal_address", "rccm", "niu")
RARE = "kind NOT IN ('sale', 'commission')"


def upgrade() -> None:
    for name in LEGAL:
        op.add_column("agency", sa.Column(name, sa.Text(), nullable=True))
    op.create_index(
        "ix_settlement_line_rare",
        "settlement_line",
        ["settlement_id", "kind", "ledger_entry_id"],
        postgresql_where=sa.text(RARE),
    )
    op.create_index(
        "ix_settlement_line_carried",
        "settlement_line",
        ["settlement_id", "ledger_entry_id"],
        postgresql_where=sa.text("carried"),
    )
    op.create_table(
        "line_dispute",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ledger_entry_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'accepted', 'refused', 'withdrawn')", name=op.f("ck_line_dispute_state")),
        sa.CheckConstraint(
            "(state = 'open') = (ended_at IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL)",
            name=op.f("ck_line_dispute_ended"),
        ),
        sa.CheckConstraint(
            "(state = 'accepted') = (amount IS NOT NULL) AND amount <> 0", name=op.f("ck_line_dispute_amount")
        ),
        sa.CheckConstraint(
            "(state IN ('accepted', 'refused')) = (answer IS NOT NULL)", name=op.f("ck_line_dispute_answer")
        ),
        sa.ForeignKeyConstraint(
            ["ledger_entry_id"], ["settlement_line.ledger_entry_id"], name=op.f("fk_line_dispute_ledger_entry_id")
        ),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_line_dispute_settlement_id")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_line_dispute_agency_id")),
        sa.ForeignKeyConstraint(["opened_by"], ["user_account.id"], name=op.f("fk_line_dispute_opened_by")),
        sa.ForeignKeyConstraint(["ended_by"], ["user_account.id"], name=op.f("fk_line_dispute_ended_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_dispute")),
    )
    op.create_index(
        "uq_line_dispute_ledger_entry_id",
        "line_dispute",
        ["ledger_entry_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )
    op.create_index("ix_line_dispute_settlement_id", "line_dispute", ["settlement_id", "id"])
    op.create_index("ix_line_dispute_state", "line_dispute", ["state", "id"])


def downgrade() -> None:
    op.drop_table("line_dispute")
    op.drop_index("ix_settlement_line_carried", "settlement_line")
    op.drop_index("ix_settlement_line_rare", "settlement_line")
    for name in reversed(LEGAL):
        op.drop_column("agency", name)
