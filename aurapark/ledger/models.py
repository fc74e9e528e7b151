"""The ledger: one row a movement, with the account that gains, the account that gives and a positive amount."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, one_of
from aurapark.extensions import Model
from aurapark.money import XAF

ACCOUNT = (
    "^((gateway_clearing:(flutterwave|stripe))|((agency_payable|agency_cash|carried):[1-9][0-9]*)"
    "|platform_commission|refunds_payable|gateway_fees|bank|dispute_hold)$"
)


class EventType(StrEnum):
    PAYMENT = "payment"
    REVIEW_APPLIED = "review_applied"
    REFUND_DUE = "refund_due"
    REFUND_WITHDRAWN = "refund_withdrawn"
    REFUND = "refund"
    GATEWAY_SETTLEMENT = "gateway_settlement"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    PAYOUT = "payout"
    CARRY_OUT = "carry_out"
    CARRY_IN = "carry_in"
    CORRECTION = "correction"


class LedgerEntry(Model):
    """One movement: `amount` leaves the credit account and arrives on the debit account, so the books always balance.

    Each event moves money once: `(event_type, event_id, line)` is unique. The database refuses every change.
    `booking_id` and `agency_id` are for look-ups; a movement that is about no single one has none.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        one_of("event_type", EventType),
        CheckConstraint("event_id <> '' AND line > 0", name="event"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint(f"debit ~ '{ACCOUNT}' AND credit ~ '{ACCOUNT}' AND debit <> credit", name="accounts"),
        Index("uq_ledger_entry_event_type_event_id_line", "event_type", "event_id", "line", unique=True),
        Index("ix_ledger_entry_booking_id", "booking_id", postgresql_where=text("booking_id IS NOT NULL")),
        Index("ix_ledger_entry_agency_id_created_at", "agency_id", "created_at"),
        Index("ix_ledger_entry_created_at", "created_at"),
        {"comment": "only added to: the role of the application needs SELECT and INSERT"},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_type: Mapped[EventType] = mapped_column(Word(EventType))
    event_id: Mapped[str] = mapped_column(Text)
    line: Mapped[int] = mapped_column(Integer)
    debit: Mapped[str] = mapped_column(Text)
    credit: Mapped[str] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text, server_default=XAF)
    booking_id: Mapped[int | None] = mapped_column(ForeignKey("booking.id"))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
