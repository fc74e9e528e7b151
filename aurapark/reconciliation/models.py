"""What is kept of a gateway's settlements, and when its books are compared with ours again."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Date, Identity, Index, Numeric, Text, func
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
