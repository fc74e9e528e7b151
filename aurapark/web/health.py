"""Whether the site works: `/healthz` says that this process lives, `/api/health` that the work behind it gets done.

Every check is bounded in time, whatever is down. `age` is in seconds: since the last sign of life, or how long the
oldest piece of work is overdue. Without Redis, worker or scheduler everything still happens, later: that is
`degraded`, not `bad`. Worker, scheduler and doctor are named once there has been anything of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import redis
from flask import Response
from flask_babel import gettext
from sqlalchemy import Engine, text

from aurapark.errors import N_
from aurapark.extensions import db
from aurapark.settings import current_settings
from aurapark.web import api
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.bounded import ask_all

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SECONDS_ALLOWED = 1.5  # for all checks together
SWEEPER_SILENT = 75  # seconds; reliability.md promises that a dead sweeper shows within 90
SWEEPS_MISSED = 6
HELPERS = ("worker", "scheduler")  # they make things faster; the sweeper does everything without them
HELPER_SILENT = 90  # seconds
ONLY_SLOWER = {"redis", *HELPERS}
OUTBOX_OVERDUE, PAYMENT_OVERDUE = 300, 600  # seconds, as invariants I18 and I20 have them
NOT_WELL = N_("Part of the service is not working.")

AGES = text("""
    SELECT
        (SELECT jsonb_object_agg(name, extract(epoch FROM now() - at)) FROM heartbeat) AS beats,
        extract(epoch FROM now() - (SELECT min(next_at) FROM outbox WHERE state IN ('ready', 'leased')
                                    AND coalesce(lease_until, '-infinity') < now())) AS outbox,
        (SELECT count(*) FROM outbox WHERE state = 'dead') AS dead,
        extract(epoch FROM now() - (SELECT min(next_check_at) FROM payment
                                    WHERE next_check_at IS NOT NULL)) AS payments,
        (SELECT jsonb_build_object('clean', clean, 'age', extract(epoch FROM now() - at)) FROM doctor_report
            WHERE at IS NOT NULL) AS doctor
""")

ALIVE = "/healthz"

bp = AudienceBlueprint("health", __name__, audience=Audience.OPERATOR)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: fine or not, and its age in seconds, None when there has been no sign of life at all."""

    ok: bool
    age: float | None
    dead: int | None = None  # outbox only: rows that were given up and wait for a person


def answering_by_any_name(site: WSGIApplication, host: str) -> WSGIApplication:
    """Return the site with `/healthz` open under every host name: load balancers ask by address."""

    def asked(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == ALIVE:
            environ["HTTP_HOST"] = host
        return site(environ, start)

    return asked


@bp.get(ALIVE)
def alive() -> Response:
    """Say that this process answers."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@bp.get("/api/health")
def health() -> Response:
    """Say whether database, Redis, sweeper, outbox and payment checks are well; 503 when one is not."""
    settings = current_settings()
    checks = run_checks(db.engine, settings.redis_url, sweep_seconds=settings.sweep_seconds)
    bad = {name for name, check in checks.items() if not check.ok}
    status = "ok" if not bad else "degraded" if bad <= ONLY_SLOWER else "bad"
    found = {"status": status, "checks": {name: _shown(check) for name, check in checks.items()}}
    return api.error_object(503, "UNAVAILABLE", gettext(NOT_WELL), found) if bad else api.answer(found)


def run_checks(engine: Engine, redis_url: str, *, sweep_seconds: int) -> dict[str, Check]:
    """Return every check by name; what does not answer in time is not well."""
    read, ping = ask_all(partial(_read_ages, engine), partial(_ping, redis_url), seconds=SECONDS_ALLOWED)
    here, known = read is not None, read or {}
    beats = known.get("beats") or {}
    checks = {
        "database": Check(here, 0 if here else None),
        "redis": Check(ping is not None, 0 if ping is not None else None),
        "sweeper": _alive(beats.get("sweeper"), max(SWEEPER_SILENT, SWEEPS_MISSED * sweep_seconds)),
        "outbox": _overdue(here, known.get("outbox"), OUTBOX_OVERDUE, dead=known.get("dead")),
        "payments": _overdue(here, known.get("payments"), PAYMENT_OVERDUE),
    }
    checks |= {name: _alive(beats[name], HELPER_SILENT) for name in HELPERS if name in beats}
    return checks | _doctor(known.get("doctor"))


def _shown(check: Check) -> dict[str, Any]:
    return {name: value for name, value in asdict(check).items() if name != "dead" or value is not None}


def _doctor(report: Mapping[str, Any] | None) -> dict[str, Check]:
    """What the sweeper's last examination of the invariants found; none that ended yet is no news."""
    if report is None or report["clean"] is None:
        return {}
    return {"doctor": Check(report["clean"], round(float(report["age"]), 1))}


def _alive(age: Any, limit: int) -> Check:
    return Check(age is not None and age <= limit, None if age is None else round(float(age), 1))


def _overdue(known: bool, age: Any, limit: int, *, dead: int | None = None) -> Check:
    late = max(0.0, round(float(age), 1)) if age is not None else 0.0
    return Check(known and late <= limit, late if known else None, dead)


def _read_ages(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        connection.execute(text(f"SET LOCAL statement_timeout = {int(SECONDS_ALLOWED * 1000)}"))
        return dict(connection.execute(AGES).mappings().one())


def _ping(url: str) -> bool:
    with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
        return bool(client.ping())
