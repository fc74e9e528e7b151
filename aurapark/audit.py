"""The audit log: who did what to which thing, and why. Rows are only added; the database refuses the rest.

Each row is sealed once, some seconds later, into a chain of hashes (`audit_chain`).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, SmallInteger, Text, func, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime
from aurapark.errors import N_, Invalid
from aurapark.extensions import Model, db

SYSTEM = "system"
# Actions on money and power: nobody does them without a name and a reason (I26 looks for the same).
PRIVILEGED = re.compile(
    r"^(refund\.(approve|propose|retry)|payment\.(resolve|attach)|case\.(take|resolve)"
    r"|payout|commission|role|agency|user\.(disable|enable|end_sessions|factor_reset)|trip\.cancel)"
)


class ReasonNeeded(Invalid):
    sentence = N_("Say who you are and why.")


class AuditEntry(Model):
    """One action. `hash` is sealed later by the sweeper: a chain inside the sale would queue every buyer."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint("(seal IS NULL) = (hash IS NULL) AND seal > 0 AND hash ~ '^[0-9a-f]{64}$'", name="sealed"),
        Index("ix_audit_entry_unsealed", "id", postgresql_where=text("hash IS NULL")),
        Index("ix_audit_entry_entity", "entity", "entity_id", "id"),
        Index(
            "ix_audit_entry_reading",
            "actor",
            "entity",
            "entity_id",
            "at",
            postgresql_where=text("action = 'personal.read'"),
        ),
        Index("uq_audit_entry_seal", "seal", unique=True, postgresql_where=text("seal IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    entity: Mapped[str] = mapped_column(Text)
    entity_id: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    hash: Mapped[str | None] = mapped_column(Text)
    seal: Mapped[int | None] = mapped_column(BigInteger)


class AuditChain(Model):
    """The newest link of the chain: one row, whose lock lets one process seal at a time."""

    __tablename__ = "audit_chain"
    __table_args__ = (CheckConstraint("id = 1 AND number >= 0", name="one_head"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(Text)
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


def record(
    action: str,
    entity: str,
    entity_id: str,
    *,
    actor: str = SYSTEM,
    reason: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Add one entry in the transaction under way (one statement). No personal data: ids, states, amounts.

    Raises ReasonNeeded for an action on money or power without who or why.
    """
    if PRIVILEGED.match(action) and not (actor.strip() and (reason or "").strip()):
        raise ReasonNeeded
    values = {"actor": actor, "action": action, "entity": entity, "entity_id": entity_id}
    db.session.execute(insert(AuditEntry).values(**values, reason=reason, before=before, after=after))


def list_times(actions: Sequence[str], entity: str, entity_id: str) -> Sequence[datetime]:
    """Return when these actions were done to one thing, newest first (one statement)."""
    entries = (AuditEntry.entity == entity, AuditEntry.entity_id == entity_id, AuditEntry.action.in_(actions))
    return db.session.scalars(select(AuditEntry.at).where(*entries).order_by(AuditEntry.id.desc())).all()
