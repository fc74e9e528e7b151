"""A caller of the API that holds every answer against the OpenAPI document."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from aurapark.web.openapi import DOCUMENT
from tests.factories import Network
from tests.fakes import FakeGateway

OPENAPI: dict[str, Any] = json.loads(DOCUMENT.read_text())
PAYER = {"phone": "6 71 23 45 67", "name": "Awa Ngo", "email": "awa@example.cm"}


@dataclass
class Api:
    """Calls the API without cookies; `token` and `language` go with every call."""

    app: Flask
    token: str | None = None
    language: str = "en"

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> TestResponse:
        sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        keyed = {"Idempotency-Key": key} if key else {}
        return self.call("POST", path, headers=keyed | headers, **sent)

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **how: Any) -> TestResponse:
        """Call, and check the answer against the document."""
        sent = {"Accept-Language": self.language, **(headers or {})}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        with self.app.app_context():  # a session of its own, as every request has
            response = self.app.test_client(use_cookies=False).open(path, method=method, headers=sent, **how)
        assert "Set-Cookie" not in response.headers
        check(method, path, response.status_code, response.data)
        return response

    def reserve(self, network: Network, *seats: str, **wish: Any) -> dict[str, Any]:
        """Hold seats from Douala to Yaoundé and go on as the bearer of the token."""
        chosen = {"seats": list(seats)} if seats else {}
        body = {"tripId": network.trip.id, "from": "DLA", "to": "YAO-MVAN", **chosen, **wish}
        response = self.post("/api/bookings/reserve", body)
        assert response.status_code == 201, response.text
        held: dict[str, Any] = data(response)
        self.token = held["bookingToken"]
        return held

    def pay(self, held: dict[str, Any], *, key: str = "k1", **changes: Any) -> TestResponse:
        """Start a payment for everybody on a hold."""
        passengers = [{"seat": seat, "name": f"Awa Ngo {'I' * (n + 1)}"} for n, seat in enumerate(held["seats"])]
        body = {"bookingRef": held["bookingRef"], "contact": PAYER, "passengers": passengers, **changes}
        return self.post("/api/payments", body, key=key)


def data(response: TestResponse) -> Any:
    """Return what an answer holds."""
    assert response.status_code < 400, response.text
    return response.json["data"]


def refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return the details of a refusal, after looking at its shape."""
    assert (response.status_code, response.json["code"], response.json["statusCode"]) == (status, code, status)
    assert response.json["error"]
    details: dict[str, Any] = response.json["details"]
    return details


def check(method: str, path: str, status: int, body: bytes) -> None:
    """Hold an answer against the OpenAPI document; what no path describes must be the error object."""
    operation = _operation(path.partition("?")[0]).get(method.lower())
    if operation is None:
        assert status in (404, 405), f"{method} {path} is not described"
        schema = {"$ref": "#/components/schemas/Error"}
    else:
        described = operation["responses"].get(str(status))
        assert described, f"{method} {path} → {status} is not described: {body[:300]!r}"
        if "$ref" in described:
            described = OPENAPI["components"]["responses"][described["$ref"].rpartition("/")[2]]
        if "content" not in described:
            assert body == b""
            return
        schema = described["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": OPENAPI["components"]}).validate(json.loads(body))


def _operation(path: str) -> dict[str, Any]:
    if path in OPENAPI["paths"]:
        return dict(OPENAPI["paths"][path])
    for template, operations in OPENAPI["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return dict(operations)
    return {}


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    """The gateway the API's edge finds."""
    from aurapark.checkout import api_routes

    fake = FakeGateway()
    monkeypatch.setattr(api_routes, "gateway_for", lambda _settings: fake)
    return fake


@pytest.fixture
def api(app: Flask, gateway: FakeGateway) -> Api:
    """A caller without a token."""
    return Api(app)
