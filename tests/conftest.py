"""Fixtures: real PostgreSQL and Valkey, a fresh database per test cloned from a migrated template."""

import itertools
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from threading import Barrier

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from aurapark import create_app
from aurapark.config import Settings, load_settings
from aurapark.devstack.servers import EmbeddedServers, embedded_servers
from aurapark.web import bounded
from tests.factories import Network

TEMPLATE = "aurapark_template"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServers]:
    """PostgreSQL and Valkey for the whole run."""
    given = {"database_url": os.environ.get("DATABASE_URL"), "redis_url": os.environ.get("REDIS_URL")}
    with embedded_servers(tmp_path_factory.mktemp("servers"), ephemeral=True, **given) as running:
        yield running


def admin_connection(servers: EmbeddedServers) -> psycopg.Connection:
    """A connection in autocommit to the server's own database, to create and drop others."""
    return psycopg.connect(servers.database_url.replace("+psycopg", ""), autocommit=True)


def url_of(servers: EmbeddedServers, database: str) -> str:
    """The server's address with another database name."""
    base, _, query = servers.database_url.partition("?")
    return base.rsplit("/", 1)[0] + f"/{database}" + (f"?{query}" if query else "")


def make_settings(database_url: str, redis_url: str, var: Path, **changes: str) -> Settings:
    """Settings of a test application; `changes` are environment variables. Only tests of limits have them on."""
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "AURAPARK_VAR": str(var), "RATE_LIMITS": "off"}
    return load_settings({**given, **changes})


@pytest.fixture(scope="session")
def template_database(servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty database with every migration run, to clone from."""
    from flask_migrate import upgrade
    from sqlalchemy import text

    from aurapark.extensions import db

    with admin_connection(servers) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    app = create_app(make_settings(url_of(servers, TEMPLATE), servers.redis_url, tmp_path_factory.mktemp("template")))
    with app.app_context():
        upgrade()
        db.session.execute(text("SELECT 1"))
        db.session.remove()
        db.engine.dispose()
    return TEMPLATE


@pytest.fixture
def database_url(servers: EmbeddedServers, template_database: str) -> Iterator[str]:
    """A database of this test's own."""
    name = f"aurapark_test_{os.getpid()}_{next(_numbers)}"
    with admin_connection(servers) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
    yield url_of(servers, name)
    with admin_connection(servers) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings this test changes; override in a test or module."""
    return {}


@pytest.fixture
def settings(servers: EmbeddedServers, database_url: str, tmp_path: Path, environment: dict[str, str]) -> Settings:
    """The settings of this test's application."""
    return make_settings(database_url, servers.redis_url, tmp_path / "var", **environment)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application on this test's database, with its context pushed."""
    from aurapark.extensions import db

    application = create_app(settings)
    application.testing = True
    with application.app_context():
        yield application
        let_threads_end()
        db.session.remove()
        db.engine.dispose()


def let_threads_end() -> None:
    """Wait for questions whose answers came too late: what they borrowed has to be back before the pool is closed."""
    threads = bounded._threads
    if threads._threads:
        all_free = Barrier(threads._max_workers)
        wait([threads.submit(all_free.wait, 10) for _ in range(threads._max_workers)])


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript."""
    return app.test_client()


@pytest.fixture
def network(app: Flask) -> Network:
    """A small network to sell: one agency, Douala – Edéa – Yaoundé, and a trip tomorrow with 70 seats."""
    return Network.make()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium for the whole run; each test opens pages of its own.

    Without one the tests say so, or fail where REQUIRE_BROWSER=1.
    """
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("REQUIRE_BROWSER=1, but no Chromium was found")
    if path is None:
        pytest.skip("no Chromium on this machine: install chromium to run the browser tests")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()
