"""64 clients over HTTP against the real server: refusals are answers, nothing is a server error, no seat goes twice."""

import random
import threading
from collections import Counter
from pathlib import Path

import requests
from flask import Flask
from sqlalchemy import text

from aurapark.database import in_transaction
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from tests.concurrency.race import CLIENTS, LEGS, SEATS
from tests.factories import Network
from tests.running import running_site

ROUNDS = 10
SEED = 20261123
TIMEOUT = 60


def test_64_clients_over_http_get_seats_or_a_clear_refusal(
    app: Flask, network: Network, database_url: str, servers: EmbeddedServers, tmp_path: Path
) -> None:
    trip_id, rng = network.trip.id, random.Random(SEED)
    db.session.remove()
    with running_site(database_url, servers.redis_url, tmp_path, processes=()) as site:
        sessions = [requests.Session() for _ in range(CLIENTS)]
        for session in sessions:
            session.headers["Connection"] = "close"  # an idle one may be closed by the server just as we send
        for _ in range(ROUNDS):
            answers = _fire(f"{site.url}/api/bookings/reserve", trip_id, sessions, rng)
            assert {status for status, _ in answers} <= {201, 409}
            places = Counter(place for status, wish in answers if status == 201 for place in _places(wish))
            assert sum(status == 201 for status, _ in answers) >= 1
            assert max(places.values()) == 1
            in_transaction(
                lambda: db.session.execute(text("UPDATE seat_claim SET expires_at = now() - interval '1 s'"))
            )
            db.session.remove()
        for session in sessions:
            session.close()
    assert db.session.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")) == 0


def _fire(
    url: str, trip_id: int, sessions: list[requests.Session], rng: random.Random
) -> list[tuple[int, dict[str, object]]]:
    barrier, answers = threading.Barrier(len(sessions)), []
    wishes = [_wish(trip_id, rng) for _ in sessions]

    def client(session: requests.Session, wish: dict[str, object]) -> None:
        barrier.wait()
        answers.append((session.post(url, json=wish, timeout=TIMEOUT).status_code, wish))

    threads = [threading.Thread(target=client, args=pair) for pair in zip(sessions, wishes, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(sessions)
    return answers


def _wish(trip_id: int, rng: random.Random) -> dict[str, object]:
    start, end = rng.choice(list(LEGS))
    return {"tripId": trip_id, "from": start, "to": end, "seats": rng.sample(SEATS, rng.randint(1, 3))}


def _places(wish: dict[str, object]) -> list[tuple[str, int]]:
    segments = range(*LEGS[(str(wish["from"]), str(wish["to"]))])
    return [(seat, segment) for seat in wish["seats"] for segment in segments]  # type: ignore[attr-defined]
