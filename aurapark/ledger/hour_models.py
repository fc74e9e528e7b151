"""Sums of the ledger by the hour, for pages that a month of movements would make slow: the ledger is the truth."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime
from aurapark.extensions import Model


class LedgerHour(Model):
    """What one kind of event moved on one account in one hour (UTC): both sides, in whole units of the currency."""

    __tablename__ = "ledger_hour"
    __table_args__ = (
        CheckConstraint("debit >= 0 AND credit >= 0", name="amounts"),
        Index("ix_ledger_hour_hour", "hour"),
    )

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    event_type: Mapped[str] = mapped_column(Text, primary_key=True)
    currency: Mapped[str] = mapped_column(Text, primary_key=True)
    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    debit: Mapped[int] = mapped_column(BigInteger)
    credit: Mapped[int] = mapped_column(BigInteger)


class LedgerTotal(Model):
    """What all filled hours come to on one account: only the job that fills hours adds to it, so nobody queues."""

    __tablename__ = "ledger_total"
    __table_args__ = (CheckConstraint("debit >= 0 AND credit >= 0", name="amounts"),)

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    currency: Mapped[str] = mapped_column(Text, primary_key=True)
    debit: Mapped[int] = mapped_column(BigInteger)
    credit: Mapped[int] = mapped_column(BigInteger)


class LedgerFilling(Model):
    """Up to where the hours are filled: every movement before `filled_until` is in them, none from then on. One row."""

    __tablename__ = "ledger_filling"
    __table_args__ = (CheckConstraint("id = 1", name="only"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    filled_until: Mapped[datetime] = mapped_column(UtcDateTime)
