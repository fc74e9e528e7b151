"""POST /api/jobs/{job}: for whoever has the secret; every other answer says nothing."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from aurapark.extensions import db

SECRET = "a secret of the jobs, é included"


@pytest.fixture
def environment() -> dict[str, str]:
    return {"JOBS_SECRET": SECRET}


def ask(client: FlaskClient, job: str, secret: bytes | None = SECRET.encode()) -> tuple[int, dict[str, object]]:
    given = {} if secret is None else {"X-Job-Secret": secret.decode("latin-1")}
    answer = client.post(f"/api/jobs/{job}", headers=given)
    return answer.status_code, answer.get_json()


JOBS = ["expire-seats", "process-refunds", "reconcile-payments", "send-notifications", "cleanup-idempotency"]


@pytest.mark.parametrize("job", JOBS)
def test_a_job_runs_and_is_recorded(client: FlaskClient, job: str) -> None:
    status, body = ask(client, job)
    assert (status, body) == (200, {"data": {"job": job, "processed": 0, "message": "Rien n’était à faire."}})
    db.session.rollback()
    assert db.session.execute(text("SELECT job, source, processed FROM job_run")).all() == [(job, "api", 0)]


@pytest.mark.parametrize("job", ["expire-seats", "no-such-job", "calculate-settlements"])
@pytest.mark.parametrize("secret", [None, b"", b"wrong", SECRET.encode()[:-1], b"\xff\xfe"])
def test_without_the_secret_nobody_learns_even_what_there_is(
    client: FlaskClient, job: str, secret: bytes | None
) -> None:
    status, body = ask(client, job, secret)
    assert (status, body["code"]) == (401, "AUTHENTICATION_REQUIRED")
    db.session.rollback()
    assert db.session.scalar(text("SELECT count(*) FROM job_run")) == 0


@pytest.mark.parametrize("job", ["no-such-job", "os.system", "expire-seats%00", "expire_seats"])
def test_an_unknown_job_is_not_found(client: FlaskClient, job: str) -> None:
    status, body = ask(client, job)
    assert (status, body["code"]) == (404, "NOT_FOUND")


def test_health_says_what_is_not_well(client: FlaskClient) -> None:
    status, body = ask(client, "health")
    assert (status, body["code"]) == (503, "UNAVAILABLE")
    assert "sweeper" in body["details"]["bad"]  # type: ignore[index]


class TestWithoutASecret:
    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {}

    def test_there_is_no_such_address(self, app: Flask) -> None:
        client = app.test_client()
        for secret in (None, b"", b"None"):
            assert ask(client, "expire-seats", secret)[0] == 404
