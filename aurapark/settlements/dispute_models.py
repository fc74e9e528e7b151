"""A line of a closed settlement that the agency does not agree with, and what the platform answered."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.extensions import Model
from aurapark.settlements.errors import DisputedAlready


class LineDisputeState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class LineDispute(Model):
    """One dispute of one line; a line has one that is not withdrawn, at most.

    `amount` is what was corrected when it was accepted: + in favour of the agency. The correction is a movement of the
    ledger under this row's number, and a line of the first period that is not closed.
    """

    __tablename__ = "line_dispute"
    __table_args__ = (
        one_of("state", LineDisputeState),
        CheckConstraint(
            "(state = 'open') = (ended_at IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL)", name="ended"
        ),
        CheckConstraint("(state = 'accepted') = (amount IS NOT NULL) AND amount <> 0", name="amount"),
        CheckConstraint("(state IN ('accepted', 'refused')) = (answer IS NOT NULL)", name="answer"),
        Index(
            "uq_line_dispute_ledger_entry_id",
            "ledger_entry_id",
            unique=True,
            postgresql_where=text("state <> 'withdrawn'"),
        ),
        Index("ix_line_dispute_settlement_id", "settlement_id", "id"),
        Index("ix_line_dispute_state", "state", "id"),
    )
    MOVES: ClassVar = {
        LineDisputeState.OPEN: frozenset(
            {LineDisputeState.ACCEPTED, LineDisputeState.REFUSED, LineDisputeState.WITHDRAWN}
        ),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    ledger_entry_id: Mapped[int] = mapped_column(ForeignKey("settlement_line.ledger_entry_id"))
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlement.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    state: Mapped[LineDisputeState] = mapped_column(Word(LineDisputeState), server_default=LineDisputeState.OPEN)
    reason: Mapped[str] = mapped_column(Text)
    opened_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    amount: Mapped[int | None] = mapped_column(BigInteger)
    answer: Mapped[str | None] = mapped_column(Text)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


on_constraint("uq_line_dispute_ledger_entry_id", DisputedAlready)
