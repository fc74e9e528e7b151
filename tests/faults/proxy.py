"""A way to PostgreSQL that can be cut at a commit: before the server hears of it, or after it did and before we know.

Understands just enough of the protocol to see COMMIT, as a simple query or as a prepared one.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy.engine import URL, make_url

QUERY, PARSE, READY = b"Q", b"P", ord("Z")


class Cut(StrEnum):
    BEFORE = "before"  # the server never hears of this commit
    AFTER = "after"  # it happens, and its answer is lost


class Closed(Exception):
    """One side is gone."""


@dataclass
class Proxy:
    """Listens on the loopback. `commits` counts; `cut_at(n, how)` cuts the connection at the n-th commit from now."""

    target: URL
    commits: int = 0
    cuts: int = 0
    _at: int = 0
    _how: Cut = Cut.BEFORE
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)

    @property
    def url(self) -> str:
        """The address of the database by this way."""
        port = self._listener.getsockname()[1]
        through = self.target.set(host="127.0.0.1", port=port, query={"sslmode": "disable", "gssencmode": "disable"})
        return through.render_as_string(hide_password=False)

    def cut_at(self, number: int, how: Cut) -> None:
        """Cut once, at the n-th commit from now."""
        with self._lock:
            self._at, self._how = self.commits + number, how

    def heal(self) -> None:
        """Take back a cut that was not reached."""
        with self._lock:
            self._at = 0

    def close(self) -> None:
        """End all connections."""
        _end(self._listener)
        for one in self._open:
            _end(one)
        for thread in self._threads:
            thread.join(5)

    def _start(self, work, *arguments) -> None:  # type: ignore[no-untyped-def]
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            try:
                server = self._connect()
            except OSError:
                _end(client)
                continue
            self._open.append(server)
            for one in (client, server):
                if one.family != socket.AF_UNIX:
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            swallow = threading.Event()
            self._start(self._forward, client, server, swallow)
            self._start(self._back, server, client, swallow)

    def _connect(self) -> socket.socket:
        host = str(self.target.query.get("host") or self.target.host or "localhost")
        port = int(str(self.target.port or self.target.query.get("port") or 5432))
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _forward(self, client: socket.socket, server: socket.socket, swallow: threading.Event) -> None:
        try:
            (length,) = [int.from_bytes(_read(client, 4), "big")]
            server.sendall(length.to_bytes(4, "big") + _read(client, length - 4))
            while True:
                kind = _read(client, 1)
                head = _read(client, 4)
                body = _read(client, int.from_bytes(head, "big") - 4)
                how = self._count() if _is_commit(kind, body) else None
                if how == Cut.BEFORE:
                    break
                if how == Cut.AFTER:
                    swallow.set()
                server.sendall(kind + head + body)
        except (OSError, Closed):
            pass
        _end(client)
        _end(server)

    def _back(self, server: socket.socket, client: socket.socket, swallow: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not swallow.is_set():
                    client.sendall(data)
                elif data[-6] == READY:  # the last message of an answer: it happened
                    break
        _end(client)
        _end(server)

    def _count(self) -> Cut | None:
        with self._lock:
            self.commits += 1
            if self.commits != self._at:
                return None
            self.cuts += 1
            return self._how


@contextlib.contextmanager
def proxied(database_url: str) -> Iterator[Proxy]:
    """Open a proxy before this database until the block ends."""
    proxy = Proxy(make_url(database_url))
    try:
        yield proxy
    finally:
        proxy.close()


def _is_commit(kind: bytes, body: bytes) -> bool:
    text = body if kind == QUERY else body.partition(b"\0")[2] if kind == PARSE else b""
    return text[:6].upper() == b"COMMIT"


def _read(one: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = one.recv(size - len(data))
        if not part:
            raise Closed
        data += part
    return data


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
