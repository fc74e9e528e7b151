"""`aurapark run`: the whole site on one machine for development, started and stopped as one tree."""

import contextlib
import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click
import psutil
from dotenv import dotenv_values

from aurapark.config import ROOT, Settings, SettingsError, load_settings
from aurapark.demo.logins import AUTHENTICATOR_KEY, LOGINS, PASSWORD, WITH_FACTOR, email_of
from aurapark.devstack.console import Console
from aurapark.devstack.errors import DevstackError, explain_os_error
from aurapark.devstack.places import only_one
from aurapark.devstack.server import is_free
from aurapark.devstack.servers import EmbeddedServers, embedded_servers
from aurapark.devstack.supervisor import Supervisor
from aurapark.web import server

NOT_YET = {"DATABASE_URL": "postgresql+psycopg://not-started-yet", "REDIS_URL": "redis://not-started-yet"}
PROBE_SECONDS = 1.0


def run() -> int:
    """Start everything, keep it running until Ctrl-C or SIGTERM, stop everything; return the exit code."""
    try:
        given = _given_settings()
        settings = load_settings({**NOT_YET, **given})
        _refuse_production(settings)
        with _only_run_of(settings.var):
            return _run(given, settings)
    except OSError as error:
        return _refuse(str(explain_os_error(error)))
    except (DevstackError, SettingsError) as error:
        return _refuse(str(error))


def _run(given: Mapping[str, str], settings: Settings) -> int:
    supervisor = Supervisor(console=Console(), cwd=ROOT, mark=str(settings.var))
    supervisor.listen()
    supervisor.clear_away()
    _require_free_ports(settings)
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(
            embedded_servers(
                settings.var / "servers", database_url=given.get("DATABASE_URL"), redis_url=given.get("REDIS_URL")
            )
        )
        stack.enter_context(_addresses_published(settings.var, servers))
        supervisor.servers = servers.started_here
        supervisor.environment = _environment(given, settings, servers)
        stack.callback(supervisor.stop)
        supervisor.keep("sandbox", _aurapark("sandbox"))  # needs nothing of the others
        code = supervisor.run_once("database", [sys.executable, "-m", "aurapark.devstack.prepare"])
        if supervisor.stopping:
            return 0
        if code:
            return _refuse("The database could not be made ready; why is written above.")
        _keep_programs(supervisor, settings)
        supervisor.loop(_ready_watch(supervisor, settings))
    return 0


def _given_settings() -> dict[str, str]:
    """Return the environment over `.env`, without empty values."""
    file = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    return {**file, **{name: value for name, value in os.environ.items() if value}}


def _refuse_production(settings: Settings) -> None:
    if settings.production:
        raise DevstackError(
            "`aurapark run` is for development only. In production start `aurapark web`, `aurapark worker` and "
            "`aurapark sweeper` under your own supervisor."
        )


@contextlib.contextmanager
def _only_run_of(var: Path) -> Iterator[None]:
    var.mkdir(parents=True, exist_ok=True)
    with only_one(var / "run.lock", busy=f"Already running here (process {{pid}}, folder {var}). Stop it first."):
        yield


def _require_free_ports(settings: Settings) -> None:
    for name, port in (("PORT", settings.port), ("SANDBOX_PORT", settings.sandbox_port)):
        if not is_free(port):
            other = next(free for free in range(port + 10, 65_536) if is_free(free))
            raise DevstackError(f"Port {port} is taken by {_user_of(port)}. Choose another: {name}={other} make run")


def _user_of(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            here = connection.laddr and connection.laddr.port == port
            if here and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another program"


@contextlib.contextmanager
def _addresses_published(var: Path, servers: EmbeddedServers) -> Iterator[None]:
    """Tell other commands of this folder where the servers are, while they run."""
    file = var / "embedded.json"
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    addresses = {"database_url": servers.database_url, "redis_url": servers.redis_url, "pid": os.getpid()}
    with open(draft, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
        json.dump(addresses, stream)
    draft.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _environment(given: Mapping[str, str], settings: Settings, servers: EmbeddedServers) -> dict[str, str]:
    return {
        **given,
        "AURAPARK_VAR": str(settings.var),
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "SITE_URL": settings.site_url,
        "SANDBOX_STATE_DIR": given.get("SANDBOX_STATE_DIR", str(settings.var / "sandbox")),
    }


def _aurapark(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "aurapark.cli", *arguments]


def _keep_programs(supervisor: Supervisor, settings: Settings) -> None:
    supervisor.keep("web", server.command(settings))
    supervisor.keep("worker", _aurapark("worker"))
    supervisor.keep("scheduler", _aurapark("scheduler"))
    supervisor.keep("sweeper", _aurapark("sweeper"))


def _ready_watch(supervisor: Supervisor, settings: Settings) -> Callable[[], None]:
    """Return a function that announces, once, that the site and the sandbox answer."""
    waiting_for = {"web": (settings.port, "/healthz"), "sandbox": (settings.sandbox_port, "/")}

    def look() -> None:
        for name in [name for name, (port, path) in waiting_for.items() if _answers(port, path)]:
            del waiting_for[name]
            if not waiting_for:
                logs = [str(server.log_file) for server in supervisor.servers]
                supervisor.console.block(_announcement(settings, logs))

    return look


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _announcement(settings: Settings, logs: Sequence[str]) -> str:
    seconds = time.time() - psutil.Process().create_time()
    gap = f"\n{' ' * 15}"
    logins = gap.join(f"{email_of(login)}{' *' if login in WITH_FACTOR else ''}" for login in LOGINS)
    return f"""
  AuraPark is ready in {seconds:.1f} s

    site       {settings.site_url}
    sandbox    http://localhost:{settings.sandbox_port}   (plays Flutterwave)
    mail       {settings.mail_url.removeprefix("file:")}
    SMS        {settings.sms_url.removeprefix("file:")}
    logs       {" ".join(logs) or "none: the servers are not ours"}
    logins     password {PASSWORD}
               {logins}
               * asks for a code too: key {AUTHENTICATOR_KEY} in an authenticator app
    stop       Ctrl-C
"""


def _refuse(message: str) -> int:
    for line in message.splitlines():
        click.echo(f"aurapark: {line}", err=True)
    return 1
