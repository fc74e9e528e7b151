"""Holidays, words of messages that people change, doctor's verdict on each invariant, and what lists of work go by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"

SOURCES = "source IN ('scheduler', 'sweeper', 'api', 'command'"


def upgrade() -> None:
    op.create_table(
        "holiday",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name_fr", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "char_length(name_fr) BETWEEN 1 AND 60 AND char_length(name_en) BETWEEN 1 AND 60",
            name=op.f("ck_holiday_names"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holiday")),
    )
    op.create_index("uq_holiday_day_name_fr", "holiday", ["day", "name_fr"], unique=True)
    op.create_table(
        "message_words",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("words", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("language IN ('fr', 'en')", name=op.f("ck_message_words_language")),
        sa.CheckConstraint("number > 0", name=op.f("ck_message_words_number")),
        sa.CheckConstraint("jsonb_typeof(words) = 'object'", name=op.f("ck_message_words_words")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_words")),
    )
    op.create_index(
        "uq_message_words_template_language_number", "message_words", ["template", "language", "number"], unique=True
    )
    op.create_table(
        "doctor_verdict",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("finds", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clean_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(coalesce(count, 0) > 0) = (since IS NOT NULL)", name=op.f("ck_doctor_verdict_since")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctor_verdict")),
    )
    _set_sources(f"{SOURCES}, 'desk')", "source IN ('scheduler', 'desk')")
    op.create_index("ix_outbox_created_at", "outbox", ["created_at", "id"])
    op.create_index("ix_outbox_open", "outbox", ["created_at", "id"], postgresql_where=sa.text("state <> 'done'"))
    op.create_index("ix_outbox_dedupe_key", "outbox", ["dedupe_key"], postgresql_ops={"dedupe_key": "text_pattern_ops"})
    op.create_index("ix_webhook_event_received_at", "webhook_event", ["received_at", "id"])
    op.create_index("ix_webhook_event_effect", "webhook_event", ["effect", "received_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_webhook_event_effect", "webhook_event")
    op.drop_index("ix_webhook_event_received_at", "webhook_event")
    op.drop_index("ix_outbox_dedupe_key", "outbox")
    op.drop_index("ix_outbox_open", "outbox")
    op.drop_index("ix_outbox_created_at", "outbox")
    op.execute("DELETE FROM job_run WHERE source = 'desk'")
    _set_sources(f"{SOURCES})", "source = 'scheduler'")
    op.drop_table("doctor_verdict")
    op.drop_table("message_words")
    op.drop_table("holiday")


def _set_sources(sources: str, with_tick: str) -> None:
    for name, rule in (("source", sources), ("tick", f"({with_tick}) = (tick IS NOT NULL)")):
        op.drop_constraint(op.f(f"ck_job_run_{name}"), "job_run")
        op.create_check_constraint(op.f(f"ck_job_run_{name}"), "job_run", rule)
