"""The application behind a proxy that can be cut, with a gateway in memory."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from aurapark.config import Settings
from aurapark.devstack.servers import EmbeddedServers
from tests.conftest import make_settings
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.faults.proxy import Proxy, proxied
from tests.faults.world import MONEY_SWEEPS, World, make_network
from workers import sweeper


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    with proxied(database_url) as running:
        yield running


@pytest.fixture
def settings(servers: EmbeddedServers, proxy: Proxy, tmp_path: Path) -> Settings:
    """Settings of an application whose way to the database can be cut."""
    return make_settings(proxy.url, servers.redis_url, tmp_path / "var")


@pytest.fixture
def network(app: Flask) -> Network:
    return make_network()


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    """A gateway that the sweeps use; they leave the messages lying, which have tests of their own."""
    fake = FakeGateway()
    monkeypatch.setattr(sweeper, "SWEEPS", tuple(one for one in sweeper.SWEEPS if one.name in MONEY_SWEEPS))
    monkeypatch.setattr("aurapark.checkout.sweeps.gateway_for", lambda *_: fake)
    return fake


@pytest.fixture
def world(
    settings: Settings, network: Network, gateway: FakeGateway, proxy: Proxy, database_url: str
) -> Iterator[World]:
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as direct:
        yield World(settings, network, gateway, proxy, direct)
