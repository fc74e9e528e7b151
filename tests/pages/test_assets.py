"""Styles and scripts: served for ever, small, readable for everybody, and allowed by the content security policy."""

import gzip
import re
from base64 import b64encode
from hashlib import sha256
from itertools import product
from pathlib import Path

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient

from aurapark.config import ROOT
from aurapark.web.assets import asset_url, squeeze_css, squeeze_js
from tests.pages.look import look_app

KILOBYTE = 1024
STAFF_SCRIPTS: set[str] = set()  # scripts that only pages of staff load
FROM_OUTSIDE = {"Sec-Fetch-Site": "none", "Accept-Encoding": "br"}
SEATS = "/styleguide/seats/coach/2"
HOME = "/styleguide/home"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return look_app(tmp_path_factory.mktemp("var"))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def url_of(app: Flask, name: str) -> str:
    with app.test_request_context():
        return asset_url(name)


def links(page: str) -> list[str]:
    return sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)))


@pytest.mark.parametrize(
    ("accepts", "coding", "undo"),
    [("gzip, deflate, br", "br", brotli.decompress), ("gzip", "gzip", gzip.decompress), ("", None, bytes)],
    ids=["brotli", "gzip", "plain"],
)
def test_a_hashed_file_is_kept_for_ever(app: Flask, client: FlaskClient, accepts, coding, undo) -> None:  # type: ignore[no-untyped-def]
    answer = client.get(url_of(app, "app.css"), headers={"Accept-Encoding": accepts})
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.content_type == "text/css; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Accept-Encoding" in answer.vary
    assert "Set-Cookie" not in answer.headers
    assert b"--paper:" in undo(answer.data)


def test_a_known_file_is_not_sent_again(app: Flask, client: FlaskClient) -> None:
    url = url_of(app, "seats.js")
    etag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_an_old_name_leads_to_the_current_file_and_is_never_kept(app: Flask, client: FlaskClient) -> None:
    for name in ("app.css", "app.0123456789.css"):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 302
        assert answer.location == url_of(app, "app.css")
        assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get("/static/nothing.js").status_code == 404
    assert client.get("/static/..%2Fpyproject.toml").status_code == 404


def test_squeezing_takes_comments_and_space_only() -> None:
    assert squeeze_css("/* a */ a > b,\n c { margin: 0 0.5em ; }\n") == "a>b,c{margin:0 .5em}"
    assert squeeze_css("@media (min-width: 40rem) { a { width: calc(1px + 2px); } }") == (
        "@media (min-width:40rem){a{width:calc(1px + 2px)}}"
    )
    assert squeeze_js("// a\n  let a = 1;  // b\n\n") == "let a = 1;  // b\n"


@pytest.mark.parametrize("path", [SEATS, HOME])
def test_a_first_visit_carries_its_styles_under_the_policy(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Sec-Fetch-Site": "cross-site"})
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.S)
    source = f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
    assert f"style-src 'self' {source};" in answer.headers["Content-Security-Policy"]
    assert 'rel="stylesheet"' not in answer.text
    assert "Sec-Fetch-Site" in answer.vary


def test_a_page_after_the_first_links_the_cached_file(client: FlaskClient) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Referer": "http://localhost/trips"}):
        answer = client.get(SEATS, headers=headers)
        assert "<style>" not in answer.text
        assert 'rel="stylesheet"' in answer.text
        assert "style-src 'self';" in answer.headers["Content-Security-Policy"]
        assert "Sec-Fetch-Site" in answer.vary


def test_without_fetch_metadata_the_referer_decides(client: FlaskClient) -> None:
    answer = client.get(SEATS, headers={"Referer": "https://example.org/"})
    assert "<style>" in answer.text
    assert {"sec-fetch-site", "referer"} <= {name.lower() for name in answer.vary}


def test_an_ordinary_page_never_carries_styles(client: FlaskClient) -> None:
    assert "<style>" not in client.get("/styleguide/", headers={"Sec-Fetch-Site": "none"}).text


def test_the_theme_is_rendered_by_the_server_and_keeps_the_page(client: FlaskClient) -> None:
    answer = client.get(f"{HOME}?theme=dark&date=2026-12-18")
    assert answer.status_code == 303
    assert answer.location == f"{HOME}?date=2026-12-18"
    assert 'data-theme="dark"' in client.get(HOME).text
    assert client.get(f"{HOME}?theme=pink").status_code == 200


def test_the_language_switch_keeps_the_query(client: FlaskClient) -> None:
    page = client.get(f"{HOME}?lang=fr&from=DLA&from=YAO").text
    assert f'href="{HOME}?lang=en&amp;from=DLA&amp;from=YAO"' in page
    assert '<html lang="fr">' in page


# Budgets: what a visitor's browser receives


