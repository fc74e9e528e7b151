"""Request limits: only against floods, and for each network as a whole, because carriers put thousands of phones behind
one address. One budget a minute; a request that writes costs more of it than one that reads.

Redis counts for all processes. When it does not answer, each process counts for itself: coarser, never less than a
sale needs. A frozen Redis costs one request 30 ms twice, then it is only asked now and then. What limits hoarding and
guessing is PostgreSQL's and needs none of this.
"""

import re
from datetime import timedelta
from typing import Any

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter, RateLimitExceeded
from redis.backoff import NoBackoff
from redis.retry import Retry

from aurapark import clock
from aurapark.config import Settings
from aurapark.errors import N_, TooMany
from aurapark.web.audience import Audience, audience_of
from aurapark.web.errors import show_domain_error
from aurapark.web.network import client_network

WINDOW = timedelta(minutes=1)
BUDGET = 6000  # of one network in a minute
READ, WRITE, GUESS = 1, 10, 60
GUESSING = ("booking.find_again",)  # what opens a booking to whoever knows enough
PATIENCE = 0.03  # seconds for each answer of Redis
FREE = (Audience.GATEWAY, Audience.OPERATOR)  # money must not be turned away; nor whoever looks whether we live
STATIC = "assets."


class Flooded(TooMany):
    """Nobody clicks so fast: a program, or a great many people behind one address."""

    sentence = N_("Very many requests come from your network. Please wait a moment and try again from %(at)s.")


def init_app(app: Flask, settings: Settings) -> None:
    """Count every request of the application before anything else looks at it."""
    bounded: dict[str, Any] = {
        "socket_timeout": PATIENCE,
        "socket_connect_timeout": PATIENCE,
        "retry": Retry(NoBackoff(), 0),
    }
    limiter = Limiter(
        client_network,
        application_limits=[f"{BUDGET} per minute"],
        application_limits_cost=_cost,
        storage_uri=re.sub("^unix:", "redis+unix:", settings.redis_url),
        storage_options=bounded,
        strategy="fixed-window",
        in_memory_fallback_enabled=True,
        key_prefix="flood",
        request_identifier=lambda: request.endpoint or "nowhere",  # what is not found costs too
        enabled=settings.rate_limits,
    )
    limiter.request_filter(_is_free)
    limiter.init_app(app)

    @app.errorhandler(RateLimitExceeded)
    def refuse(_error: RateLimitExceeded) -> Response:
        return show_domain_error(Flooded(clock.now() + WINDOW))  # the window ends by then, and Redis is not asked again


def _cost() -> int:
    if request.endpoint in GUESSING:
        return GUESS
    return READ if request.method in ("GET", "HEAD", "OPTIONS") else WRITE


def _is_free() -> bool:
    endpoint = request.endpoint or ""
    return endpoint.startswith(STATIC) or audience_of(current_app, endpoint) in FREE
