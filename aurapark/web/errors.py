"""Error pages: what happened, in the reader's language, and what to do next. Under /api the API answers for itself."""

import logging
import math
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, g, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError

from aurapark import clock
from aurapark.database import as_domain_error
from aurapark.errors import N_, DomainError, TooMany, Unavailable
from aurapark.log import log_event
from aurapark.web.language import sentence_of
from aurapark.web.watch import request_id

API_ERRORS = "api_errors"  # app.extensions: what answers an error under /api
RETRY_SECONDS = 5

HEADINGS = {
    400: N_("We could not read this request"),
    403: N_("This is not allowed"),
    404: N_("We did not find this page"),
    405: N_("This page does not take this kind of request"),
    409: N_("Something changed in the meantime"),
    410: N_("This is no longer available"),
    413: N_("This is too much at once"),
    415: N_("We could not read this request"),
    422: N_("Some of the answers need another look"),
    429: N_("Too many requests"),
    500: N_("Something went wrong on our side"),
    502: N_("The payment service does not answer"),
    503: N_("The site is very busy"),
}
ADVICE = {
    400: N_("Go back, reload the page and send it once more."),
    403: N_("This request came from another site, or is not yours to make. Begin again here."),
    404: N_("The address may be mistyped, or the page is gone. Search for a trip, or find your booking."),
    405: N_("Go back and use the buttons on the page."),
    413: N_("Shorten what you typed and send it once more."),
    429: N_("Wait a moment, then try again."),
    500: N_("Nothing of yours is lost. Try again in a moment; if it happens again, give us the number below."),
    503: N_("Wait a few seconds and load the page again."),
}
CSRF_ADVICE = N_(
    "The page was open for a long time, or your browser keeps no cookies for us."
    " Go back, reload the page and send it again."
)


def init_app(app: Flask) -> None:
    """Answer every error of the application with a page."""
    app.register_error_handler(HTTPException, show_http_error)
    app.register_error_handler(DomainError, show_domain_error)
    app.register_error_handler(DBAPIError, show_database_error)
    app.register_error_handler(PoolTimeout, lambda _error: show_domain_error(Unavailable()))


def show_domain_error(error: DomainError) -> Response:
    """Say what the business says about it."""
    if answer := _api_answer():
        return answer(error)
    response = _page(error.status, sentence_of(error))
    return with_retry_after(response, error)


def with_retry_after(response: Response, error: DomainError) -> Response:
    """Say to programs when to try again, where the error knows."""
    if isinstance(error, TooMany):
        seconds = math.ceil((error.until - clock.now()).total_seconds())
        response.headers["Retry-After"] = str(max(1, seconds))
    elif error.status == Unavailable.status:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def show_database_error(error: DBAPIError) -> Response:
    """Say that we are busy when the database is; anything else is a bug. Raises the error again then."""
    known = as_domain_error(error)
    if known is None:
        raise error
    return show_domain_error(known)


def show_http_error(error: HTTPException) -> Response:
    """Explain a refused or failed request; a failure gets a number that the log knows too."""
    status = error.code or 500
    if isinstance(error, SecurityError):  # no address of ours can be built for a foreign host
        return make_response("400 Bad Request\n", 400, {"Content-Type": "text/plain; charset=utf-8"})
    if status < 400:
        return make_response(error.get_response())
    if answer := _api_answer():
        return answer(error)
    reference = ""
    if isinstance(error, InternalServerError):
        reference = request_id()
        log_event("page_failed", level=logging.ERROR, reference=reference, endpoint=request.endpoint)
    words = CSRF_ADVICE if isinstance(error, CSRFError) else ADVICE.get(status, ADVICE[400])
    response = _page(status, gettext(words), reference)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _page(status: int, text: str, reference: str = "") -> Response:
    heading = gettext(HEADINGS.get(status, HEADINGS[400]))
    g.personal = True
    page = render_template(
        "errors/error.html", heading=heading, text=text, reference=reference, search_url=_search_again()
    )
    return make_response(page, status)


def _search_again() -> str:
    """Return the search, with the places this request was about."""
    kept: dict[str, Any] = {name: request.args[name] for name in ("from", "to", "passengers") if request.args.get(name)}
    return url_for("search.home", **kept)


def _api_answer() -> Callable[[Exception], Response] | None:
    if request.path.startswith("/api/"):
        found: Callable[[Exception], Response] | None = current_app.extensions.get(API_ERRORS)
        return found
    return None
