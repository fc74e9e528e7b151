"""A refund outside the policy, as somebody proposes it: another person approves it, and then it is a refund."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.extensions import Model
from aurapark.refunds.errors import AlreadyProposed, ProposalDecided, TwoPersons


class ProposalState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class RefundProposal(Model):
    """One proposal; a payment has one that is open at a time. What was proposed, and what was decided, stays."""

    __tablename__ = "refund_proposal"
    __table_args__ = (
        one_of("state", ProposalState),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("reason <> '' AND proposed_by <> ''", name="reason"),
        CheckConstraint(
            "(state <> 'proposed')"
            " = (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_because IS NOT NULL)",
            name="decided",
        ),
        CheckConstraint("(state = 'approved') = (refund_id IS NOT NULL)", name="approved"),
        CheckConstraint("state NOT IN ('approved', 'declined') OR decided_by <> proposed_by", name="two_persons"),
        Index("uq_refund_proposal_open", "payment_id", unique=True, postgresql_where=text("state = 'proposed'")),
        Index("ix_refund_proposal_payment_id", "payment_id"),
        Index("uq_refund_proposal_refund_id", "refund_id", unique=True),
    )
    MOVES: ClassVar = {
        ProposalState.PROPOSED: frozenset({ProposalState.APPROVED, ProposalState.DECLINED, ProposalState.WITHDRAWN}),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    amount: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[ProposalState] = mapped_column(Word(ProposalState), server_default=ProposalState.PROPOSED)
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_because: Mapped[str | None] = mapped_column(Text)
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))


on_constraint("uq_refund_proposal_open", AlreadyProposed)
on_constraint("refund_proposal_moves", ProposalDecided)
on_constraint("ck_refund_proposal_two_persons", TwoPersons)
