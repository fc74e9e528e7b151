"""The sandbox's memory on disk: one SQLite file, one connection, one transaction at a time.

A second sandbox on the same folder is refused, so that no timer runs twice.
"""

import fcntl
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Database: TypeAlias = sqlite3.Connection
Row: TypeAlias = sqlite3.Row

TABLES = ("delivery", "fault", "request", "transfer", "refund", "settlement", "charge", "link")
NUMBERED = ("charge", "refund", "settlement", "transfer")


class FolderInUse(Exception):
    """Another sandbox already works on this state folder."""


class StoreClosed(Exception):
    """The sandbox is stopping; what was going on is taken up again at its next start."""


class Store:
    """State of one sandbox. Keep transactions short: nothing that waits belongs inside."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder_lock = _lock_folder(folder)
        self._lock = threading.RLock()
        self._closed = False
        self._db = sqlite3.connect(folder / "sandbox.sqlite", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript((Path(__file__).parent / "schema.sql").read_text())
        self._number_from(int(time.time()))

    @contextmanager
    def transaction(self) -> Iterator[Database]:
        """Run what stands inside as one transaction; an exception undoes all of it."""
        with self._lock:
            if self._closed:
                raise StoreClosed
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def empty(self) -> None:
        """Forget everything except the numbering: an id is never given out twice."""
        with self.transaction() as db:
            for table in (*TABLES, "setting"):
                db.execute(f"DELETE FROM {table}")  # nosec B608  # noqa: S608 - names from this module

    def close(self) -> None:
        """Close the file and let another sandbox have the folder."""
        with self._lock:
            self._closed = True
            self._db.close()
            os.close(self._folder_lock)

    def _number_from(self, first: int) -> None:
        # Seconds since 1970 as the first id: a deleted state folder must not bring back ids the application has seen.
        with self.transaction() as db:
            known = {row["name"] for row in db.execute("SELECT name FROM sqlite_sequence")}
            fresh = [(table, first) for table in NUMBERED if table not in known]
            db.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", fresh)


def get_setting(db: Database, name: str, default: Any) -> Any:
    """Return a remembered value, or the default."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return json.loads(row["value"]) if row else default


def set_setting(db: Database, name: str, value: Any) -> None:
    """Remember a value across restarts."""
    db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, json.dumps(value)))


def insert(db: Database, table: str, values: dict[str, Any]) -> int:
    """Insert one row and return its number. Names come from our own code, values are bound."""
    columns, marks = ", ".join(values), ", ".join("?" for _ in values)
    cursor = db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))  # nosec B608  # noqa: S608
    return int(cursor.lastrowid or 0)


def _lock_folder(folder: Path) -> int:
    descriptor = os.open(folder / "sandbox.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise FolderInUse(f"another sandbox is working in {folder}") from None
    return descriptor
