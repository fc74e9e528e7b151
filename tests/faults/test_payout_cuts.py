"""Every commit of preparing, approving, sending and following a payout, cut before and after: then people and sweeper
go on as they would, and exactly one transfer was made and booked."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.payouts import sweep
from tests.factories import Network
from tests.faults.proxy import Cut, Proxy
from tests.faults.world import FAULT_SCALE, a_fault_may_stop_it, make_network
from tests.paying import NET, Desk, FakeTransfers, later, make_desk
from tests.refunding import findings

STEP = timedelta(minutes=31)


class Place:
    """A desk behind a proxy that can be cut, and a way to the database that never is."""

    def __init__(self, desk: Desk, gateway: FakeTransfers, proxy: Proxy, direct: psycopg.Connection[Any]) -> None:
        self.desk, self.gateway, self.proxy, self.direct = desk, gateway, proxy, direct

    def work(self) -> None:
        """One round of the sweeper, whose errors are its own."""
        sweep.process_payouts(self.desk.settings, 5)

    def states(self) -> list[str]:
        return [row[0] for row in self.direct.execute("SELECT state FROM payout ORDER BY id").fetchall()]

    def newest(self) -> int:
        row = self.direct.execute("SELECT max(id) FROM payout").fetchone()
        return int(row[0] or 0) if row else 0

    def drain(self) -> None:
        """Prepare and approve what is left, and let hours pass until it is paid."""
        for _ in range(12):
            db.session.remove()
            with a_fault_may_stop_it():
                if not [one for one in self.states() if one != "failed"]:
                    self.desk.prepare()
            with a_fault_may_stop_it():
                if self.states()[-1] == "draft":
                    self.desk.approve(self.newest())
            self.gateway.end()
            later(STEP)
            self.work()
            if self.states()[-1] == "succeeded":
                return
        raise AssertionError(f"never paid: {self.states()}")


@pytest.fixture
def network(app: Flask) -> Network:
    return make_network()


@pytest.fixture
def place(
    network: Network, settings: Settings, proxy: Proxy, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    gateway = FakeTransfers()
    monkeypatch.setattr(sweep, "transfers_for", lambda _settings: gateway)
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as direct:
        yield Place(make_desk(network, settings), gateway, proxy, direct)


def nothing(_place: Place) -> None:
    """Before a payout is prepared."""


def prepared(place: Place) -> None:
    place.desk.prepare()


def approved(place: Place) -> None:
    place.desk.approved()


def sent(place: Place) -> None:
    place.desk.approved()
    place.work()
    place.gateway.end()
    later(STEP)


FLOWS: dict[str, tuple[Callable[[Place], None], Callable[[Place], Any], int]] = {
    "prepare": (nothing, lambda place: place.desk.prepare(), 1),
    "approve": (prepared, lambda place: place.desk.approve(place.newest()), 1),
    "send": (approved, Place.work, 5),
    "follow": (sent, Place.work, 4),
}
CUTS = [
    (name, number, how) for name, (_, _, commits) in FLOWS.items() for number in range(1, commits + 1) for how in Cut
]
SHORT = [one for one in CUTS if one[0] == "approve" or one[:2] in (("send", 3), ("send", 4), ("follow", 3))]


@pytest.mark.parametrize(("name", "number", "how"), CUTS if FAULT_SCALE > 1 else SHORT)
def test_every_commit_of_a_payout_may_be_cut(place: Place, name: str, number: int, how: Cut) -> None:
    before, act, _ = FLOWS[name]
    before(place)
    place.proxy.cut_at(number, how)
    cuts = place.proxy.cuts
    with a_fault_may_stop_it():
        act(place)
    assert place.proxy.cuts == cuts + 1, f"{name}: commit {number} was not reached"
    place.drain()
    assert [int(one.amount) for one in place.gateway.transfers] == [NET]
    assert len(place.gateway.posts) <= 1 + (place.states()[:-1].count("failed"))
    assert len({order.reference for order in place.gateway.posts}) == len(place.gateway.posts)
    assert (place.desk.settlement().state, findings()) == ("paid", [])


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_has_as_many_commits_as_are_cut(place: Place, name: str) -> None:
    before, act, commits = FLOWS[name]
    before(place)
    counted = place.proxy.commits
    act(place)
    assert place.proxy.commits - counted == commits
