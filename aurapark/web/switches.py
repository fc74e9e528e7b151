"""The two switches in every page's frame: language and light or dark; both are cookies that the server renders from."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, current_app, g, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as AnyResponse

from aurapark.web.gate import is_api

THEMES = ("system", "light", "dark")
THEME_COOKIE = "theme"
YEAR_SECONDS = 365 * 24 * 3600


def init_app(app: Flask) -> None:
    """Keep `?theme=` in a cookie, and give templates `theme()` and `switch_url`."""
    app.before_request(keep_theme)
    app.add_template_global(theme)
    app.add_template_global(switch_url)


def theme() -> str:
    """Return the visitor's choice: `system` (follow the device), `light` or `dark`."""
    wish = request.cookies.get(THEME_COOKIE, "")
    return wish if wish in THEMES else "system"


def switch_url(**changes: str) -> str:
    """Return this page's address with its query, one value changed: `switch_url(lang="en")`."""
    if "stay_at" in g:
        address = urlsplit(g.stay_at)
        return f"{address.path}?{urlencode([*parse_qsl(address.query), *changes.items()])}"
    query = MultiDict(request.args)
    for name, value in changes.items():
        query[name] = value
    return _address(query)


def stay_at(address: str) -> None:
    """Let the switches on this answer lead to another address: where the answer to a form can be asked for by GET."""
    g.stay_at = address


def keep_theme() -> AnyResponse | None:
    """Answer `?theme=` with the cookie and the same page under its own address."""
    wish = request.args.get("theme")
    if request.method != "GET" or wish not in THEMES or is_api():
        return None
    query = MultiDict(request.args)
    del query["theme"]
    response = redirect(_address(query), 303)
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(THEME_COOKIE, wish, max_age=YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax")
    response.headers["Cache-Control"] = "no-store"
    return response


def _address(query: MultiDict[str, str]) -> str:
    pairs = urlencode(list(query.items(multi=True)))
    return iri_to_uri(request.path) + (f"?{pairs}" if pairs else "")
