"""The demo file as it is written: read once, turned into nothing else."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("demo.json")


@cache
def read_demo() -> dict[str, Any]:
    """Return the demo file's content; callers do not change it."""
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def read_grids() -> dict[str, str]:
    """Return the drawing of each seat layout by its code, rows joined by line breaks."""
    return {code: "\n".join(layout["rows"]) for code, layout in read_demo()["layouts"].items()}
