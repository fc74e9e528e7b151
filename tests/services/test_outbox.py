"""The outbox: due work is claimed cheaply and once; what fails waits, gives up, and delays nobody."""

import random
import uuid
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import outbox
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.outbox import MOST_SILENT, MOST_TRIES, Work

KINDS = ("one", "two")
LEASE, BASE = timedelta(seconds=60), timedelta(seconds=10)


def run(statement: str) -> None:
    in_transaction(lambda: db.session.execute(text(statement)))


def publish(*keys: str, kind: str = "one") -> None:
    in_transaction(lambda: outbox.publish((kind, key, {"n": key}) for key in keys))


def claim(limit: int = 10, kinds: tuple[str, ...] = KINDS) -> list[Work]:
    return in_transaction(lambda: outbox.claim(kinds, limit=limit, lease=LEASE))


def give_back(work: Work, error: str = "OSError") -> bool:
    return in_transaction(lambda: outbox.give_back(work, error, base=BASE))


def rows(columns: str = "state, attempts") -> list[tuple[object, ...]]:
    return [tuple(row) for row in db.session.execute(text(f"SELECT {columns} FROM outbox ORDER BY id"))]  # noqa: S608


def let_the_lease_end() -> None:
    run("UPDATE outbox SET lease_until = now() - interval '1 s' WHERE state = 'leased'")


def test_a_claim_takes_the_oldest_of_all_kinds(app: Flask) -> None:
    publish("a", "b")
    publish("c", "d", kind="two")
    publish("e", kind="three")
    run("UPDATE outbox SET next_at = now() - interval '1 min' * id")
    assert [work.payload["n"] for work in claim(3)] == ["b", "c", "d"]
    assert [work.payload["n"] for work in claim(3)] == ["a"]
    assert claim(3) == []


def test_a_row_that_kills_whoever_claims_it_is_dead_after_its_tries(app: Flask) -> None:
    """Nobody ever says how it went: only the claims can count."""
    publish("poison")
    for _ in range(MOST_SILENT):
        assert len(claim()) == 1
        let_the_lease_end()
    assert claim() == []
    assert rows("state, attempts, last_error, lease_until") == [("dead", MOST_SILENT, outbox.SILENCE, None)]


def test_a_dead_row_does_not_hide_the_due_one_behind_it(app: Flask) -> None:
    publish("poison", "good")
    run(
        f"UPDATE outbox SET state = 'leased', silent = {MOST_SILENT - 1}, lease_until = now() - interval '1 s',"  # noqa: S608
        " lease_token = gen_random_uuid(), next_at = now() - interval '1 h' WHERE dedupe_key = 'poison'"
    )
    assert [work.payload["n"] for work in claim(1)] == ["good"]
    assert rows() == [("dead", 0), ("leased", 1)]


def test_tries_that_are_answered_are_no_silence(app: Flask) -> None:
    publish("late")
    for _ in range(MOST_SILENT + 1):
        (work,) = claim()
        give_back(work)
        run("UPDATE outbox SET next_at = now()")
    assert rows("state, attempts, silent") == [("ready", MOST_SILENT + 1, 0)]


def test_the_last_try_is_the_last(app: Flask) -> None:
    publish("a")
    run(f"UPDATE outbox SET attempts = {MOST_TRIES - 1}")  # noqa: S608
    (work,) = claim()
    assert give_back(work)
    assert rows() == [("dead", MOST_TRIES)]


def test_waits_double_up_to_360_steps_and_last_a_day(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    publish("a")
    waits: list[float] = []
    while work := next(iter(claim()), None):
        give_back(work)
        waits += [float(wait) for (wait,) in rows("extract(epoch FROM next_at - now())") if wait > 0]
        run("UPDATE outbox SET next_at = now()")
    assert len(waits) == MOST_TRIES - 1
    assert [round(wait / 7.5) for wait in waits[:4]] == [1, 2, 4, 8]
    assert max(waits) <= 3600
    assert 23 < sum(waits) / 3600 < 26


def test_an_error_is_kept_without_addresses_and_numbers(app: Flask) -> None:
    publish("a")
    (work,) = claim()
    give_back(work, "no way to jean@example.com or +237 6 99 12 34 56 with 3Jx0aV9b8c7d6e5f4g3h2i1j0k")
    assert rows("last_error") == [("no way to … or … with …",)]


def test_who_lost_the_lease_changes_nothing(app: Flask) -> None:
    publish("a")
    (zombie,) = claim()
    let_the_lease_end()
    (heir,) = claim()
    assert not in_transaction(lambda: outbox.finish(zombie))
    assert not give_back(zombie)
    assert in_transaction(lambda: outbox.finish(heir))
    assert rows() == [("done", 2)]


def test_a_heap_of_one_kind_slows_no_other_down(app: Flask) -> None:
    """2,000 rows wait for a way out that is closed: the claim of another kind reads an index, not the heap."""
    run("INSERT INTO outbox (kind, dedupe_key, payload) SELECT 'closed', n::text, '{}' FROM generate_series(1, 2000) n")
    publish("open", kind="two")
    run("ANALYZE outbox")
    statement = outbox._take(("two",), 10, LEASE, uuid.uuid4())
    compiled = statement.compile(db.engine, compile_kwargs={"render_postcompile": True})
    plan = db.session.connection().exec_driver_sql(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + str(compiled), {k: _plain(v) for k, v in compiled.params.items()}
    )
    read = plan.scalar()[0]["Plan"]["Shared Hit Blocks"]
    db.session.rollback()
    assert read < 60
    assert len(claim(10, ("two",))) == 1


def _plain(value: object) -> object:
    return getattr(value, "value", value)


def test_work_done_long_ago_is_forgotten_and_nothing_else(app: Flask) -> None:
    publish("old", "older", "young", "dead", "waiting")
    run("UPDATE outbox SET state = 'done', done_at = now() WHERE dedupe_key IN ('old', 'older', 'young')")
    run("UPDATE outbox SET state = 'dead' WHERE dedupe_key = 'dead'")
    run("UPDATE outbox SET created_at = now() - interval '401 days' WHERE dedupe_key <> 'young'")
    run("UPDATE outbox SET created_at = now() - interval '399 days' WHERE dedupe_key = 'young'")
    assert in_transaction(lambda: outbox.forget_done(1)) == 1
    assert in_transaction(lambda: outbox.forget_done(9)) == 1
    assert in_transaction(lambda: outbox.forget_done(9)) == 0
    assert rows("dedupe_key") == [("young",), ("dead",), ("waiting",)]
