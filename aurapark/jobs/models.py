"""What jobs have done, run by run."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, one_of
from aurapark.extensions import Model


class Source(StrEnum):
    SCHEDULER = "scheduler"
    SWEEPER = "sweeper"
    API = "api"
    COMMAND = "command"
    DESK = "desk"  # somebody of the platform pressed a button


class JobRun(Model):
    """One run of a job. A tick, of a schedule or a button, is run once: its row is written before the work begins."""

    __tablename__ = "job_run"
    __table_args__ = (
        one_of("source", Source),
        CheckConstraint("(finished_at IS NULL) = (processed IS NULL)", name="finished"),
        CheckConstraint("(source IN ('scheduler', 'desk')) = (tick IS NOT NULL)", name="tick"),
        Index("uq_job_run_job_tick", "job", "tick", unique=True),
        Index("ix_job_run_job_started_at", "job", "started_at"),
        Index("ix_job_run_started_at", "started_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    job: Mapped[str] = mapped_column(Text)
    source: Mapped[Source] = mapped_column(Word(Source))
    tick: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    processed: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(Text)
