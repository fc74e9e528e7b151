"""Stylesheet, scripts and icon without a build step: read, joined, compressed and named by their content at start-up.

A page that people arrive on may carry its styles in itself, see `stylesheet`; every other page links the one app.css.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import brotli
from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from aurapark.web.audience import Audience, AudienceBlueprint

STATIC_FOLDER = Path(__file__).resolve().parents[2] / "static"
STYLE_PARTS = ("tokens", "base", "controls", "messages", "trips", "seats", "booking", "staff", "print")
ARRIVAL_PARTS = ("tokens", "base", "controls")  # what every page needs; a page adds its own
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"
HASH_LENGTH = 10

bp = AudienceBlueprint("assets", __name__, audience=Audience.PUBLIC)


@dataclass(frozen=True)
class Asset:
    """One file as it is served: its bytes, name with hash, and compressed copies."""

    name: str
    body: bytes

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:HASH_LENGTH]

    @cached_property
    def hashed_name(self) -> str:
        stem, dot, extension = self.name.rpartition(".")
        return f"{stem}.{self.digest}{dot}{extension}"

    @cached_property
    def variants(self) -> dict[str, bytes]:
        """The body per content coding, best first."""
        return {"br": brotli.compress(self.body), "gzip": gzip.compress(self.body, 9, mtime=0), "identity": self.body}


class Assets:
    """All files of one static folder, read once."""

    def __init__(self, folder: Path) -> None:
        self.style_parts = {part: squeeze_css((folder / "css" / f"{part}.css").read_text()) for part in STYLE_PARTS}
        files = [Asset("app.css", "".join(self.style_parts.values()).encode())]
        files += [Asset(path.name, squeeze_js(path.read_text()).encode()) for path in sorted(folder.glob("js/*.js"))]
        files += [Asset(path.name, path.read_bytes()) for path in sorted(folder.glob("img/*.svg"))]
        self.by_name = {asset.name: asset for asset in files}
        for asset in files:
            asset.variants  # noqa: B018  compress at start-up, not in the first visitor's request

    def styles(self, parts: tuple[str, ...]) -> str:
        """Return the text of some parts of the stylesheet, in the stylesheet's order."""
        return "".join(text for part, text in self.style_parts.items() if part in parts)


def init_app(app: Flask) -> None:
    """Read the files of `static/`, serve them under `/static/`, and give templates `asset_url` and `stylesheet`."""
    app.extensions["assets"] = Assets(STATIC_FOLDER)
    app.register_blueprint(bp)
    app.add_template_global(asset_url)
    app.add_template_global(stylesheet)


def squeeze_css(text: str) -> str:
    """Take comments and needless white space out of a stylesheet that has no `/*` inside a string."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?([{};,>]) ?", r"\1", text)
    text = re.sub(r"([{;(][-\w]+): ", r"\1:", text)
    text = re.sub(r"(?<=[ :,(-])0(?=\.\d)", "", text)
    return text.replace(";}", "}").strip()


def squeeze_js(text: str) -> str:
    """Take indentation and whole-line comments out of a script that has no template literal over several lines."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def asset_url(name: str) -> str:
    """Return the address of a file that may be kept for ever, `asset_url("app.css")`."""
    return url_for("assets.static_file", name=_assets().by_name[name].hashed_name)


def stylesheet(*parts: str, prefetch: bool = True) -> Markup:
    """Return the link to app.css; or, on a page people arrive on, the styles themselves.

    `parts` names what the page needs beside the common parts, `stylesheet("seats")`. A request from outside the site
    gets these in one `<style>` element: no round trip before the first paint. Its hash is left in
    `g.inline_style` (`'sha256-…'`) for `style-src` of this one answer. `prefetch` asks the browser to fetch
    app.css when idle, for the next page.
    """
    link = Markup('<link rel="stylesheet" href="{}">').format(asset_url("app.css"))
    if not parts:
        return link
    g.style_varies = True
    if not arrives_from_outside():
        return link
    text = inline_css(*parts)
    g.inline_style = style_source(text)
    style = Markup("<style>") + Markup(text) + Markup("</style>")  # nosec B704  # noqa: S704  our own file, no input in it
    if prefetch:
        style += Markup('<link rel="prefetch" as="style" href="{}">').format(asset_url("app.css"))
    return style


def inline_css(*parts: str) -> str:
    """Return the styles for a first visit: the common parts and those named."""
    return _assets().styles(ARRIVAL_PARTS + parts)


def style_source(text: str) -> str:
    """Return the CSP source `'sha256-…'` that lets exactly this `<style>` in."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def arrives_from_outside() -> bool:
    """Say whether this request comes from another site, a typed address or a message, and so has no cached files."""
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site != "same-origin"
    return urlsplit(request.referrer or "").netloc != request.host


@bp.after_app_request
def vary_by_origin(response: Response) -> Response:
    """Keep caches from giving a visitor of the site the page made for a first visit."""
    if g.get("style_varies"):
        response.vary.add("Sec-Fetch-Site")
        if "Sec-Fetch-Site" not in request.headers:
            response.vary.add("Referer")
    return response


@bp.get("/static/<name>")
def static_file(name: str) -> AnyResponse:
    """Serve a file by its hashed name; an old hash or the bare name leads to the current one."""
    assets = _assets().by_name
    asset = assets.get(re.sub(rf"\.[0-9a-f]{{{HASH_LENGTH}}}(?=\.\w+$)", "", name))
    if asset is None:
        abort(404)
    if name != asset.hashed_name:
        return _moved(asset)
    coding = request.accept_encodings.best_match(list(asset.variants), default="identity") or "identity"
    response = Response(asset.variants[coding], content_type=TYPES[Path(asset.name).suffix] + "; charset=utf-8")
    if coding != "identity":
        response.content_encoding = coding
    response.headers["Cache-Control"] = FOREVER
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{asset.digest}-{coding}")
    return response.make_conditional(request)


def _moved(asset: Asset) -> AnyResponse:
    response = redirect(url_for("assets.static_file", name=asset.hashed_name))
    response.headers["Cache-Control"] = "no-cache"
    return response


def _assets() -> Assets:
    found: Assets = current_app.extensions["assets"]
    return found
