"""One row per holder, there only to be locked; and tries that failed, counted until they are old."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime
from aurapark.extensions import Model


class HolderRow(Model):
    """Whoever counts as one: a visitor, an account, a phone, a network on one trip. Says nothing, is only locked."""

    __tablename__ = "holder"
    __table_args__ = (Index("ix_holder_seen_at", "seen_at"),)

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


class FailedTry(Model):
    """One try that failed, under each key it counts for: the reference that was tried, the visitor, the network."""

    __tablename__ = "failed_try"
    __table_args__ = (Index("ix_failed_try_key_at", "key", "at"), Index("ix_failed_try_at", "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
