"""What the last examination of the invariants found, for those who watch; the dead rows of the outbox by an index."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "doctor_report",
        sa.Column("id", sa.Integer(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clean", sa.Boolean(), nullable=True),
        sa.Column("found", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_doctor_report_only")),
        sa.CheckConstraint("(at IS NULL) = (seconds IS NULL)", name=op.f("ck_doctor_report_done")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctor_report")),
    )
    op.create_index("ix_outbox_dead", "outbox", ["id"], postgresql_where=sa.text("state = 'dead'"))


def downgrade() -> None:
    op.drop_index("ix_outbox_dead", "outbox")
    op.drop_table("doctor_report")
