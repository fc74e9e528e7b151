"""The embedded servers on their own: what they survive and what they refuse."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from aurapark.devstack import programs
from aurapark.devstack.errors import DevstackError
from aurapark.devstack.places import Home
from aurapark.devstack.processes import processes_working_in
from aurapark.devstack.server import Server
from aurapark.devstack.servers import EmbeddedServers, embedded_servers

ROOT = Path(__file__).resolve().parents[2]
OWNER = """
    import sys, time
    from pathlib import Path
    from aurapark.devstack.servers import embedded_servers
    with embedded_servers(Path(sys.argv[1])) as servers:
        print(servers.database_url, flush=True)
        time.sleep(60)
"""


def connect(servers: EmbeddedServers) -> psycopg.Connection:
    return psycopg.connect(servers.database_url.replace("+psycopg", ""), autocommit=True)


def write_note(servers: EmbeddedServers) -> None:
    with connect(servers) as connection:
        connection.execute("CREATE TABLE note (words text)")
        connection.execute("INSERT INTO note VALUES ('seat 12 is yours')")


def read_note(servers: EmbeddedServers) -> str:
    with connect(servers) as connection:
        return connection.execute("SELECT words FROM note").fetchone()[0]


@contextlib.contextmanager
def other_owner(folder: Path, *, python: str = sys.executable, **options: object) -> Iterator[None]:
    """A process of its own that runs the servers of the folder while the block runs, and is killed then."""
    command = [python, "-c", textwrap.dedent(OWNER), str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes, **options) as owner:
        line = owner.stdout.readline()
        assert line.startswith("postgresql+psycopg://"), line + owner.stdout.read()
        yield
        owner.kill()


def nobody_with_python() -> dict[str, object]:
    """How to run an interpreter as an ordinary user: this one may lie in a folder closed to him."""
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {"PYTHONPATH": f"{ROOT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    nobody = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": [], "env": environment}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):
            if not subprocess.run([python, "-c", "import aurapark.devstack.servers"], cwd=ROOT, **nobody).returncode:
                return {"python": python, **nobody}
    pytest.skip("no interpreter that an ordinary user can run; scripts/fresh-clone tries one")


def wait_until_servers_are_gone(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while left := processes_working_in(folder / "postgres/data") + processes_working_in(folder / "valkey"):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_data_outlives_kills_and_restarts(made: Path) -> None:
    with embedded_servers(made) as servers:
        write_note(servers)
        url, queue_url = servers.database_url, servers.redis_url
        for server in servers.started_here:
            server.kill()
            assert not server.running
            server.start()
        assert (servers.database_url, servers.redis_url) == (url, queue_url)
        assert read_note(servers) == "seat 12 is yours"
        os.kill(servers.postgres.pid, signal.SIGKILL)
        servers.postgres._process.wait()
        servers.postgres.start()
        assert read_note(servers) == "seat 12 is yours"
    with embedded_servers(made) as servers:
        assert read_note(servers) == "seat 12 is yours"
    wait_until_servers_are_gone(made)


def test_both_servers_want_a_password_and_listen_on_loopback_only(servers: EmbeddedServers) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"host=127.0.0.1 port={servers.postgres.port} user=aurapark dbname=aurapark password=wrong")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=servers.valkey.port).ping()
    for server in servers.started_here:
        listening = psutil.Process(server.pid).net_connections("inet")
        assert {c.laddr.ip for c in listening if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_text_is_utf8_and_knows_accents(servers: EmbeddedServers) -> None:
    with connect(servers) as connection:
        assert connection.execute("SELECT lower('ÉTOILE'), current_setting('TimeZone')").fetchone() == ("étoile", "UTC")


def test_ephemeral_servers_leave_nothing(folder: Path) -> None:
    with embedded_servers(folder, ephemeral=True) as first, embedded_servers(folder, ephemeral=True) as second:
        assert first.database_url != second.database_url
        with connect(first) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_what_a_killed_ephemeral_owner_left_is_deleted_by_the_next(folder: Path) -> None:
    abandoned = folder / "ephemeral-abandoned"
    (abandoned / "postgres").mkdir(parents=True)
    with embedded_servers(folder, ephemeral=True):
        assert not abandoned.exists()


def test_given_addresses_start_nothing(folder: Path) -> None:
    with embedded_servers(
        folder, database_url="postgresql+psycopg://elsewhere/x", redis_url="redis://elsewhere"
    ) as servers:
        assert servers.started_here == []
        assert (servers.database_url, servers.redis_url) == ("postgresql+psycopg://elsewhere/x", "redis://elsewhere")


def test_second_owner_of_one_folder_is_refused(made: Path) -> None:
    with (
        embedded_servers(made, redis_url="redis://elsewhere"),
        pytest.raises(DevstackError, match=f"in use by process {os.getpid()}"),
        embedded_servers(made),
    ):
        pass


def test_servers_end_with_a_killed_owner_and_start_again(made: Path) -> None:
    for _ in range(2):
        with other_owner(made):
            pass
        wait_until_servers_are_gone(made)


def test_orphan_of_a_killed_owner_is_ended_by_the_next_start(made: Path) -> None:
    """A frozen server cannot follow its owner, and its lock file would stop the next one."""
    with other_owner(made):
        orphans = processes_working_in(made / "postgres/data")
        for process in orphans:
            process.suspend()
    for process in orphans:
        assert process.is_running()
        process.resume()
    with embedded_servers(made) as servers, connect(servers):
        assert not [process for process in orphans if process.is_running() and process.status() != "zombie"]


def test_stale_pid_file_that_names_a_stranger_is_removed(made: Path) -> None:
    with embedded_servers(made, redis_url="redis://elsewhere") as servers:
        write_note(servers)
        servers.postgres.kill()
        pid_file = made / "postgres/data/postmaster.pid"
        assert pid_file.exists()
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        servers.postgres.start()
        assert read_note(servers) == "seat 12 is yours"


def test_half_made_cluster_is_made_again(folder: Path) -> None:
    (folder / "postgres/data.new").mkdir(parents=True)
    (folder / "postgres/data.new/PG_VERSION").write_text("18\n")
    with embedded_servers(folder, redis_url="redis://elsewhere") as servers:
        write_note(servers)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({"PG_VERSION": "18\n"}, "was not made by AuraPark", id="foreign"),
        pytest.param({"PG_VERSION": "9\n", "made-by-aurapark": ""}, "made by PostgreSQL 9", id="other-version"),
    ],
)
def test_unfit_data_directory_is_refused_and_left_alone(folder: Path, files: Mapping[str, str], words: str) -> None:
    data = folder / "postgres/data"
    data.mkdir(parents=True)
    for name, text in files.items():
        (data / name).write_text(text)
    if os.geteuid() == 0 and "foreign" not in words:
        shutil.chown(data, "nobody")
    with pytest.raises(DevstackError, match=words) as refusal, embedded_servers(folder):
        pass
    assert "\n" not in str(refusal.value)
    assert "DATABASE_URL" in str(refusal.value)
    assert {path.name for path in data.iterdir()} == set(files)


def test_setting_that_postgres_refuses_is_told_with_the_log(folder: Path) -> None:
    with (
        pytest.raises(DevstackError, match=r"no_such_setting.*postgres\.log.*DATABASE_URL"),
        embedded_servers(folder, ephemeral=True, postgres_settings={"no_such_setting": "1"}),
    ):
        pass


def test_machine_without_servers_is_told_the_way_out(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(programs, "_postgres_folders", lambda _home: iter([folder]))
    monkeypatch.setattr(programs, "_valkey_programs", lambda _home: iter([folder / "valkey-server"]))
    with pytest.raises(DevstackError, match=r"No PostgreSQL for this machine.*DATABASE_URL"):
        programs.find_postgres(Home(folder))
    with pytest.raises(DevstackError, match=r"No Valkey for this machine.*REDIS_URL"):
        programs.find_valkey(Home(folder))


@pytest.mark.parametrize("size", ["64k", "3m"])
def test_full_disk_is_said_plainly(folder: Path, size: str) -> None:
    """Once our own first write fails, once that of initdb."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        (folder / "filling").write_bytes(b"x" * 60_000)
        with pytest.raises(DevstackError, match="disk is full"), embedded_servers(folder / "servers"):
            pass
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as somebody else")
def test_folder_closed_to_others_gets_a_shelter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with embedded_servers(tmp_path, redis_url="redis://elsewhere") as servers:
        write_note(servers)
        shelter = servers.postgres.home.path
        assert tmp_path not in shelter.parents
        assert psutil.Process(servers.postgres.pid).username() == "nobody"
    with embedded_servers(tmp_path, redis_url="redis://elsewhere") as servers:
        assert read_note(servers) == "seat 12 is yours"
    (tmp_path / "shelter-key").unlink()  # as if var/ had been deleted: the data goes too
    with (
        embedded_servers(tmp_path, redis_url="redis://elsewhere") as servers,
        pytest.raises(psycopg.errors.UndefinedTable),
    ):
        read_note(servers)
    shutil.rmtree(shelter)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user is one already")
def test_ordinary_user_runs_the_servers_as_himself(folder: Path) -> None:
    shutil.chown(folder, "nobody")
    with other_owner(folder / "state", **nobody_with_python()):
        assert {p.username() for p in processes_working_in(folder / "state/postgres/data")} == {"nobody"}
    wait_until_servers_are_gone(folder / "state")


def test_log_that_grew_is_put_aside(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("aurapark.devstack.server.LOG_BYTES", 10)
    with embedded_servers(folder, database_url="postgresql+psycopg://elsewhere/x") as servers:
        valkey: Server = servers.valkey
        valkey.kill()
        valkey.start()
        assert valkey.log_file.with_suffix(".log.1").exists()
