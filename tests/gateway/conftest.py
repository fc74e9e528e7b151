"""A running sandbox and our client of it; and a server that plays back recorded bodies."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from aurapark.config import SANDBOX_SECRET_KEY
from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox
from aurapark.payments import calls
from aurapark.payments.flutterwave import Flutterwave
from aurapark.payments.gateway import Checkout

MAIL_DOMAIN = "tickets.aurapark.example"


def make_client(base_url: str, **changes: Any) -> Flutterwave:
    """Our client of a server on the loopback."""
    values = {
        "base_url": base_url,
        "secret_key": SANDBOX_SECRET_KEY,
        "checkout_hosts": [urlsplit(base_url).netloc],
        "mail_domain": MAIL_DOMAIN,
        "timeouts": (1.0, 1.5),
    }
    return Flutterwave(**{**values, **changes})


def checkout(tx_ref: str = "AP-TEST-1", **changes: Any) -> Checkout:
    """One attempt of 6500 XAF."""
    values = {
        "tx_ref": tx_ref,
        "amount": 6500,
        "currency": "XAF",
        "booking_reference": "7K3QF9",
        "attempt": 1,
        "phone": "+237670000000",
        "name": "A. Ngo",
        "email": "payer@gmail.com",
        "redirect_url": "http://localhost:8000/payments/flutterwave/return",
        "session_seconds": 900,
        "description": "Yaoundé – Douala, 12",
    }
    return Checkout(**{**values, **changes})


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat GETs quickly."""
    monkeypatch.setattr(calls, "RETRY_WAIT", 0.01)


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> RunningSandbox:
    """The sandbox with nothing in it."""
    shared_sandbox.admin.reset()
    return shared_sandbox


@pytest.fixture
def client(sandbox: RunningSandbox) -> Flutterwave:
    """Our client of the sandbox."""
    return make_client(sandbox.base_url)


@dataclass
class Player:
    """A server that gives recorded answers, by path without query, and remembers what it was asked."""

    base_url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def player() -> Iterator[Player]:
    recorded = Player()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path)
            recorded.asked.append(f"{self.command} {self.path}")
            status, body = recorded.answers.get(path.path.removeprefix("/v3"), (404, "<html>nothing here</html>"))
            raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorded.base_url = f"http://127.0.0.1:{server.server_port}/v3"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield recorded
    server.shutdown()
    thread.join()
    server.server_close()
