"""The headers that every answer carries: errors, redirects and static files too. Nothing is kept by caches unless a
page says so with `keep_for`."""

from flask import Flask, Response, g, request

from aurapark.config import Settings

HSTS = "max-age=63072000; includeSubDomains"
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=()"
REFERRER = "strict-origin-when-cross-origin"


def init_app(app: Flask, settings: Settings) -> None:
    """Set the headers on every answer of the application."""
    rest = "; ".join(_directives(settings))

    @app.after_request
    def set_headers(response: Response) -> Response:
        if response.status_code == 204:  # nothing in it to protect; a phone on 2G asks again every few seconds
            response.headers.update({"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"})
            return response
        style = f"style-src 'self' {g.get('inline_style', '')}".rstrip()
        headers = response.headers
        headers["Content-Security-Policy"] = f"default-src 'none'; script-src 'self'; {style}; {rest}"
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Cross-Origin-Opener-Policy"] = headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = PERMISSIONS
        headers.setdefault("Referrer-Policy", REFERRER)
        headers.setdefault("Cache-Control", "no-store")
        if settings.https:
            headers["Strict-Transport-Security"] = HSTS
        if g.get("personal"):
            headers["Cache-Control"] = "no-store"
        return response


def keep_for(response: Response, seconds: int) -> Response:
    """Let caches keep a page that is the same for everybody who reads its language, for that many seconds."""
    if request.method in ("GET", "HEAD") and "Set-Cookie" not in response.headers:
        response.headers["Cache-Control"] = f"public, max-age={seconds}"
    return response


def _directives(settings: Settings) -> list[str]:
    """The policy's fixed part. Browsers apply form-action to the redirect after a POST: hence the gateway's hosts."""
    return [
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        " ".join(["form-action 'self'", *settings.checkout_hosts]),
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
        *(["upgrade-insecure-requests"] if settings.https else []),
    ]
