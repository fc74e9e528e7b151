"""What an answer says about the door: who was let in, and who was sent where."""

from urllib.parse import urlsplit

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from aurapark.accounts.step_up import GIVE
from aurapark.web.doors import SET_UP_FACTOR

IN, SIGN_IN, SET_UP, GIVE_FACTOR, KEY, FORBIDDEN, HIDDEN, NO_FORM = "iruskfnx"
HEALTH = "/api/health"  # says 503 where no sweeper runs
BY_STATUS = {401: KEY, 403: FORBIDDEN, 404: HIDDEN}
BY_WAY = {"/login": SIGN_IN, SET_UP_FACTOR: SET_UP, GIVE: GIVE_FACTOR}
OWN_WORDS = ("done=", "next=/agency/")  # where a page of ours leads to the sign-in page after its work


def letter_of(answer: TestResponse) -> str:
    """One letter for an answer:

    i let in, r to the sign-in page, u to the set-up of a second factor, s the second factor is asked for, k a key is
    (401), f forbidden (403), n not found (404), x not a form of ours (400).
    """
    status, location = answer.status_code, answer.headers.get("Location", "")
    if location and not any(word in location for word in OWN_WORDS):
        return BY_WAY.get(urlsplit(location).path, IN)
    if status == 403 and f'action="{GIVE}"' in answer.text:
        return GIVE_FACTOR
    if status == 400 and not answer.is_json:
        return NO_FORM
    if status >= 500 and not answer.request.path == HEALTH:
        raise AssertionError(f"{status} {answer.request.path} {answer.text[:300]}")
    return BY_STATUS.get(status, IN)


def routes_of(app: Flask) -> list[tuple[str, Rule]]:
    """Every method of every route but OPTIONS."""
    rules = sorted(app.url_map.iter_rules(), key=lambda one: (one.endpoint, one.rule))
    return [(method, rule) for rule in rules for method in sorted((rule.methods or set()) - {"OPTIONS"})]
