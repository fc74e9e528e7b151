"""What is known about every request: its id, and how often and how fast each route answers.

The id is in every log line of the request, in the answer's `X-Request-ID`, and is the number that an error page gives
people to tell us. A proxy's own id is taken over when the proxy is trusted (PROXY_COUNT) and the id has a plain shape.
"""

import re
import time

from flask import Flask, Response, g, request

from aurapark import log, metrics
from aurapark.config import Settings
from aurapark.references import new_code

HEADER = "X-Request-ID"
ID_LENGTH = 10
SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
ID_KEY, ENDPOINT_KEY = "aurapark.request_id", "aurapark.endpoint"  # in the WSGI environment, for the server's log
NO_ENDPOINT = "none"


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request an id and count every answer. First in, so that nothing is refused before it has one."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "") if settings.proxy_count else ""
        g.request_id = given if SAFE_ID.fullmatch(given) else new_code(ID_LENGTH)
        g.began = time.perf_counter()
        request.environ[ID_KEY], request.environ[ENDPOINT_KEY] = g.request_id, _endpoint()
        log.begin_about(request=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        metrics.count_request(request.method, _endpoint(), response.status_code, time.perf_counter() - g.began)
        return response


def request_id() -> str:
    """Return the id of the request under way."""
    return str(g.request_id)


def _endpoint() -> str:
    return request.endpoint or NO_ENDPOINT
