"""gunicorn's own words and its access log, in the shape of all our lines.

The access line has no query string, no address and no user agent: who travels where is nobody's business in a log.
"""

from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from aurapark.log import about, log_event
from aurapark.web.watch import ENDPOINT_KEY, ID_KEY, NO_ENDPOINT

UNTOLD = ("health.alive", "metrics.show")  # asked every few seconds by machines


class GunicornLog(Logger):  # type: ignore[misc]  # gunicorn is untyped
    """Hands everything to the handlers of this process."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's levels and none of its handlers."""
        super().setup(cfg)
        for theirs in (self.error_log, self.access_log):
            theirs.handlers.clear()
            theirs.propagate = True

    @property
    def access_log_enabled(self) -> bool:
        """Always."""
        return True

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:  # noqa: ARG002  gunicorn's
        """Write one line about one answer."""
        endpoint = environ.get(ENDPOINT_KEY, NO_ENDPOINT)
        status = int(str(resp.status).split(maxsplit=1)[0])
        if endpoint in UNTOLD and status < 400:
            return
        with about(request=environ.get(ID_KEY, "-")):
            log_event(
                "request",
                method=environ.get("REQUEST_METHOD"),
                path=environ.get("PATH_INFO"),
                endpoint=endpoint,
                status=status,
                ms=round(request_time.total_seconds() * 1000),
                bytes=getattr(resp, "sent", None),
            )
