"""The two embedded servers together, for `aurapark run` and for the tests."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aurapark.devstack.errors import explain_os_error
from aurapark.devstack.places import Home, ephemeral_home, home_for, only_one
from aurapark.devstack.postgres import PostgresServer
from aurapark.devstack.server import Server
from aurapark.devstack.valkey import ValkeyServer


@dataclass(frozen=True)
class EmbeddedServers:
    """The servers started here; one whose address was given from outside is None."""

    postgres: PostgresServer | None
    valkey: ValkeyServer | None
    given_database_url: str | None
    given_redis_url: str | None

    @property
    def database_url(self) -> str:
        """`postgresql+psycopg://…`"""
        return self.given_database_url or (self.postgres.url if self.postgres else "")

    @property
    def redis_url(self) -> str:
        """`redis://…`"""
        return self.given_redis_url or (self.valkey.url if self.valkey else "")

    @property
    def started_here(self) -> list[Server]:
        """The servers of ours."""
        return [server for server in (self.postgres, self.valkey) if server]


@contextlib.contextmanager
def embedded_servers(
    state_dir: Path,
    *,
    ephemeral: bool = False,
    postgres_settings: Mapping[str, str] | None = None,
    database_url: str | None = None,
    redis_url: str | None = None,
) -> Iterator[EmbeddedServers]:
    """Run PostgreSQL and Valkey while the block runs; a server whose address is given is not started.

    `ephemeral` makes a fast one without fsync, in a new folder that is deleted afterwards (several may run at once).
    Otherwise the data stays in `state_dir` and one process at a time may use it. Call from a thread that lives as long
    as the servers shall: they end with it. Raises DevstackError, whose text is for people.
    """
    with _home(state_dir, ephemeral=ephemeral) as home:
        servers = EmbeddedServers(
            None if database_url else PostgresServer(home, settings=postgres_settings or {}, ephemeral=ephemeral),
            None if redis_url else ValkeyServer(home),
            database_url,
            redis_url,
        )
        try:
            _start(servers)
            yield servers
        finally:
            for server in reversed(servers.started_here):
                server.stop()


@contextlib.contextmanager
def _home(state_dir: Path, *, ephemeral: bool) -> Iterator[Home]:
    with contextlib.ExitStack() as stack:
        try:
            if ephemeral:
                home = stack.enter_context(ephemeral_home(state_dir))
            else:
                home = home_for(state_dir)
                busy = f"The servers in {home.path} are in use by process {{pid}}."
                stack.enter_context(only_one(home.path / "lock", busy=busy))
        except OSError as error:
            raise explain_os_error(error) from error
        yield home


def _start(servers: EmbeddedServers) -> None:
    try:
        for server in servers.started_here:
            server.start()
    except OSError as error:
        raise explain_os_error(error) from error
