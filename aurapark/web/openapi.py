"""The API's own description: one file, served as it is. Tests hold every answer against it."""

from pathlib import Path

from flask import Response

from aurapark.web import api
from aurapark.web.headers import keep_for

DOCUMENT = Path(__file__).with_name("openapi.json")
SECONDS = 300

bp = api.blueprint("openapi", __name__)


@bp.get("/openapi.json")
def describe() -> Response:
    """Return the OpenAPI 3.1 document."""
    return keep_for(Response(DOCUMENT.read_bytes(), content_type="application/json"), SECONDS)
