"""Runs of jobs on record; the outbox counts claims that ended in silence, and finds due work of one kind by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

DUE = sa.text("state IN ('ready', 'leased')")


def upgrade() -> None:
    op.add_column("outbox", sa.Column("silent", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_outbox_silent"), "outbox", "silent >= 0")
    op.drop_index("ix_outbox_due", "outbox")
    op.create_index("ix_outbox_due", "outbox", ["kind", "next_at"], postgresql_where=DUE)
    op.create_table(
        "job_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tick", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("processed", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("source IN ('scheduler', 'sweeper', 'api', 'command')", name=op.f("ck_job_run_source")),
        sa.CheckConstraint("(finished_at IS NULL) = (processed IS NULL)", name=op.f("ck_job_run_finished")),
        sa.CheckConstraint("(source = 'scheduler') = (tick IS NOT NULL)", name=op.f("ck_job_run_tick")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_run")),
    )
    op.create_index("uq_job_run_job_tick", "job_run", ["job", "tick"], unique=True)
    op.create_index("ix_job_run_job_started_at", "job_run", ["job", "started_at"])
    op.create_index("ix_job_run_started_at", "job_run", ["started_at"])


def downgrade() -> None:
    op.drop_table("job_run")
    op.drop_index("ix_outbox_due", "outbox")
    op.create_index("ix_outbox_due", "outbox", ["next_at"], postgresql_where=DUE)
    op.drop_column("outbox", "silent")
