"""Run the sandbox: one process, a thread per connection, one ticker."""

import logging
import signal
import socket
import sys
import threading
from dataclasses import replace

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from aurapark.devstack.sandbox.application import create_sandbox
from aurapark.devstack.sandbox.bench import Bench
from aurapark.devstack.sandbox.settings import Settings, from_environment
from aurapark.devstack.sandbox.store import FolderInUse
from aurapark.devstack.sandbox.ticker import Ticker

log = logging.getLogger("aurapark.sandbox")


class PortTaken(Exception):
    """Somebody else listens on the sandbox's port."""


class QuietHandler(WSGIRequestHandler):
    """Leaves the list of requests to the admin API; a line for each would drown the log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


class RunningServer:
    """A sandbox that listens and ticks, until stopped."""

    def __init__(self, settings: Settings) -> None:
        listening = _listen(settings.host, settings.port)
        try:
            self.port: int = listening.getsockname()[1]
            if settings.port == 0:
                settings = replace(settings, port=self.port, public_url=f"http://localhost:{self.port}")
            app = create_sandbox(settings)
            self.settings = settings
            self._bench: Bench = app.extensions["sandbox"]
            # A thread per connection, unlimited: an answer held back for 28 s must not hold up the others.
            self._server: BaseWSGIServer = make_server(
                settings.host, self.port, app, threaded=True, request_handler=QuietHandler, fd=listening.fileno()
            )
        finally:
            listening.close()
        self._ticker = Ticker(self._bench)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True)

    def start(self) -> None:
        """Begin to answer and to tick."""
        self._ticker.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop answering, let what is on its way end, close the memory."""
        self._bench.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._ticker.stop()
        self._bench.store.close()


def serve(settings: Settings | None = None) -> None:
    """Run the sandbox until SIGINT or SIGTERM; without settings, by the environment."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    try:
        server = RunningServer(settings or from_environment())
    except (FolderInUse, PortTaken, ValueError) as error:
        raise SystemExit(f"sandbox: {error}") from None
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    server.start()
    log.info("sandbox_ready url=%s/v3 webhook=%s", server.settings.public_url, server.settings.webhook_url)
    stop.wait()
    server.stop()
    log.info("sandbox_stopped")


def main() -> None:
    """Run the sandbox by the environment."""
    serve()


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise PortTaken(f"cannot listen on {host}:{port} ({error.strerror}); set SANDBOX_PORT") from None
    listening.listen(128)
    return listening
