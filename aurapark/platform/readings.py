"""Reading what is personal: why is asked first and stands in the audit log; for half an hour it is not asked again."""

from datetime import timedelta

from sqlalchemy import func, select

from aurapark import audit
from aurapark.accounts.identity import Identity
from aurapark.audit import AuditEntry
from aurapark.extensions import db

READ = "personal.read"
GOOD_FOR = timedelta(minutes=30)


def note_reading(entity: str, entity_id: str, *, by: Identity, reason: str) -> None:
    """Note, in the transaction under way, who reads what and why."""
    audit.record(READ, entity, entity_id, actor=by.actor, reason=reason)


def may_read(entity: str, entity_id: str, *, by: Identity) -> bool:
    """Say whether this person has said within the last half hour why they read this (one statement)."""
    recent = select(AuditEntry.id).where(
        AuditEntry.action == READ,
        AuditEntry.actor == by.actor,
        AuditEntry.entity == entity,
        AuditEntry.entity_id == entity_id,
        AuditEntry.at > func.now() - GOOD_FOR,
    )
    return db.session.scalar(recent.limit(1)) is not None
