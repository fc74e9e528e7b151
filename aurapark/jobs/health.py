"""The job that looks whether everything is well, so that what was not stands on record."""

from aurapark.config import Settings
from aurapark.errors import Unavailable
from aurapark.extensions import db


class NotWell(Unavailable):
    """Some check is bad; `details` names the checks."""


def look_after_health(settings: Settings, _limit: int) -> int:
    """Run every check; returns how many were well. Raises NotWell that names those that were not."""
    from aurapark.web.health import run_checks  # the page's own checks: one truth

    checks = run_checks(db.engine, settings.redis_url, sweep_seconds=settings.sweep_seconds)
    bad = sorted(name for name, check in checks.items() if not check.ok)
    if bad:
        raise NotWell(details={"bad": bad})
    return len(checks)
