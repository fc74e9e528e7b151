"""A folder that the unprivileged user of the servers can enter, unlike pytest's own temporary folders."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurapark.devstack.servers import embedded_servers


def open_folder() -> Path:
    path = Path(tempfile.mkdtemp(prefix="aurapark-test-"))
    path.chmod(0o755)
    return path


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder open to all, deleted afterwards."""
    path = open_folder()
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def made_once() -> Iterator[Path]:
    """A folder where servers have been started and stopped once."""
    path = open_folder()
    with embedded_servers(path, redis_url="redis://elsewhere"):
        pass
    yield path
    shutil.rmtree(path)


@pytest.fixture
def made(folder: Path, made_once: Path) -> Path:
    """A folder with an empty database, as an earlier start left it."""
    subprocess.run(["cp", "-a", f"{made_once}/.", folder], check=True)
    return folder
