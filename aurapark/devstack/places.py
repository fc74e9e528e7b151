"""Where the stack keeps its files and as whom its servers run.

PostgreSQL refuses to run as root. As root, both servers run as an unprivileged user (`nobody`), who must be able to
reach its programs and data; a clone in a folder closed to others (/root) is out of his reach, so they move to a
shelter outside. For an ordinary user everything stays under `var/`.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aurapark.devstack.errors import WAY_OUT, DevstackError

SERVER_USER = "nobody"
SHELTERS = (Path("/var/lib/aurapark"), Path("/var/tmp/aurapark"))  # nosec B108  # noqa: S108 - checked by _own_folder
EPHEMERAL_PREFIX = "ephemeral-"


@dataclass(frozen=True)
class Home:
    """The folder of the embedded servers and the user they run as (-1: the one who started us)."""

    path: Path
    uid: int = -1
    gid: int = -1

    def make_folder(self, name: str) -> Path:
        """Return a folder of the home that only the servers' user may open, made when missing."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        self.give(folder)
        return folder

    def write_private(self, file: Path, text: str) -> None:
        """Write a file that only the servers' user (and root) can read."""
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(text)
        self.give(file)

    def give(self, path: Path) -> None:
        """Make the servers' user the owner of a file or folder."""
        if self.uid >= 0:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Tell whether the servers' user can open the file or enter the folder."""
        if self.uid < 0:
            return True
        test = ["/bin/sh", "-c", 'test -x "$0"', str(path)]
        return not subprocess.run(test, user=self.uid, group=self.gid, extra_groups=[], check=False).returncode  # noqa: S603


@contextlib.contextmanager
def only_one(lock_file: Path, *, busy: str) -> Iterator[None]:
    """Hold a lock that the kernel frees even when we are killed.

    Raises DevstackError(busy) when another process has it; `{pid}` in the text becomes that process.
    """
    with open(lock_file, "a+", encoding="ascii") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise DevstackError(busy.format(pid=stream.read().strip() or "unknown")) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def home_for(state_dir: Path) -> Home:
    """Return the home of servers that keep their data between two starts."""
    home = _home_at(state_dir)
    return home if home.reaches(state_dir) else _sheltered(home)


@contextlib.contextmanager
def ephemeral_home(state_dir: Path) -> Iterator[Home]:
    """Give a new home that is deleted afterwards, and delete those that killed processes left behind."""
    home = _home_at(state_dir)
    parent = state_dir if home.reaches(state_dir) else shelter()
    with open(parent / "lock", "a", encoding="ascii") as making:
        fcntl.flock(making, fcntl.LOCK_EX)
        _delete_abandoned(parent)
        path = Path(tempfile.mkdtemp(prefix=EPHEMERAL_PREFIX, dir=parent))
        path.chmod(0o711)
        claimed = open(path / "lock", "w", encoding="ascii")  # noqa: SIM115 - closed below
        fcntl.flock(claimed, fcntl.LOCK_EX)
    try:
        yield Home(path, home.uid, home.gid)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        claimed.close()


def shelter() -> Path:
    """Return the machine-wide folder for what must leave a closed clone (root only)."""
    for folder in SHELTERS:
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o755, exist_ok=True)
            if _own_folder(folder):
                folder.chmod(0o755)
                return folder
    raise DevstackError(f"Neither {SHELTERS[0]} nor {SHELTERS[1]} can be used as a state folder. {WAY_OUT}")


def _home_at(state_dir: Path) -> Home:
    if os.geteuid() != 0:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Home(state_dir)
    state_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    try:
        user = pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise DevstackError(
            f"PostgreSQL refuses to run as root, and there is no user {SERVER_USER!r} to run it. "
            f"Run as an ordinary user. {WAY_OUT}"
        ) from None
    return Home(state_dir, user.pw_uid, user.pw_gid)


def _sheltered(home: Home) -> Home:
    """Return the home outside the clone. A deleted `var/` means new data there, too: both sides keep the same key."""
    path = shelter() / hashlib.sha256(str(home.path.resolve()).encode()).hexdigest()[:16]
    key_here, key_there = home.path / "shelter-key", path / "key"
    if not (key_here.exists() and key_there.exists() and key_here.read_text() == key_there.read_text()):
        path.mkdir(exist_ok=True)
        with only_one(path / "lock", busy=f"The servers in {path} are in use by process {{pid}}."):
            shutil.rmtree(path)
            path.mkdir()
            path.chmod(0o711)
            key_there.write_text(secrets.token_hex(8))
            shutil.copy(key_there, key_here)
    return Home(path, home.uid, home.gid)


def _own_folder(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _delete_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{EPHEMERAL_PREFIX}*"):
        with contextlib.suppress(OSError), open(folder / "lock", "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