def weight(client: FlaskClient, path: str) -> int:
    """Bytes of a first visit with everything the page loads, as a browser asks for it."""
    page = client.get(path, headers=FROM_OUTSIDE)
    text = brotli.decompress(page.data).decode()
    return len(page.data) + sum(len(client.get(link, headers=FROM_OUTSIDE).data) for link in links(text))


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_first_seat_page_of_70_seats_weighs_6_kilobytes(client: FlaskClient, lang: str) -> None:
    assert weight(client, f"{SEATS}?lang={lang}") <= 6 * KILOBYTE


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_first_home_page_weighs_10_kilobytes(client: FlaskClient, lang: str) -> None:
    assert weight(client, f"{HOME}?lang={lang}") <= 10 * KILOBYTE


def test_the_whole_stylesheet_and_each_script_keep_their_budget(app: Flask, client: FlaskClient) -> None:
    budgets = {
        "app.css": 7,
        "app.js": 1.5,
        "seats.js": 1.5,
        "hold.js": 1.5,
        "live.js": 1.6,
        "people.js": 1.5,
        "icon.svg": 0.5,
    }
    for name, kilobytes in budgets.items():
        size = len(client.get(url_of(app, name), headers={"Accept-Encoding": "gzip"}).data)
        assert size <= kilobytes * KILOBYTE, name


def test_all_scripts_of_a_traveller_weigh_4_kilobytes_together(app: Flask, client: FlaskClient) -> None:
    """As they travel, in brotli, which every browser with modules takes. A passkey's script comes with the key."""
    scripts = [f"{name}.js" for name in ("app", "seats", "live", "sale", "hold", "wait", "people")]
    assert {one.name for one in (ROOT / "static" / "js").iterdir()} - {*scripts, "passkeys.js"} == STAFF_SCRIPTS
    sizes = [len(client.get(url_of(app, name), headers={"Accept-Encoding": "br"}).data) for name in scripts]
    assert sum(sizes) <= 4 * KILOBYTE, dict(zip(scripts, sizes, strict=True))


# Contrast, computed from the tokens (WCAG 2.2, 1.4.6 and 1.4.11)


def themes() -> dict[str, dict[str, str]]:
    """The colours of each theme; dark stands twice in the file, for the device and for the switch."""
    text = (ROOT / "static" / "css" / "tokens.css").read_text()
    blocks = [dict(re.findall(r"--([\w-]+): (#[0-9A-F]+);", block)) for block in re.findall(r"\{([^{}]*)\}", text)]
    light, by_device, by_choice = blocks
    assert by_device == by_choice
    return {"light": light, "dark": light | by_device}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TEXT = [
    *product(("ink", "soft", "link", "error", "ok"), ("paper", "surface")),
    ("ink", "error-tint"), ("error", "error-tint"), ("ink", "ok-tint"), ("ok", "ok-tint"),
    ("on-act", "act"), ("on-taxi", "taxi"), ("on-taken", "taken"), ("on-taken", "surface"), ("on-ndop", "ndop"),
]  # fmt: skip
EDGES = [*product(("edge", "ink", "link", "error", "ok"), ("paper", "surface")), ("taxi", "ndop")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_the_contrast_of_aaa(theme: str) -> None:
    colours = themes()[theme]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXT}
    assert {pair: round(ratio, 1) for pair, ratio in weak.items() if ratio < 7} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edges_of_controls_can_be_seen(theme: str) -> None:
    colours = themes()[theme]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in EDGES}
    assert {pair: round(ratio, 1) for pair, ratio in weak.items() if ratio < 3} == {}


# Habits


def own_templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("pattern", [r"\sstyle=", r"\son[a-z]+=", r"<style", r"<script(?![^>]*\ssrc=)"])
def test_no_template_needs_an_exception_from_the_policy(pattern: str) -> None:
    pages = [path for path in own_templates() if "emails" not in path.parts]
    assert [path.name for path in pages if re.search(pattern, path.read_text())] == []


def test_every_component_says_what_it_takes() -> None:
    components = (ROOT / "templates" / "components").glob("*.html")
    assert [path.name for path in components if "{#" not in path.read_text()] == []


def test_a_seat_is_named_in_full_in_both_languages(client: FlaskClient) -> None:
    def plain(text: str) -> str:
        return text.replace("\u00a0", " ").replace("\u202f", " ")

    french = plain(client.get("/styleguide/seats/coach/2?lang=fr").text)
    english = plain(client.get("/styleguide/seats/coach/2?lang=en").text)
    assert 'aria-label="Siège 8, milieu à gauche, libre, 4 000 FCFA"' in french
    assert 'aria-label="Siège 31, fenêtre à droite, libre, près de la porte, 4 000 FCFA"' in french
    assert ">Siège 3, milieu à gauche, pris<" in french
    assert ">Siège 1, couloir à droite, pris, près de la porte<" in french
    assert 'aria-label="Siège 65, banquette arrière à gauche, libre, 4 000 FCFA"' in french
    assert 'aria-label="Seat 8, middle left, free, 4,000 FCFA"' in english
    assert 'aria-label="Seat 31, window right, free, near the door, 4,000 FCFA"' in english
    folding = plain(client.get("/styleguide/seats/coaster/1?lang=fr").text)
    assert "strapontin à droite, libre, 4 000 FCFA" in folding
    assert 'type="radio"' in folding
    assert "choisi par vous, 4 000 FCFA" in plain(client.get("/styleguide/?lang=fr").text)
