"""What the sandbox's HTML pages share: the language and the doors that are closed to everything foreign."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Response, render_template

from aurapark.devstack.sandbox.strings import choose_language, say, write_amount

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action "
)


def render_page(template: str, *, status: int = 200, back_to: str | None = None, **values: Any) -> Response:
    """Return a page in the reader's language. Its forms may only lead to itself and, by a redirect, to `back_to`."""
    language = choose_language()
    html = render_template(
        template,
        language=language,
        other_language="en" if language == "fr" else "fr",
        t=partial(say, language),
        money=partial(write_amount, language),
        **values,
    )
    response = Response(html, status, content_type="text/html; charset=utf-8")
    response.headers.update(
        {
            "Content-Security-Policy": POLICY + " ".join(["'self'", *_origins(back_to)]),
            "Content-Language": language,
            "Vary": "Accept-Language",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
    )
    return response


def _origins(address: str | None) -> list[str]:
    parts = urlsplit(address) if address else None
    return [f"{parts.scheme}://{parts.netloc}"] if parts else []
