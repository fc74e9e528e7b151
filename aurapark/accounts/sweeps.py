"""What accounts need not keep: secrets that are over, counters that are quiet, sessions and devices of long ago."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select

from aurapark.accounts.models import KnownDevice, LoginSession, OneTimeToken, SignInThrottle
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db

SECRETS = timedelta(days=1)  # longer than the hour within which they are counted
COUNTERS = timedelta(days=1)
SESSIONS = timedelta(days=90)
DEVICES = timedelta(days=180)


def forget_old(_settings: Settings, limit: int) -> int:
    """Delete up to `limit` rows of each kind that nothing needs any more; returns the most of one kind."""
    return in_transaction(lambda: max(_forget(limit)))


def _forget(limit: int) -> list[int]:
    old: list[tuple[Any, Any, ColumnElement[bool]]] = [
        (OneTimeToken, OneTimeToken.id, OneTimeToken.expires_at < func.now() - SECRETS),
        (SignInThrottle, SignInThrottle.key, SignInThrottle.last_at < func.now() - COUNTERS),
        (LoginSession, LoginSession.id, LoginSession.created_at < func.now() - SESSIONS),
        (KnownDevice, KnownDevice.device_hash, KnownDevice.last_seen_at < func.now() - DEVICES),
    ]
    counts = []
    for table, key, over in old:
        which = select(key).where(over).limit(limit).scalar_subquery()
        gone = db.session.execute(delete(table).where(key.in_(which), over).returning(key)).all()
        counts.append(len(gone))
    return counts
