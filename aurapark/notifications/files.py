"""Messages as files, for development and tests: written whole or not at all, once per message."""

import os
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit


def folder_of(url: str) -> Path:
    """Return the folder that a `file:` setting names, relative to where the process was started or absolute."""
    return Path(unquote(urlsplit(url).path))


def write_whole(folder: Path, name: str, content: bytes) -> None:
    """Put a file into the folder so that nobody ever reads half of it; the same name again replaces it."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{name}.{os.getpid()}.{threading.get_ident()}"
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / name)
    finally:
        draft.unlink(missing_ok=True)
