"""The language of a request: `?lang=` switches and is remembered in a cookie; the page and its query stay."""

from datetime import datetime

from flask import Flask, Response, current_app, g, request
from flask_babel import Babel, get_locale
from flask_babel import gettext as translate
from werkzeug.wrappers import Response as AnyResponse

from aurapark.errors import DomainError
from aurapark.web.formats import clock_time
from aurapark.web.gate import is_api

LANGUAGES = ("fr", "en")
LANGUAGE_COOKIE = "lang"
YEAR_SECONDS = 365 * 24 * 3600


def init_app(app: Flask, babel: Babel) -> None:
    """Choose the language of every answer and say it in the headers."""
    app.config.update(BABEL_DEFAULT_LOCALE="fr", BABEL_TRANSLATION_DIRECTORIES="translations")
    babel.init_app(app, locale_selector=choose_language)
    app.after_request(remember_language)


def choose_language() -> str:
    """Return the visitor's language: `?lang=`, else the cookie, else Accept-Language, else French.

    The API knows no cookie: there it is Accept-Language alone.
    """
    wishes = () if is_api() else (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE))
    for wish in wishes:
        if wish in LANGUAGES:
            return wish
    return request.accept_languages.best_match(LANGUAGES) or "fr"


def sentence_of(error: DomainError) -> str:
    """Return what an error tells people, in their language."""
    words: str = translate(error.sentence)
    if not error.params:
        return words
    return words % {name: _for_people(value) for name, value in error.params.items()}


def _for_people(value: object) -> object:
    return clock_time(value, locale=get_locale().language) if isinstance(value, datetime) else value


def has_choice() -> bool:
    """Say whether this browser has kept a language."""
    return request.cookies.get(LANGUAGE_COOKIE) in LANGUAGES


def keep_language(response: AnyResponse, wish: str) -> None:
    """Let this browser keep a language; the answer is this visitor's alone then."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(LANGUAGE_COOKIE, wish, max_age=YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax")
    g.personal = True


def remember_language(response: Response) -> Response:
    """Keep a choice made by `?lang=`, and tell caches what the page depends on."""
    wish = None if is_api() else request.args.get("lang")
    if wish in LANGUAGES and wish != request.cookies.get(LANGUAGE_COOKIE):
        keep_language(response, wish)
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Language", choose_language())
        response.vary.update(["Cookie", "Accept-Language"])
    return response
