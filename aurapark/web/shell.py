"""Assembles the shell of the site: language, cookies, blueprints. One list says what the application is made of."""

from flask import Blueprint, Flask, request
from flask_babel import Babel
from flask_compress import Compress

from aurapark.config import Settings

LANGUAGES = ("fr", "en")
LANGUAGE_COOKIE = "lang"


def blueprints(settings: Settings) -> list[Blueprint]:
    """Return every blueprint of the site, in the order of the traveller's way."""
    return []


def init_app(app: Flask, settings: Settings, *, babel: Babel, compress: Compress) -> None:
    """Set cookies, language, limits and blueprints on the application."""
    app.config.update(
        BABEL_DEFAULT_LOCALE="fr",
        BABEL_TRANSLATION_DIRECTORIES="translations",
        MAX_CONTENT_LENGTH=64 * 1024,
        SESSION_COOKIE_NAME="__Host-session" if settings.https else "session",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    babel.init_app(app, locale_selector=choose_language)
    compress.init_app(app)
    app.add_url_rule("/healthz", "healthz", lambda: ("ok\n", {"Content-Type": "text/plain"}))
    for blueprint in blueprints(settings):
        app.register_blueprint(blueprint)


def choose_language() -> str:
    """Return the visitor's language: `?lang=`, else the cookie, else Accept-Language, else French."""
    for wish in (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wish in LANGUAGES:
            return wish
    return request.accept_languages.best_match(LANGUAGES) or "fr"
