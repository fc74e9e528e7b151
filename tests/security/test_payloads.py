"""Twelve payloads each: hosts, forwarded headers, addresses to be led to, gateways that are not ours."""

import ast
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aurapark import create_app
from aurapark.checkout import payment_routes
from aurapark.config import ROOT, Settings
from tests.accounts import browser_of
from tests.architecture.test_source import ours
from tests.factories import Network
from tests.security.routes import Place, make_place

EVIL = "evil.example"
HOSTS = [
    EVIL,
    f"{EVIL}:80",
    f"localhost.{EVIL}",
    f"{EVIL}.localhost",
    f"localhost@{EVIL}",
    f"{EVIL}#localhost",
    f"{EVIL}?localhost",
    f"{EVIL}/localhost",
    f"localhost, {EVIL}",
    f"localhost {EVIL}",
    "127.0.0.1.nip.io",
    "[::ffff:10.0.0.1]",
]
FORWARDED = [
    {"X-Forwarded-Host": EVIL},
    {"X-Forwarded-Host": f"{EVIL}, localhost"},
    {"X-Forwarded-Server": EVIL},
    {"X-Host": EVIL},
    {"X-Original-Host": EVIL},
    {"X-HTTP-Host-Override": EVIL},
    {"Forwarded": f"for=1.2.3.4;host={EVIL};proto=https"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "31337"},
    {"X-Forwarded-Prefix": f"//{EVIL}"},
    {"X-Original-URL": f"//{EVIL}/"},
    {"X-Rewrite-URL": "/styleguide/"},
    {"X-Forwarded-For": "1.2.3.4", "X-Real-IP": "1.2.3.4", "Client-IP": "1.2.3.4"},
]
LEADS = [
    f"https://{EVIL}/",
    f"//{EVIL}",
    f"///{EVIL}",
    f"/\\{EVIL}",
    f"\\\\{EVIL}",
    f"/%2f{EVIL}",
    f"/%5c{EVIL}",
    f"/%09/{EVIL}",
    f"https:{EVIL}",
    f"javascript:alert('{EVIL}')",
    f"/%0d%0aLocation:%20https://{EVIL}",
    f"@{EVIL}",
]
LED_BY = ("next", "url", "theme", "lang")
REDIRECTING = ("/find?theme=dark&{}", "/static/app.css?{}", "/login?{}")


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_refused(client: FlaskClient, host: str) -> None:
    for path in ("/", "/find", "/api/stops", "/static/app.css", "/login/reset"):
        response = client.get(path, headers={"Host": host})
        assert response.status_code == 400, path
        assert EVIL not in response.text + str(response.headers)


@pytest.mark.parametrize("headers", FORWARDED, ids=lambda headers: "+".join(headers))
def test_forwarded_headers_of_strangers_change_nothing(app: Flask, headers: dict[str, str]) -> None:
    for path in ("/find", "/static/app.css", "/account", "/api/stops"):
        plain, forged = (browser_of(app).get(path, headers=sent) for sent in ({}, headers))
        assert (plain.status_code, plain.headers.get("Location")) == (
            forged.status_code,
            forged.headers.get("Location"),
        )
        assert EVIL not in forged.text + str(forged.headers)
        assert "1.2.3.4" not in forged.text


@pytest.mark.parametrize("lead", LEADS)
def test_no_address_leads_away(app: Flask, lead: str) -> None:
    client = browser_of(app)
    for template in REDIRECTING:
        for name in LED_BY:
            response = client.get(template.format(f"{name}={lead}"))
            location = response.headers.get("Location", "/")
            assert urlsplit(location).netloc in ("", "localhost"), (template, name, location)
            assert not location.startswith(("//", "/\\"))
            assert "\n" not in location


@pytest.mark.parametrize(
    "path", [f"//{EVIL}/", f"/find//{EVIL}", f"/find/..//{EVIL}", f"/%2f{EVIL}/", f"/styleguide//{EVIL}"]
)
def test_no_path_is_taken_for_a_host(app: Flask, path: str) -> None:
    location = browser_of(app).get(path).headers.get("Location", "/")
    assert urlsplit(location).netloc in ("", "localhost")


def test_no_address_is_built_from_a_request() -> None:
    """Links in messages begin with SITE_URL: nothing asks Flask for an address with its host."""
    asked = [
        path
        for path, tree in ours()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and any(word.arg == "_external" for word in node.keywords)
        if not isinstance(next(w.value for w in node.keywords if w.arg == "_external"), ast.Constant)
        or next(w.value.value for w in node.keywords if w.arg == "_external")
    ]
    assert asked == []
    for template in (ROOT / "templates").rglob("*.*"):
        text = template.read_text()
        assert "_external" not in text, template
        assert not re.search(r"request\.(host|url|base_url|url_root)", text), template


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "Host"])
def test_behind_a_proxy_no_host_but_ours_is_taken(app: Flask, settings: Settings, name: str) -> None:
    """A proxy that passes a stranger's host on changes nothing: the request is refused before anything is sent."""
    behind = create_app(replace(settings, site_url="https://aurapark.example", proxy_count=1)).test_client()
    for host in HOSTS:
        refused = behind.get("/login/reset", base_url="https://aurapark.example", headers={name: host})
        assert refused.status_code == 400, host
        assert EVIL not in refused.text + str(refused.headers)


@pytest.fixture
def place(network: Network) -> Place:
    return make_place(network)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A second server on this machine, and who has called it."""
    heard: list[str] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def listen() -> None:
            while True:
                try:
                    caller, where = server.accept()
                except OSError:
                    return
                heard.append(str(where))
                caller.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        thread.join(2)


def test_the_way_back_makes_us_ask_nobody_else(
    app: Flask, place: Place, listener: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heard = listener
    monkeypatch.setattr(payment_routes, "WAIT_SECONDS", 0)
    payloads = [
        "transaction_id=../..",
        "transaction_id=..%2f..%2fadmin",
        f"transaction_id=@127.0.0.1:{port}/",
        f"transaction_id=http://127.0.0.1:{port}/",
        f"resourcePath=//127.0.0.1:{port}/",
        f"resourcePath=@127.0.0.1:{port}",
        f'resp={{"url":"http://127.0.0.1:{port}"}}',
        f"tx_ref=http://127.0.0.1:{port}/",
        f"tx_ref=@127.0.0.1:{port}",
        "tx_ref=../../transfers",
        f"tx_ref={place.payment.tx_ref}%23@127.0.0.1:{port}",
        f"tx_ref={place.payment.tx_ref}&transaction_id=1%20OR%201=1&status=successful",
    ]
    client = browser_of(app)
    for provider in ("flutterwave", "stripe"):
        for payload in payloads:
            response = client.get(f"/payments/{provider}/return?{payload}")
            assert response.status_code == 200, payload
            assert place.booking.reference not in response.text
    assert heard == []
