"""The OpenAPI document is valid and says neither more nor less than the running application does."""

import json
import re

from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from aurapark.web.audience import list_routes
from tests.api.conftest import OPENAPI, Api

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
NAMES = {"reference": "bookingRef", "trip_id": "tripId", "job": "job", "tx_ref": "txRef"}


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(OPENAPI).validate()


def test_it_is_served(api: Api) -> None:
    answer = api.get("/api/openapi.json")
    assert json.loads(answer.data) == OPENAPI
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_every_route_is_described_and_every_description_is_a_route(app: Flask) -> None:
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", lambda found: f"{{{NAMES[found[1]]}}}", route["rule"]))
        for route in list_routes(app)
        for method in METHODS & set(route["methods"])
        if route["rule"].startswith("/api/")
    }
    described = {(method.upper(), path) for path, operations in OPENAPI["paths"].items() for method in operations}
    assert routes == described


def test_every_operation_may_fail_in_the_open(app: Flask) -> None:
    for path, operations in OPENAPI["paths"].items():
        for method, operation in operations.items():
            assert "500" in operation["responses"], f"{method} {path}"
            if operation["security"]:
                assert {"401", "404"} <= set(operation["responses"]), f"{method} {path}"
            if "requestBody" in operation:
                assert {"400", "413", "415"} <= set(operation["responses"]), f"{method} {path}"
