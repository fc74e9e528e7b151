"""A payout: one transfer that pays a settlement or a part of it, with all that was tried and seen."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.errors import Conflict
from aurapark.extensions import Model
from aurapark.payouts.errors import PayoutTooLarge, SecondPersonNeeded


class PayoutState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class PayoutMethod(StrEnum):
    """By a transfer of ours, or paid outside already, with a proof."""

    FLUTTERWAVE = "flutterwave"
    OUTSIDE = "outside"


OPEN_STATES = (PayoutState.APPROVED, PayoutState.SENDING, PayoutState.SENT, PayoutState.UNKNOWN)
EMPTY_QUERIES = 2  # clear answers "nothing there" before an unknown payout has failed


class Payout(Model):
    """`reference` is ours, committed before the only call that carries it; a payout that failed needs another one.

    What it pays, to which account and how much never changes. A draft that was rejected stays a draft, with who and
    when. `failure` is what stands in the way, or stood. `empty_queries` and `last_empty_at` are the proof that a
    payout whose answer got lost was never made. `fee` is what the gateway took for it, as it was posted.
    """

    __tablename__ = "payout"
    __table_args__ = (
        one_of("state", PayoutState),
        one_of("method", PayoutMethod),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("posts IN (0, 1) AND checks >= 0 AND empty_queries >= 0 AND fee >= 0", name="counters"),
        CheckConstraint("(empty_queries > 0) = (last_empty_at IS NOT NULL)", name="empty_queries"),
        CheckConstraint("(method = 'flutterwave') = (account_id IS NOT NULL)", name="account"),
        CheckConstraint("(method = 'outside') = (proof IS NOT NULL) AND proof <> ''", name="proof"),
        CheckConstraint("approved_by <> prepared_by", name="two_persons"),
        CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL) AND (state = 'draft') = (approved_by IS NULL)",
            name="approved",
        ),
        CheckConstraint(
            "(rejected_by IS NULL) = (rejected_at IS NULL) AND (rejected_by IS NULL OR state = 'draft')",
            name="rejected",
        ),
        CheckConstraint(
            "state NOT IN ('approved', 'sending', 'sent', 'unknown') OR next_check_at IS NOT NULL",
            name="next_check_at",
        ),
        CheckConstraint(
            "state NOT IN ('sent', 'succeeded') OR method = 'outside' OR gateway_transfer_id IS NOT NULL", name="sent"
        ),
        CheckConstraint("(state IN ('succeeded', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
        Index("uq_payout_reference", "reference", unique=True),
        Index("uq_payout_gateway_transfer_id", "method", "gateway_transfer_id", unique=True),
        Index("ix_payout_settlement_id", "settlement_id", "id"),
        Index("ix_payout_agency_id", "agency_id", "id"),
        Index("ix_payout_state", "state", "id"),
        Index("ix_payout_next_check_at", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
    )
    MOVES: ClassVar = {
        PayoutState.DRAFT: frozenset({PayoutState.APPROVED}),
        PayoutState.APPROVED: frozenset({PayoutState.SENDING}),
        PayoutState.SENDING: frozenset({PayoutState.SENT, PayoutState.UNKNOWN}),
        PayoutState.SENT: frozenset({PayoutState.SUCCEEDED, PayoutState.FAILED}),
        PayoutState.UNKNOWN: frozenset({PayoutState.SENT, PayoutState.FAILED}),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlement.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    reference: Mapped[str] = mapped_column(Text)
    method: Mapped[PayoutMethod] = mapped_column(Word(PayoutMethod))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("payout_account.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    state: Mapped[PayoutState] = mapped_column(Word(PayoutState), server_default=PayoutState.DRAFT)
    prepared_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rejected_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    rejected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    proof: Mapped[str | None] = mapped_column(Text)
    gateway_transfer_id: Mapped[str | None] = mapped_column(Text)
    fee: Mapped[int | None] = mapped_column(Integer)
    posts: Mapped[int] = mapped_column(Integer, server_default="0")
    checks: Mapped[int] = mapped_column(Integer, server_default="0")
    empty_queries: Mapped[int] = mapped_column(Integer, server_default="0")
    last_empty_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_check_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure: Mapped[str | None] = mapped_column(Text)
    sending_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now(), onupdate=func.now())

    @property
    def is_draft(self) -> bool:
        """Say whether it waits for a second person."""
        return self.state == PayoutState.DRAFT and self.rejected_at is None


on_constraint("payout_sum", PayoutTooLarge)
on_constraint("payout_moves", Conflict)
on_constraint("ck_payout_two_persons", SecondPersonNeeded)
