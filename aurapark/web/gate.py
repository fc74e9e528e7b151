"""What is turned away before any page runs: writes from another site, forms without our token, NUL characters."""

from urllib.parse import urlsplit

from flask import Flask, abort, request
from flask_wtf.csrf import CSRFProtect

SAFE = ("GET", "HEAD", "OPTIONS")
API = "/api/"  # knows no cookies, so nothing of a visitor's can be used against them there


def init_app(app: Flask, csrf: CSRFProtect) -> None:
    """Refuse foreign writes, then check the token of every form."""
    app.config.update(WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False, WTF_CSRF_CHECK_DEFAULT=False)

    @app.before_request
    def refuse_nul() -> None:
        """No person types it, no page can show it, and the database cannot store it."""
        if is_api():
            return
        values = (*request.args.items(multi=True), *request.form.items(multi=True))
        if "\0" in request.path or any("\0" in name + value for name, value in values):
            abort(400)

    @app.before_request
    def refuse_foreign_writes() -> None:
        if request.method in SAFE or is_api() or request.routing_exception:
            return
        if _is_foreign():
            abort(403)
        csrf.protect()


def is_api() -> bool:
    """Say whether a program asks: the API reads and sets no cookie."""
    return request.path.startswith(API)


def _is_foreign() -> bool:
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host
