"""`/metrics` for Prometheus, from the inside only. Elsewhere there is nothing at this address.

What our processes count comes from their files (`aurapark.metrics`); what stands in PostgreSQL is read when asked, so
that it is true whoever wrote it. Both reads are bounded in time; one that fails leaves its figures out and says so.
"""

import hmac
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, abort, request
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Engine, text

from aurapark import metrics
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.settings import current_settings
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.bounded import ask_all

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/metrics"
SECONDS_ALLOWED = 1.5
FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

OPEN_WORK = text("""
    SELECT
        (SELECT count(*) FROM booking WHERE state = 'held' AND hold_expires_at > now()) AS holds,
        (SELECT extract(epoch FROM now() - min(next_at)) FROM outbox WHERE state IN ('ready', 'leased')
            AND next_at <= now() AND coalesce(lease_until, '-infinity') < now()) AS outbox_age,
        (SELECT extract(epoch FROM now() - min(next_check_at)) FROM payment WHERE next_check_at <= now()) AS payment_age
""")
BY_STATE = text("""
    SELECT 'payment' AS what, state, count(*) AS n FROM payment GROUP BY state
    UNION ALL SELECT 'outbox', state, count(*) FROM outbox GROUP BY state
""")
BEATS = text("SELECT name, extract(epoch FROM now() - at) AS age FROM heartbeat")

bp = AudienceBlueprint("metrics", __name__, audience=Audience.OPERATOR)


def init_app(app: Flask, settings: Settings) -> None:
    """Let `/metrics` be asked by any host name: who watches from the inside knows an address, not the site's name."""
    inner: WSGIApplication = app.wsgi_app

    def outer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        if environ.get("PATH_INFO") == PATH:
            environ["HTTP_HOST"] = settings.site_host
        return inner(environ, start_response)

    app.wsgi_app = outer  # type: ignore[method-assign]


@bp.get(PATH)
def show() -> Response:
    """Show the figures to whoever may see them."""
    if not _is_inside(current_settings()):
        abort(404)
    return Response(metrics.as_text(_Stored(db.engine)), content_type=CONTENT_TYPE)


def _is_inside(settings: Settings) -> bool:
    """Say whether the token is right or, when none is set, whether the address is one of ours.

    A forwarded request without a trusted proxy came through one that PROXY_COUNT does not know: its address is the
    proxy's, and says nothing.
    """
    if settings.metrics_token:
        given = request.authorization
        token = given.token if given is not None and given.type == "bearer" else None
        return hmac.compare_digest((token or "").encode(), settings.metrics_token.encode())
    if not settings.proxy_count and any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ip_network(network) for network in settings.metrics_networks)


class _Stored:
    """Figures that are read from PostgreSQL when asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield them; what could not be read in time is missing, and `aurapark_stored_figures_complete` is 0."""
        read = ask_all(self._open_work, self._by_state, self._beats, seconds=SECONDS_ALLOWED)
        work, states, beats = read
        complete = "Whether every figure that is read from the database could be read."
        yield GaugeMetricFamily("aurapark_stored_figures_complete", complete, value=float(None not in read))
        if work is not None:
            yield GaugeMetricFamily("aurapark_holds", "Bookings that hold seats now, unpaid.", value=work["holds"])
            for name in ("outbox", "payment"):
                words = f"How long the oldest due row of {name} has been waiting."
                age = max(0.0, float(work[f"{name}_age"] or 0))
                yield GaugeMetricFamily(f"aurapark_{name}_oldest_due_seconds", words, value=age)
        if states is not None:
            for what in ("payment", "outbox"):
                family = GaugeMetricFamily(f"aurapark_{what}_rows", f"Rows of {what}, by state.", labels=["state"])
                for row in states:
                    if row["what"] == what:
                        family.add_metric([row["state"]], row["n"])
                yield family
        if beats is not None:
            family = GaugeMetricFamily("aurapark_heartbeat_age_seconds", "Since a sign of life.", labels=["process"])
            for row in beats:
                family.add_metric([row["name"]], float(row["age"]))
            yield family

    def _open_work(self) -> Any:
        return self._read(OPEN_WORK)[0]

    def _by_state(self) -> Any:
        return self._read(BY_STATE)

    def _beats(self) -> Any:
        return self._read(BEATS)

    def _read(self, statement: Any) -> list[Any]:
        with self._engine.connect() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = {int(SECONDS_ALLOWED * 1000)}"))
            return list(connection.execute(statement).mappings())
