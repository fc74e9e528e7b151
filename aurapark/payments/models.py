"""Payment attempts, events from the gateway as they came, and the answers kept for idempotency keys."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.errors import Conflict
from aurapark.extensions import Model


class Provider(StrEnum):
    FLUTTERWAVE = "flutterwave"
    STRIPE = "stripe"
    CASH = "cash"


class PaymentState(StrEnum):
    CREATED = "created"
    PENDING = "pending"
    UNKNOWN = "unknown"
    FAILED = "failed"
    LAPSED = "lapsed"
    SUCCEEDED = "succeeded"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class Disposition(StrEnum):
    APPLIED = "applied"
    REFUND = "refund"
    REVIEW = "review"


OPEN_STATES = (PaymentState.CREATED, PaymentState.PENDING, PaymentState.UNKNOWN)
MONEY_SQL = "state IN ('succeeded', 'partially_refunded', 'refunded', 'disputed')"
_END = frozenset({PaymentState.FAILED, PaymentState.LAPSED, PaymentState.SUCCEEDED})
_AFTER_MONEY = frozenset({PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED, PaymentState.DISPUTED})


class Payment(Model):
    """One attempt to pay a booking, with its own `tx_ref`, committed before the gateway is called.

    A second charge under the same `tx_ref` is a further row: `root_id` names the attempt, `ordinal` counts from 2,
    its `tx_ref` ends in /2. `fee` and `settled` keep the gateway's raw figures.
    """

    __tablename__ = "payment"
    __table_args__ = (
        one_of("provider", Provider),
        one_of("state", PaymentState),
        one_of("disposition", Disposition),
        CheckConstraint("expected_amount > 0 AND paid_amount > 0", name="amounts"),
        CheckConstraint("attempt > 0 AND ordinal > 0 AND (ordinal = 1) = (root_id IS NULL)", name="ordinal"),
        CheckConstraint(
            f"({MONEY_SQL}) = (disposition IS NOT NULL AND verified_at IS NOT NULL AND paid_amount IS NOT NULL"
            " AND paid_currency IS NOT NULL AND (gateway_tx_id IS NOT NULL OR provider = 'cash'))",
            name="money",
        ),
        CheckConstraint(
            "state NOT IN ('created', 'pending', 'unknown') OR next_check_at IS NOT NULL", name="next_check_at"
        ),
        CheckConstraint("(state = 'pending') <= (link IS NOT NULL)", name="link"),
        Index("uq_payment_provider_gateway_tx_id", "provider", "gateway_tx_id", unique=True),
        Index("uq_payment_root_id_ordinal", "root_id", "ordinal", unique=True),
        Index(
            "uq_payment_booking_id_attempt", "booking_id", "attempt", unique=True, postgresql_where=text("ordinal = 1")
        ),
        Index("ix_payment_booking_id", "booking_id"),
        Index("ix_payment_next_check_at", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
        Index("ix_payment_created_at", "created_at", "id"),
        Index(
            "ix_payment_provider_created_at",
            "provider",
            "created_at",
            "id",
            postgresql_where=text("provider <> 'flutterwave'"),
        ),
        Index(
            "ix_payment_state_created_at", "state", "created_at", "id", postgresql_where=text("state <> 'succeeded'")
        ),
        Index(
            "ix_payment_disposition_created_at",
            "disposition",
            "created_at",
            "id",
            postgresql_where=text("disposition <> 'applied'"),
        ),
        Index("ix_payment_amount", text("coalesce(paid_amount, expected_amount)"), "created_at"),
    )
    MOVES: ClassVar = {
        PaymentState.CREATED: _END | {PaymentState.PENDING, PaymentState.UNKNOWN},
        PaymentState.PENDING: _END,
        PaymentState.UNKNOWN: _END,
        PaymentState.FAILED: frozenset({PaymentState.SUCCEEDED}),
        PaymentState.LAPSED: frozenset({PaymentState.SUCCEEDED}),
        PaymentState.SUCCEEDED: _AFTER_MONEY,
        PaymentState.PARTIALLY_REFUNDED: frozenset({PaymentState.REFUNDED, PaymentState.DISPUTED}),
        PaymentState.REFUNDED: frozenset({PaymentState.DISPUTED}),
        PaymentState.DISPUTED: frozenset(
            {PaymentState.SUCCEEDED, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}
        ),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    root_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    ordinal: Mapped[int] = mapped_column(Integer, server_default="1")
    booking_id: Mapped[int] = mapped_column(ForeignKey("booking.id"))
    attempt: Mapped[int] = mapped_column(Integer)
    provider: Mapped[Provider] = mapped_column(Word(Provider))
    tx_ref: Mapped[str] = mapped_column(Text, unique=True)
    state: Mapped[PaymentState] = mapped_column(Word(PaymentState), server_default=PaymentState.CREATED)
    expected_amount: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(Text)
    link: Mapped[str | None] = mapped_column(Text)
    session_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure: Mapped[str | None] = mapped_column(Text)
    checks: Mapped[int] = mapped_column(Integer, server_default="0")
    next_check_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    gateway_tx_id: Mapped[str | None] = mapped_column(Text)
    paid_amount: Mapped[int | None] = mapped_column(Integer)
    paid_currency: Mapped[str | None] = mapped_column(Text)
    fee: Mapped[Decimal | None] = mapped_column(Numeric)
    settled: Mapped[Decimal | None] = mapped_column(Numeric)
    disposition: Mapped[Disposition | None] = mapped_column(Word(Disposition))
    disposition_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now(), onupdate=func.now())

    @property
    def public_id(self) -> str:
        """Return the id people and the audit views use: `17`, or `17/2` for a second charge of one attempt."""
        return str(self.id) if self.root_id is None else f"{self.root_id}/{self.ordinal}"


class WebhookEvent(Model):
    """An event as it came, stored before it is answered. `effect` stays `none` for anything not authentic."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        one_of("provider", Provider),
        CheckConstraint("authentic OR effect = 'none'", name="forged"),
        Index("ix_webhook_event_waiting", "received_at", postgresql_where=text("authentic AND processed_at IS NULL")),
        Index("ix_webhook_event_failed", "received_at", postgresql_where=text("effect = 'failed'")),
        Index("ix_webhook_event_tx_ref", "tx_ref", postgresql_where=text("tx_ref IS NOT NULL")),
        Index("ix_webhook_event_forged", "received_at", postgresql_where=text("NOT authentic")),
        Index("ix_webhook_event_received_at", "received_at", "id"),
        Index("ix_webhook_event_effect", "effect", "received_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_key: Mapped[str] = mapped_column(Text, unique=True)
    provider: Mapped[Provider] = mapped_column(Word(Provider))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    authentic: Mapped[bool] = mapped_column(Boolean)
    effect: Mapped[str] = mapped_column(Text, server_default="none")
    tx_ref: Mapped[str | None] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(Text)


class IdempotencyKey(Model):
    """The answer given to one key of one caller; empty while the first call is still running."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        CheckConstraint("(status IS NULL) = (answer IS NULL)", name="answer"),
        Index("uq_idempotency_key_caller_key", "caller", "key", unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    caller: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    body_sha256: Mapped[str] = mapped_column(Text)
    locked_until: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


on_constraint("payment_moves", Conflict)
