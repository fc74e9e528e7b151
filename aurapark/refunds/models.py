"""A refund: one action that sends money of one payment back, with all that was tried and seen."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.errors import Conflict
from aurapark.extensions import Model
from aurapark.refunds.errors import RefundTooLarge


class RefundState(StrEnum):
    REQUESTED = "requested"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RefundReason(StrEnum):
    """Why money goes back; for a charge that paid no booking it is the payment's `disposition_reason` too."""

    TRAVELLER = "traveller"
    TRIP_CANCELLED = "trip_cancelled"
    AGENCY = "agency"
    SECOND = "second"
    SHORT = "short"
    FOREIGN_CURRENCY = "foreign_currency"
    OVER = "over"
    RELEASED = "released"
    CANCELLED = "cancelled"
    TRIP_DEPARTED = "trip_departed"
    SEATS_GONE = "seats_gone"
    REVIEW = "review"


OPEN_STATES = (RefundState.REQUESTED, RefundState.SENDING, RefundState.SENT, RefundState.UNKNOWN)
IN_THE_AIR = (RefundState.SENDING, RefundState.UNKNOWN)
NOT_COUNTED = (RefundState.FAILED, RefundState.CANCELLED)
EMPTY_QUERIES = 2  # clear answers "nothing there" before a second POST


class Refund(Model):
    """`action` names what asked for it: once per payment, so that the same press never pays back twice, and two
    equal refunds wanted on purpose are two actions.

    `amount` stays once it was sent. At most one refund of a payment is in the air: an answer that got lost is then
    found again by its amount. `empty_queries` and `last_empty_at` are the proof before a second POST;
    `former_ids` are gateway refunds of this row that failed. `handler`, `approver`, `proof`: done by hand.
    `dispute_id`: a dispute that was lost gave this money back, not a call of ours.
    """

    __tablename__ = "refund"
    __table_args__ = (
        one_of("state", RefundState),
        one_of("reason", RefundReason),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("posts BETWEEN 0 AND 100 AND checks >= 0 AND empty_queries >= 0", name="counters"),
        CheckConstraint("(empty_queries > 0) = (last_empty_at IS NOT NULL)", name="empty_queries"),
        CheckConstraint(
            "state NOT IN ('requested', 'sending', 'sent', 'unknown') OR next_check_at IS NOT NULL",
            name="next_check_at",
        ),
        CheckConstraint("state <> 'sent' OR gateway_refund_id IS NOT NULL", name="sent"),
        CheckConstraint("(state = 'succeeded') = (succeeded_at IS NOT NULL)", name="succeeded"),
        CheckConstraint(
            "state <> 'succeeded' OR gateway_refund_id IS NOT NULL"
            " OR (handler <> approver AND proof <> '' AND approver IS NOT NULL AND proof IS NOT NULL)",
            name="proof",
        ),
        Index("uq_refund_payment_id_action", "payment_id", "action", unique=True),
        Index("uq_refund_payment_id_gateway_refund_id", "payment_id", "gateway_refund_id", unique=True),
        Index(
            "uq_refund_in_the_air",
            "payment_id",
            unique=True,
            postgresql_where=text("state IN ('sending', 'unknown')"),
        ),
        Index("ix_refund_gateway_refund_id", "gateway_refund_id"),
        Index("ix_refund_next_check_at", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
        Index("ix_refund_created_at", "created_at", "id"),
        Index("ix_refund_state_created_at", "state", "created_at", "id"),
    )
    MOVES: ClassVar = {
        RefundState.REQUESTED: frozenset({RefundState.SENDING, RefundState.CANCELLED}),
        RefundState.SENDING: frozenset({RefundState.SENT, RefundState.UNKNOWN, RefundState.FAILED}),
        RefundState.SENT: frozenset({RefundState.SUCCEEDED, RefundState.FAILED}),
        RefundState.UNKNOWN: frozenset({RefundState.SENT, RefundState.REQUESTED}),
        RefundState.FAILED: frozenset({RefundState.REQUESTED, RefundState.SUCCEEDED}),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    action: Mapped[str] = mapped_column(Text)
    reason: Mapped[RefundReason] = mapped_column(Word(RefundReason))
    amount: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(Text)
    state: Mapped[RefundState] = mapped_column(Word(RefundState), server_default=RefundState.REQUESTED)
    gateway_refund_id: Mapped[str | None] = mapped_column(Text)
    former_ids: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    posts: Mapped[int] = mapped_column(Integer, server_default="0")
    checks: Mapped[int] = mapped_column(Integer, server_default="0")
    empty_queries: Mapped[int] = mapped_column(Integer, server_default="0")
    last_empty_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_check_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure: Mapped[str | None] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(Text)
    handler: Mapped[str | None] = mapped_column(Text)
    approver: Mapped[str | None] = mapped_column(Text)
    dispute_id: Mapped[int | None] = mapped_column(ForeignKey("dispute.id"))
    proof: Mapped[str | None] = mapped_column(Text)
    sending_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now(), onupdate=func.now())


on_constraint("refund_sum", RefundTooLarge)
on_constraint("refund_moves", Conflict)
