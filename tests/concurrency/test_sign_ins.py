"""100 people who sign in at once do not stop sales: over HTTP against the real server with its four threads."""

import re
import threading
import time
from pathlib import Path

import requests
from flask import Flask

from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from tests.factories import Network
from tests.running import Site, running_site

SIGN_INS = 100
TIMEOUT = 60


def test_100_sign_ins_at_once_do_not_stop_sales(
    app: Flask, network: Network, database_url: str, servers: EmbeddedServers, tmp_path: Path
) -> None:
    trip_id = network.trip.id
    db.session.remove()
    with running_site(database_url, servers.redis_url, tmp_path, processes=(), RATE_LIMITS="off") as site:
        answers, sales, waits, meanwhile = _fire(site, trip_id)
    assert len(answers) == SIGN_INS
    assert set(answers) <= {422, 503}, answers
    assert answers.count(422) >= 1
    assert set(sales) == {201}
    assert sum(meanwhile) >= 2, meanwhile
    judged, refused = answers.count(422), answers.count(503)
    print(f"{judged} judged, {refused} refused; {len(sales)} sales, {max(waits):.2f} s")  # noqa: T201  shown with -s


def _fire(site: Site, trip_id: int) -> tuple[list[int], list[int], list[float], list[bool]]:
    """Sign in 100 times at once and sell seats; the last list says which sales did not wait for all of that."""
    answers: list[int] = []
    with requests.Session() as first:
        page = first.get(f"{site.url}/login", timeout=TIMEOUT).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        cookies = dict(first.cookies)
    assert token is not None
    barrier = threading.Barrier(SIGN_INS + 1)

    def sign_in(number: int) -> None:
        fields = {"csrf_token": token[1], "address": f"user{number}@example.cm", "password": "a wrong guess"}
        barrier.wait()
        sent = requests.post(f"{site.url}/login", fields, cookies=cookies, timeout=TIMEOUT, allow_redirects=False)
        answers.append(sent.status_code)

    threads = [threading.Thread(target=sign_in, args=(number,)) for number in range(SIGN_INS)]
    for thread in threads:
        thread.start()
    barrier.wait()
    sales, waits, meanwhile = [], [], []
    seats = iter(range(1, 71))
    while any(thread.is_alive() for thread in threads) or len(sales) < 3:
        started = time.monotonic()
        wish = {"tripId": trip_id, "from": "DLA", "to": "YAO", "seats": [str(next(seats))]}
        sales.append(requests.post(f"{site.url}/api/bookings/reserve", json=wish, timeout=TIMEOUT).status_code)
        waits.append(time.monotonic() - started)
        meanwhile.append(any(thread.is_alive() for thread in threads))
    for thread in threads:
        thread.join()
    return answers, sales, waits, meanwhile
