"""The whole site for browser tests: real processes, the sandbox as gateway, a network with two trips tomorrow."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from aurapark import clock, create_app
from aurapark.booking.models import Channel
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.hold import hold_seats
from aurapark.database import in_transaction
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from tests.conftest import admin_connection, make_settings, url_of
from tests.factories import Network
from tests.running import Site, running_site

NAME = "aurapark_stories"
TERMS = HoldTerms(timedelta(minutes=60), 10, 10, "k" * 32)


@dataclass
class Stage:
    """A running site with something to sell. `app` reads and writes the same database from the test."""

    site: Site
    app: Flask
    network: Network
    trip_id: int
    full_trip_id: int

    @property
    def day(self) -> str:
        """The day of the trips."""
        return (clock.today() + timedelta(days=1)).isoformat()

    def somebody_holds(self, seats: Sequence[str], trip_id: int | None = None) -> None:
        """Hold seats for somebody else."""
        with self.app.app_context():
            _hold(trip_id or self.trip_id, seats)
            db.session.remove()

    def add_trip(self) -> int:
        """Add an empty trip tomorrow and return its number."""
        with self.app.app_context():
            trip_id = self.network.add_trip().id
            db.session.remove()
        return int(trip_id)

    def lapse(self, reference: str) -> None:
        """Let the time of a hold be over."""
        self.run(
            "UPDATE booking SET hold_expires_at = now() - interval '1 s' WHERE reference = :reference",
            reference=reference,
        )
        self.run(
            "UPDATE seat_claim SET expires_at = now() - interval '1 s'"
            " WHERE booking_id = (SELECT id FROM booking WHERE reference = :reference)",
            reference=reference,
        )

    def run(self, statement: str, **values: object) -> None:
        """Run SQL and commit."""
        with self.app.app_context():
            in_transaction(lambda: db.session.execute(text(statement), values))
            db.session.remove()


@contextmanager
def running_stage(servers: EmbeddedServers, template: str, folder: Path) -> Iterator[Stage]:
    """Run the site on a database of its own until the block ends."""
    with admin_connection(servers) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME} TEMPLATE {template} STRATEGY FILE_COPY")
    address = url_of(servers, NAME)
    app = create_app(make_settings(address, servers.redis_url, folder / "var"))
    with app.app_context():
        network = Network.make(name="Étoile du Wouri Voyages", licence="DEMO-0001", phone="+237671000000")
        full = network.add_trip(network.trip.departs_at + timedelta(hours=2))
        for start in range(1, 71, 10):
            _hold(full.id, [str(seat) for seat in range(start, min(start + 10, 71))])
        trip_id, full_id = network.trip.id, full.id
        for thing in (network.agency, network.route, network.vehicle, network.seat_map, *network.stops):
            db.session.refresh(thing)  # it is read after the session is gone
        db.session.expunge_all()
        db.session.remove()
    with running_site(address, servers.redis_url, folder) as site:
        yield Stage(site, app, network, trip_id, full_id)
    with app.app_context():
        db.engine.dispose()


def _hold(trip_id: int, seats: Sequence[str]) -> None:
    hold_seats(trip_id, "DLA", "YAO", seats, holder=Holder(Channel.API, "fr"), terms=TERMS)
