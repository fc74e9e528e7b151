"""schemathesis asks the API what its own document promises: no failure of ours, no answer that is not described.

Ten calls for each operation here; `make security` sets SCHEMA_EXAMPLES: many more, the edges of every parameter, and
chains of calls.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from aurapark import create_app
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from tests.conftest import admin_connection, make_settings, url_of
from tests.factories import Network
from tests.running import BIN, Site, running_site

NAME = "aurapark_schema"
EXAMPLES = os.environ.get("SCHEMA_EXAMPLES", "")
PHASES = "coverage,fuzzing,stateful" if EXAMPLES else "fuzzing"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)


@pytest.fixture
def selling(servers: EmbeddedServers, template_database: str, tmp_path: Path) -> Iterator[tuple[Site, int]]:
    """A site with a trip to sell, and the trip's number."""
    with admin_connection(servers) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME} TEMPLATE {template_database} STRATEGY FILE_COPY")
    url = url_of(servers, NAME)
    app = create_app(make_settings(url, servers.redis_url, tmp_path / "setup"))
    with app.app_context():
        trip_id = int(Network.make().trip.id)
        db.session.remove()
        db.engine.dispose()
    with running_site(url, servers.redis_url, tmp_path, processes=("sweeper",), RATE_LIMITS="off") as site:
        yield site, trip_id


def test_the_api_keeps_what_its_document_promises(selling: tuple[Site, int], tmp_path: Path) -> None:
    site, trip_id = selling
    wish = {"tripId": trip_id, "from": "DLA", "to": "YAO-MVAN", "seats": ["12"]}
    held = requests.post(f"{site.url}/api/bookings/reserve", json=wish, timeout=10).json()["data"]
    asked = subprocess.run(
        [
            str(BIN / "st"),
            "run",
            f"{site.url}/api/openapi.json",
            f"--max-examples={EXAMPLES or '10'}",
            f"--checks={CHECKS}",
            f"--phases={PHASES}",
            "--header",
            f"Authorization: Bearer {held['bookingToken']}",
            "--seed=237",
            "--no-color",
        ],
        cwd=tmp_path,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout[-6000:]
    assert "page_failed" not in site.log("web")
    assert "api_failed" not in site.log("web")
