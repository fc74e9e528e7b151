"""Doctor's rounds: every five minutes, once whoever asks, kept, and never longer than allowed."""

import threading
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.reconciliation import rounds
from aurapark.reconciliation.models import DoctorReport
from tests.factories import Network
from tests.stories import hold


def report() -> DoctorReport:
    db.session.rollback()
    return db.session.scalars(select(DoctorReport).execution_options(populate_existing=True)).one()


def run(sql: str) -> Any:
    return in_transaction(lambda: db.session.execute(text(sql)))


def test_it_is_kept_and_due_again_in_five_minutes(network: Network, settings: Settings) -> None:
    assert [rounds.go_round(settings), rounds.go_round(settings)] == [1, 0]
    found = report()
    assert (found.clean, found.found) == (True, [])
    assert found.seconds is not None
    run("UPDATE doctor_report SET next_at = now() - interval '1 s'")
    run("INSERT INTO outbox (kind, dedupe_key, payload, next_at) VALUES ('sms', '1', '{}', now() - interval '1 h')")
    assert rounds.go_round(settings) == 1
    found = report()
    assert (found.clean, [one["id"] for one in found.found]) == (False, ["I18"])
    assert "rows" not in found.found[0]  # they may be about people


def test_two_sweepers_examine_once(app: Flask, settings: Settings) -> None:
    done: list[int] = []

    def sweep() -> None:
        with app.app_context():
            done.append(rounds.go_round(settings))
            db.session.remove()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, 1]


def test_what_would_take_long_is_broken_off(network: Network, settings: Settings, monkeypatch: Any) -> None:
    hold(network, "1")

    def slow(connection: Any) -> None:
        connection.execute(text("SELECT pg_sleep(30)"))

    monkeypatch.setattr(rounds, "examine_within", slow)
    monkeypatch.setattr(rounds, "SECONDS_ALLOWED", 0.3)
    began = time.monotonic()
    assert rounds.go_round(settings) == 1
    assert time.monotonic() - began < 5
    assert report().clean is None
    assert db.session.scalar(text("SELECT count(*) FROM booking")) == 1  # the connection is as good as new


def test_a_failure_is_not_swallowed(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "examine_within", lambda _connection: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rounds.go_round(settings)
