"""What is kept of a gateway's settlements, when its books are compared with ours again, and how doctor fares."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    Float,
    Identity,
    Index,
    Integer,
    Numeric,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime
from aurapark.extensions import Model


class GatewaySettlement(Model):
    """One settlement of a gateway that is in our books: its raw figures, and the whole units that were posted.

    `kept` is what was carried in fractions up to here plus this net, less what was posted: 0 ≤ kept < 1. So the bank
    account of the books never strays from the gateway's figures by a whole unit.
    """

    __tablename__ = "gateway_settlement"
    __table_args__ = (
        CheckConstraint("net_posted >= 0 AND fee_posted >= 0", name="posted"),
        CheckConstraint("kept >= 0 AND kept < 1", name="kept"),
        Index("uq_gateway_settlement_provider_settlement_id", "provider", "settlement_id", unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    provider: Mapped[str] = mapped_column(Text)
    settlement_id: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    taken: Mapped[Decimal] = mapped_column(Numeric)
    net: Mapped[Decimal] = mapped_column(Numeric)
    net_posted: Mapped[int] = mapped_column(BigInteger)
    fee_posted: Mapped[int] = mapped_column(BigInteger)
    kept: Mapped[Decimal] = mapped_column(Numeric)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


class ReconciliationSchedule(Model):
    """When a gateway's books are next compared with ours, and which day (UTC) comes then. One row a gateway."""

    __tablename__ = "reconciliation_schedule"

    provider: Mapped[str] = mapped_column(Text, primary_key=True)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    next_day: Mapped[date | None] = mapped_column(Date)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DoctorReport(Model):
    """What the sweeper's last examination of the invariants found. One row; `clean` is null when it did not end."""

    __tablename__ = "doctor_report"
    __table_args__ = (
        CheckConstraint("id = 1", name="only"),
        CheckConstraint("(at IS NULL) = (seconds IS NULL)", name="done"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, server_default="1")
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    clean: Mapped[bool | None] = mapped_column(Boolean)
    found: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    seconds: Mapped[float | None] = mapped_column(Float)


class DoctorVerdict(Model):
    """What the rounds know of one invariant. `count` is what was found last, null when it was not examined; `since`
    is when that began, `clean_at` when nothing was found for the last time."""

    __tablename__ = "doctor_verdict"
    __table_args__ = (CheckConstraint("(coalesce(count, 0) > 0) = (since IS NOT NULL)", name="since"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    finds: Mapped[str] = mapped_column(Text)
    count: Mapped[int | None] = mapped_column(Integer)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    clean_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
