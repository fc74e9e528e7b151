"""Embedded Valkey: loopback, password, nothing on disk, because Redis may be emptied at any moment."""

import secrets
import signal
import socket
from pathlib import Path

from aurapark.devstack.places import Home
from aurapark.devstack.programs import find_valkey
from aurapark.devstack.server import Server

SETTINGS = """
bind 127.0.0.1
protected-mode yes
save ""
appendonly no
daemonize no
"""


class ValkeyServer(Server):
    """A Valkey of our own, in `<home>/valkey`. A new password at each start of the stack."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.program = find_valkey(home)
        self._password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        """The address for redis-py."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def work_folder(self) -> Path:
        """Valkey works in its folder."""
        return self.folder

    def prepare(self) -> None:
        """Nothing is kept, so there is nothing to prepare."""

    def command(self, port: int) -> list[str]:
        """Return the command line; the password goes through a file that others cannot read."""
        settings = self.folder / "valkey.conf"
        self.home.write_private(settings, f"{SETTINGS}port {port}\nrequirepass {self._password}\ndir {self.folder}\n")
        return [str(self.program), str(settings)]

    def answers(self, port: int) -> bool:
        """Sign in and ping."""
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
                connection.makefile("rb") as reply,
            ):
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                return [reply.readline(), reply.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False
