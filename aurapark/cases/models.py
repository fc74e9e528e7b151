"""A case: something about money that a person must look at, with what is known of it and who has it in hand."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.cases.errors import CaseClosed
from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.extensions import Model


class CaseKind(StrEnum):
    REVIEW = "review"
    REFUND_FAILED = "refund_failed"
    REFUND_OVERDUE = "refund_overdue"
    UNKNOWN_CHARGE = "unknown_charge"
    CHARGE_NOT_RECORDED = "charge_not_recorded"
    CHARGE_DIFFERS = "charge_differs"
    CHARGE_MISSING = "charge_missing"
    UNKNOWN_REFUND = "unknown_refund"
    REFUND_DIFFERS = "refund_differs"
    REFUND_MISSING = "refund_missing"
    SETTLEMENT_NOT_BOOKED = "settlement_not_booked"
    DISPUTE = "dispute"
    REFUND_WITHDRAWN = "refund_withdrawn"
    PAYOUT_FAILED = "payout_failed"
    PAYOUT_OVERDUE = "payout_overdue"
    PAYOUT_DIFFERS = "payout_differs"
    UNKNOWN_TRANSFER = "unknown_transfer"


class CaseState(StrEnum):
    OPEN = "open"
    IN_HAND = "in_hand"
    RESOLVED = "resolved"


class Resolution(StrEnum):
    """What was done. `rule`: a review got the fate of its rule, a refund ended, without a person. `retry`, `by_hand`:
    a refund that failed was sent again, or paid back by two persons."""

    REFUND = "refund"
    APPLY = "apply"
    ATTACH = "attach"
    NONE = "none"
    RULE = "rule"
    RETRY = "retry"
    BY_HAND = "by_hand"


class Case(Model):
    """One matter, open once per kind and thing. `details` holds ids and amounts, nothing about people.

    `entity` is `payment`, `refund`, `dispute`, `payout` (ours, by our id) or `charge`, `gateway_refund`,
    `gateway_settlement`, `gateway_transfer` (theirs, by provider and their id).
    """

    __tablename__ = "finance_case"
    __table_args__ = (
        one_of("kind", CaseKind),
        one_of("state", CaseState),
        one_of("resolution", Resolution),
        CheckConstraint("(state = 'open') = (owner IS NULL)", name="owner"),
        CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL AND resolution IS NOT NULL AND reason IS NOT NULL)",
            name="resolved",
        ),
        Index(
            "uq_finance_case_open",
            "kind",
            "entity",
            "entity_id",
            unique=True,
            postgresql_where=text("state <> 'resolved'"),
        ),
        Index("ix_finance_case_entity", "entity", "entity_id"),
        Index("ix_finance_case_state_opened_at", "state", "opened_at", "id"),
    )
    MOVES: ClassVar = {
        CaseState.OPEN: frozenset({CaseState.IN_HAND}),
        CaseState.IN_HAND: frozenset({CaseState.RESOLVED}),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[CaseKind] = mapped_column(Word(CaseKind))
    entity: Mapped[str] = mapped_column(Text)
    entity_id: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[CaseState] = mapped_column(Word(CaseState), server_default=CaseState.OPEN)
    owner: Mapped[str | None] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolution: Mapped[Resolution | None] = mapped_column(Word(Resolution))
    reason: Mapped[str | None] = mapped_column(Text)


on_constraint("finance_case_moves", CaseClosed)
