"""`docs/asvs.csv` says what is true: every place and test that it names exists, and what is done has both."""

import csv
from collections import Counter
from collections.abc import Iterator

from aurapark.config import ROOT

STATES = {"done", "partly", "open", "not applicable"}
FIRST = """
    1.2.1 1.2.2 1.2.3 1.2.4 3.2.2 1.3.6 1.3.7 1.3.10 1.3.11 1.5.2 1.2.10 2.2.1 2.2.2 15.3.3 15.3.5 15.3.7 2.3.1 2.3.2
    2.3.3 2.3.4 2.4.1 2.3.5 3.3.1 3.3.2 3.3.3 3.3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 4.1.1 3.5.1 3.5.3 3.7.2 4.1.3
    15.3.4 4.2.1 5.2.1 5.2.2 5.2.3 5.3.1 5.3.2 5.4.1 5.4.2 6.1.1 6.2.1 6.2.4 6.2.5 6.2.9 6.2.12 6.3.1 6.3.2 6.3.3 6.3.4
    6.4.1 6.4.3 6.5.1 6.5.3 6.5.5 6.6.2 6.6.3 6.3.8 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.5 7.5.1 7.5.2
    14.3.1 8.2.1 8.2.2 8.2.3 8.3.1 8.4.1 15.3.1 9.1.1 9.1.2 9.2.1 9.2.2 11.4.2 11.5.1 13.2.2 13.3.1 13.4.1 13.4.2 13.4.3
    13.4.4 13.4.5 15.1.1 15.2.1 15.2.3 15.3.2 14.2.1 14.3.2 16.2.1 16.2.2 16.2.5 16.3.1 16.3.2 16.3.3 16.4.1 16.4.2
    16.5.1 16.5.2 16.5.3
"""


def rows() -> Iterator[dict[str, str]]:
    """The lines of the table."""
    with (ROOT / "docs" / "asvs.csv").open(newline="") as file:
        yield from csv.DictReader(file)


def parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def test_each_requirement_is_answered_once() -> None:
    ids = Counter(row["id"] for row in rows())
    assert [id for id, count in ids.items() if count > 1] == []
    assert set(FIRST.split()) - set(ids) == set()
    assert {row["state"] for row in rows()} <= STATES
    assert {row["level"] for row in rows()} <= {"1", "2", "3"}


def test_every_named_place_and_test_exists() -> None:
    missing = []
    for row in rows():
        missing += [place for place in parts(row["place"]) if not (ROOT / place).exists()]
        for test in parts(row["test"]):
            path, _, name = test.partition("::")
            file = ROOT / path
            if not file.exists() or (name and f"def {name}(" not in file.read_text()):
                missing.append(f"{row['id']} {test}")
    assert missing == []


def test_what_is_done_says_where_and_nothing_else_pretends() -> None:
    assert [row["id"] for row in rows() if row["state"] == "done" and not row["place"]] == []
    pretending = [row["id"] for row in rows() if row["state"] in ("open", "not applicable") and row["place"]]
    assert pretending == []
