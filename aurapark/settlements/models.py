"""A settlement: what is owed to one agency for one month, with one line for every movement it is made of."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    Identity,
    Index,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.booking.models import Channel
from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.errors import Conflict
from aurapark.extensions import Model
from aurapark.money import XAF
from aurapark.settlements.errors import SettlementClosed

NET = "gross - commission - refunds - cash_kept + carried"


class SettlementState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    PAID = "paid"


class LineKind(StrEnum):
    """What a line is: `cash_kept` is what the agency has already, `carry` what it owes from the month before."""

    SALE = "sale"
    COMMISSION = "commission"
    REFUND = "refund"
    CASH_KEPT = "cash_kept"
    CARRY = "carry"
    CORRECTION = "correction"


class Settlement(Model):
    """What is owed to one agency for one period, `[period_start, period_end)`: a month in the agency's zone.

    It is filled while it is open, line by line; closed once the month is over, and never changed after. `gross` to
    `cash_kept` are of trips of this period, each ≥ 0 but for refunds taken back; `carried` is the sum of what is of
    earlier ones, or of none. `net` may be negative: then it stays closed and is carried to the next period.
    """

    __tablename__ = "settlement"
    __table_args__ = (
        one_of("state", SettlementState),
        CheckConstraint("period_end > period_start", name="period"),
        CheckConstraint("lines >= 0", name="lines"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_at"),
        CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        CheckConstraint(f"state <> 'paid' OR {NET} > 0", name="paid"),
        Index("uq_settlement_agency_id_period_start", "agency_id", "period_start", unique=True),
        Index("ix_settlement_period_start", "period_start", "id"),
    )
    MOVES: ClassVar = {
        SettlementState.OPEN: frozenset({SettlementState.CLOSED}),
        SettlementState.CLOSED: frozenset({SettlementState.PAID}),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    period_start: Mapped[datetime] = mapped_column(UtcDateTime)
    period_end: Mapped[datetime] = mapped_column(UtcDateTime)
    currency: Mapped[str] = mapped_column(Text, server_default=XAF)
    gross: Mapped[int] = mapped_column(BigInteger, server_default="0")
    commission: Mapped[int] = mapped_column(BigInteger, server_default="0")
    refunds: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cash_kept: Mapped[int] = mapped_column(BigInteger, server_default="0")
    carried: Mapped[int] = mapped_column(BigInteger, server_default="0")
    net: Mapped[int] = mapped_column(BigInteger, Computed(NET, persisted=True))
    lines: Mapped[int] = mapped_column(BigInteger, server_default="0")
    state: Mapped[SettlementState] = mapped_column(Word(SettlementState), server_default=SettlementState.OPEN)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


class SettlementLine(Model):
    """One movement on what we owe the agency, in the one settlement it belongs to: + when owed to the agency.

    The primary key is what keeps a movement from being settled twice. `carried`: the trip is of an earlier period, or
    the movement of no trip at all. `booking_id` is the movement's, which has the foreign key.
    """

    __tablename__ = "settlement_line"
    __table_args__ = (
        one_of("kind", LineKind),
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint("carried OR (kind NOT IN ('carry', 'correction') AND booking_id IS NOT NULL)", name="carried"),
        Index("ix_settlement_line_settlement_id", "settlement_id", "ledger_entry_id"),
        Index("ix_settlement_line_booking_id", "booking_id"),
        Index(
            "ix_settlement_line_rare",
            "settlement_id",
            "kind",
            "ledger_entry_id",
            postgresql_where=text("kind NOT IN ('sale', 'commission')"),
        ),
        Index("ix_settlement_line_carried", "settlement_id", "ledger_entry_id", postgresql_where=text("carried")),
    )

    ledger_entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"), primary_key=True, autoincrement=False)
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlement.id"))
    booking_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[LineKind] = mapped_column(Word(LineKind))
    carried: Mapped[bool] = mapped_column(Boolean)
    amount: Mapped[int] = mapped_column(BigInteger)


class SettlementProgress(Model):
    """Up to when an agency's movements have their lines. Its row is locked by whoever writes lines or closes."""

    __tablename__ = "settlement_progress"

    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), primary_key=True, autoincrement=False)
    filled_to: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AgencyDay(Model):
    """What an agency sold on one day of its zone by one channel on one route: sums of lines, added to with them.

    `bookings`, `seats` and `gross` count on the day of the payment, `refunds` on the day they became due;
    `commission` is net of what was given back.
    """

    __tablename__ = "agency_day"
    __table_args__ = (one_of("channel", Channel),)

    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    channel: Mapped[Channel] = mapped_column(Word(Channel), primary_key=True)
    route_id: Mapped[int] = mapped_column(ForeignKey("route.id"), primary_key=True, autoincrement=False)
    bookings: Mapped[int] = mapped_column(BigInteger, server_default="0")
    seats: Mapped[int] = mapped_column(BigInteger, server_default="0")
    gross: Mapped[int] = mapped_column(BigInteger, server_default="0")
    commission: Mapped[int] = mapped_column(BigInteger, server_default="0")
    refunds: Mapped[int] = mapped_column(BigInteger, server_default="0")


on_constraint("settlement_moves", Conflict)
on_constraint("settlement_line_guard", SettlementClosed)
