"""The audit log: who did what to which thing, and why. Rows are only added; the database refuses the rest."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Text, func, insert
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime
from aurapark.extensions import Model, db

SYSTEM = "system"


class AuditEntry(Model):
    """One action. `hash` is sealed later by the sweeper: a chain inside the sale would queue every buyer."""

    __tablename__ = "audit_entry"

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
    """Add one entry in the transaction under way (one statement). No personal data: ids, states, amounts."""
    values = {"actor": actor, "action": action, "entity": entity, "entity_id": entity_id}
    db.session.execute(insert(AuditEntry).values(**values, reason=reason, before=before, after=after))
