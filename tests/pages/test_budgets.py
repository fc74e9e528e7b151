"""What the pages cost: bytes and requests of a first visitor, and SQL statements, however many trips there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from aurapark import clock
from aurapark.extensions import db
from tests.factories import Network
from tests.pages.conftest import Way
from tests.pages.test_search import tomorrow
from tests.pages.traveller import Page

KILOBYTE = 1024
SEAT_PAGE, HOME_PAGE, WHOLE_WAY, REQUESTS, STATEMENTS = 6, 10, 40, 12, 6  # kilobytes, and numbers


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The budgets hold with every limit on."""
    return {**environment, "RATE_LIMITS": "on"}


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements of a request, without what begins and ends a transaction."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


class Phone:
    """A browser that counts: it asks for compressed bytes and fetches each file once."""

    def __init__(self, client: FlaskClient) -> None:
        self.client, self.seen, self.bytes, self.requests = client, set(), 0, 0
        self.site = "none"

    def open(self, url: str) -> int:
        """Return the bytes of a page with the files it loads for the first time."""
        headers = {"Accept-Encoding": "br, gzip", "Sec-Fetch-Site": self.site, "Accept-Language": "fr"}
        page = self.client.get(url, headers=headers)
        plain = self.client.get(url, headers={**headers, "Accept-Encoding": "identity"})
        weight = self._count(page)
        for link in Page(plain, url).root.iter():
            if link.tag in ("link", "script", "img") and link.get("rel") != "prefetch":
                weight += self._load(link.get("src") or link.get("href") or "", headers)
        self.site = "same-origin"
        return weight

    def _load(self, url: str, headers: dict[str, str]) -> int:
        if not url.startswith("/static/") or url in self.seen:
            return 0
        self.seen.add(url)
        return self._count(self.client.get(url, headers=headers))

    def _count(self, response: object) -> int:
        assert response.status_code == 200, response  # type: ignore[attr-defined]
        size = len(response.data)  # type: ignore[attr-defined]
        self.bytes += size
        self.requests += 1
        return size


def test_a_first_visit_of_the_seat_page(way: Way, client: FlaskClient) -> None:
    assert Phone(client).open(way.seats_url) <= SEAT_PAGE * KILOBYTE


def test_a_first_visit_of_the_home_page(client: FlaskClient, network: Network) -> None:
    assert Phone(client).open("/") <= HOME_PAGE * KILOBYTE


def test_the_whole_way_of_a_first_visitor(way: Way) -> None:
    phone = Phone(way.traveller.client)
    phone.open("/")
    phone.open(f"/trips?from=DLA&to=YAO&date={tomorrow()}&passengers=2")
    phone.open(way.seats_url)
    phone.open(way.hold("12", "13").url)
    phone.open(f"/bookings/{way.pay('12', '13')}")
    print(f"{phone.bytes} bytes in {phone.requests} requests")  # noqa: T201  shown with -s
    assert phone.bytes <= WHOLE_WAY * KILOBYTE
    assert phone.requests <= REQUESTS


def test_results_and_seats_cost_the_same_statements_for_one_and_for_a_hundred_trips(app: Flask, way: Way) -> None:
    urls = (f"/trips?from=DLA&to=YAO&date={tomorrow()}&passengers=2", way.seats_url)
    way.traveller.get(way.seats_url)

    def cost(url: str) -> int:
        with counted(app) as statements:
            assert way.traveller.get(url).status == 200
        assert len(statements) <= STATEMENTS, statements
        return len(statements)

    one = [cost(url) for url in urls]
    for number in range(1, 100):
        way.network.add_trip(clock.now() + timedelta(days=1, minutes=number))
    assert [cost(url) for url in urls] == one


def test_a_hold_costs_at_most_eight_statements_and_one_commit(app: Flask, way: Way) -> None:
    form = way.traveller.get(way.seats_url).form(f"/trips/{way.network.trip.id}/seats")
    commits: list[object] = []

    def note(connection: object) -> None:
        commits.append(connection)

    event.listen(db.engine, "commit", note)
    with counted(app) as statements:
        way.traveller.post(way.seats_url, {**form, "seat": ["12", "13"]}, follow=False)
    event.remove(db.engine, "commit", note)
    assert len(statements) <= 8, statements
    assert len(commits) == 1
