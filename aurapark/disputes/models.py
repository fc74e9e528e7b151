"""A dispute: money of one payment that its payer asks back through the bank, and what the gateway says of it."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.disputes.errors import DisputeNotOpen, NotDisputable
from aurapark.extensions import Model


class DisputeState(StrEnum):
    """`reported`: an event named it, the gateway has not confirmed it; `dropped`: it never will."""

    REPORTED = "reported"
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    DROPPED = "dropped"


class Dispute(Model):
    """One dispute. What it is about stays once it is open.

    `covered` is the part of a lost one that refunds which were due anyway count as made by; `tickets_void` says
    that its opening made tickets worthless. One that a person opened may have no id of the gateway.
    """

    __tablename__ = "dispute"
    __table_args__ = (
        one_of("provider", ("flutterwave", "stripe")),
        one_of("state", DisputeState),
        CheckConstraint("amount > 0 AND covered BETWEEN 0 AND amount AND checks >= 0", name="amounts"),
        CheckConstraint("covered = 0 OR state = 'lost'", name="covered"),
        CheckConstraint(
            "(state IN ('open', 'won', 'lost'))"
            " = (payment_id IS NOT NULL AND amount IS NOT NULL AND currency IS NOT NULL AND opened_at IS NOT NULL)",
            name="opened",
        ),
        CheckConstraint("(state IN ('won', 'lost')) = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint(
            "state <> 'reported' OR (next_check_at IS NOT NULL AND gateway_dispute_id IS NOT NULL)", name="reported"
        ),
        Index("uq_dispute_provider_gateway_dispute_id", "provider", "gateway_dispute_id", unique=True),
        Index("uq_dispute_open", "payment_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_dispute_payment_id", "payment_id"),
        Index("ix_dispute_created_at", "created_at", "id"),
        Index("ix_dispute_next_check_at", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
    )
    MOVES: ClassVar = {
        DisputeState.REPORTED: frozenset({DisputeState.OPEN, DisputeState.DROPPED}),
        DisputeState.DROPPED: frozenset({DisputeState.OPEN}),
        DisputeState.OPEN: frozenset({DisputeState.WON, DisputeState.LOST}),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    provider: Mapped[str] = mapped_column(Text)
    gateway_dispute_id: Mapped[str | None] = mapped_column(Text)
    charge_id: Mapped[str | None] = mapped_column(Text)
    state: Mapped[DisputeState] = mapped_column(Word(DisputeState), server_default=DisputeState.REPORTED)
    amount: Mapped[int | None] = mapped_column(Integer)
    currency: Mapped[str | None] = mapped_column(Text)
    covered: Mapped[int] = mapped_column(Integer, server_default="0")
    tickets_void: Mapped[bool] = mapped_column(server_default="false")
    gateway_status: Mapped[str | None] = mapped_column(Text)
    checks: Mapped[int] = mapped_column(Integer, server_default="0")
    next_check_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now(), onupdate=func.now())


on_constraint("dispute_moves", DisputeNotOpen)
on_constraint("uq_dispute_open", NotDisputable)
on_constraint("uq_dispute_provider_gateway_dispute_id", NotDisputable)
