"""What `aurapark run` writes: one line per event with the name of its process, coloured on a terminal only."""

import sys
from typing import TextIO

NAME_WIDTH = 8
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
CONTROL = {code: "?" for code in (*range(32), 127) if code != ord("\t")}


class Console:
    """The terminal, or the file or pipe in its place. `closed` tells that nobody reads any more."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._coloured = self._stream.isatty()
        self._colour_of: dict[str, int] = {}
        self.closed = False

    def line(self, name: str, text: str) -> None:
        """Write one event of one process; control characters cannot reach the terminal."""
        label = name.ljust(NAME_WIDTH)
        if self._coloured:
            colour = self._colour_of.setdefault(name, COLOURS[len(self._colour_of) % len(COLOURS)])
            label = f"\x1b[{colour}m{label}\x1b[0m"
        self.block(f"{label} | {text.translate(CONTROL)}")

    def block(self, text: str) -> None:
        """Write text as it is."""
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except OSError:
            self.closed = True
