"""A running sandbox, a merchant who calls it, and a server of ours that its webhooks come to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox


@dataclass
class Received:
    """One webhook as it arrived."""

    headers: dict[str, str]
    raw: bytes
    at: float

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)

    @property
    def status(self) -> str:
        return self.body["data"]["status"]


@dataclass
class Receiver:
    """Our side of the webhooks: keeps what comes, answers as told."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    before_answer: Callable[[Received], None] = lambda _: None

    def clear(self) -> None:
        self.received.clear()
        self.answers.clear()
        self.before_answer = lambda _: None

    def wait_for(self, count: int, *, seconds: float = 5) -> list[Received]:
        """Return the webhooks once there are so many."""
        give_up = time.monotonic() + seconds
        while len(self.received) < count and time.monotonic() < give_up:
            time.sleep(0.005)
        assert len(self.received) >= count, f"{len(self.received)} of {count} webhooks came"
        return list(self.received)


@pytest.fixture(scope="session")
def listening() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            webhook = Received(dict(self.headers.items()), raw, time.monotonic())
            receiver.received.append(webhook)
            status = receiver.answers.pop(0) if receiver.answers else 200
            receiver.before_answer(webhook)
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"noted\r\n")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory, listening: Receiver) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), webhook_url=listening.url) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox, receiver: Receiver) -> RunningSandbox:
    """The sandbox with nothing in it."""
    shared_sandbox.admin.wait_until_idle()
    shared_sandbox.admin.reset()
    receiver.clear()
    return shared_sandbox


@pytest.fixture
def receiver(listening: Receiver) -> Receiver:
    """The webhook receiver with nothing in it."""
    listening.clear()
    return listening


class Merchant:
    """Calls the v3 API with a key; every answer comes back as it is."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.key = sandbox.settings.secret_key

    def call(self, method: str, path: str, **how: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        url, timeout = f"{self.sandbox.base_url}{path}", how.pop("timeout", 10)
        return requests.request(method, url, headers=headers, allow_redirects=False, timeout=timeout, **how)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.call("GET", path, params=query)

    def order(self, tx_ref: str = "AP-1", **changes: Any) -> dict[str, Any]:
        body = {
            "tx_ref": tx_ref,
            "amount": 6500,
            "currency": "XAF",
            "redirect_url": "http://localhost:8000/payments/flutterwave/return",
            "payment_options": "card, mobilemoneyfranco",
            "customer": {"email": "payer@example.com", "name": "A. Ngo", "phonenumber": "237670000000"},
            "customizations": {"title": "AuraPark", "description": "Yaounde-Douala, siege 12"},
            "meta": {"booking_ref": "7K3QF9", "attempt": 1},
            "configurations": {"session_duration": 15, "max_retry_attempt": 3},
            **changes,
        }
        return {name: value for name, value in body.items() if value is not None}

    def open(self, tx_ref: str = "AP-1", **changes: Any) -> requests.Response:
        return self.call("POST", "/payments", json=self.order(tx_ref, **changes))

    def link(self, tx_ref: str = "AP-1", **changes: Any) -> str:
        return self.open(tx_ref, **changes).json()["data"]["link"]

    def paid(self, tx_ref: str = "AP-1", **how: Any) -> int:
        """Open a payment, pay it, return the charge's id."""
        self.link(tx_ref)
        return self.sandbox.admin.pay(tx_ref, **how)["charge"]["id"]

    def verify(self, charge_id: object) -> requests.Response:
        return self.get(f"/transactions/{charge_id}/verify")

    def verify_by_reference(self, tx_ref: str = "AP-1") -> requests.Response:
        return self.get("/transactions/verify_by_reference", tx_ref=tx_ref)

    def refund(self, charge_id: int, **body: Any) -> requests.Response:
        return self.call("POST", f"/transactions/{charge_id}/refund", json=body)


@pytest.fixture
def merchant(sandbox: RunningSandbox) -> Merchant:
    return Merchant(sandbox)


@pytest.fixture
def make_sandbox(tmp_path: Path, receiver: Receiver) -> Callable[..., Any]:
    """Start a sandbox with its own settings: `with make_sandbox(clock_scale=60) as sandbox`."""

    def make(**settings: Any) -> Any:
        return running_sandbox(tmp_path, **{"webhook_url": receiver.url, **settings})

    return make
