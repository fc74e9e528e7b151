"""Lists for staff: pages by place in whatever order, nonsense said at its field, and files that other programs read."""

import csv
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from aurapark import audit
from aurapark.accounts.models import PlatformRole
from aurapark.audit import AuditEntry
from aurapark.config import ROOT
from aurapark.database import in_transaction
from aurapark.errors import Unavailable
from aurapark.extensions import db
from aurapark.keyset import Page, Place, fetch_all, fetch_page
from aurapark.web import exports
from aurapark.web.exports import Column, Sheet, send_export, write_csv, write_xlsx
from aurapark.web.listing import AfterField, ListForm, list_of, read_place, write_place
from tests.office import staff_browser

BY_TIME = (AuditEntry.at, AuditEntry.id)
COLUMNS = (
    Column("Reference"),
    Column("Seats", "number"),
    Column("Amount", "money"),
    Column("Day", "day"),
    Column("Paid at", "time"),
)
MIDNIGHT = datetime(2026, 10, 31, 23, 0, 5, tzinfo=UTC)  # 0 h 00 of 1 November in Douala
ROWS = [
    ("=HYPERLINK(1)", 1, -6500, date(2026, 11, 1), MIDNIGHT),
    ('Ngo; "Bell", é\nAwa', None, 2_000_000_000, None, None),
    ("http://example.cm\x07", 7, 0, date(2026, 1, 2), MIDNIGHT),
]


class TimedForm(ListForm):
    """The filters of a list in the order of time and number."""

    after = AfterField(timed=True)


def note(count: int) -> None:
    """Let so many entries with one and the same time be in the log."""

    def work() -> None:
        for number in range(count):
            audit.record(f"thing.done{number}", "thing", str(number))

    in_transaction(work)


@pytest.fixture(params=["fr", "en"])
def lang(request: pytest.FixtureRequest, app: Flask) -> Iterator[str]:
    with app.test_request_context(headers={"Accept-Language": request.param}):
        yield request.param


# Pages


@pytest.mark.parametrize("oldest_first", [False, True], ids=["newest first", "oldest first"])
def test_pages_by_time_and_number_give_each_row_once(app: Flask, oldest_first: bool) -> None:
    for _ in range(3):
        note(7)
    db.session.execute(select(func.count(AuditEntry.id))).scalar_one()
    wanted, found, after, pages = select(AuditEntry), [], None, 0
    while after is not None or not pages:
        page = fetch_page(wanted, BY_TIME, after=after, oldest_first=oldest_first, size=5)
        found, after, pages = found + [one.id for one in page.rows], page.behind, pages + 1
    everything = [one.id for one in fetch_all(wanted, BY_TIME, oldest_first=oldest_first)]
    assert found == everything == sorted(everything, reverse=not oldest_first)
    assert (len(found), pages) == (21, 5)


@pytest.mark.parametrize(
    "place", [(1,), (10**18 - 1,), (datetime(2026, 11, 23, 18, 0, 0, 123456, tzinfo=UTC), 42)], ids=str
)
def test_a_place_in_an_address_comes_back_as_it_was(place: Place) -> None:
    assert read_place(write_place(place), timed=len(place) == 2) == place
    assert read_place(write_place(place), timed=len(place) == 1) is None


@pytest.mark.parametrize("text", ["-1", "1e3", "9" * 19, "٣", "1.2.3", "x", "1' OR 1=1", " 1", "9" * 17 + ".1", ".1"])
def test_a_place_that_is_none_is_said_and_never_passed_over(app: Flask, text: str) -> None:
    with app.test_request_context("/admin/audit", query_string={"after": text}):
        for kind in (ListForm, TimedForm):
            listing = list_of(kind(MultiDict({"after": text})), pytest.fail, exports=("csv",))
            assert ([one.field_id for one in listing.problems], listing.rows) == ([""], ())


def test_addresses_keep_what_the_list_was_narrowed_by(app: Flask) -> None:
    browser = staff_browser(app, PlatformRole.ADMIN)[1]
    note(45)
    page = browser.get("/admin/audit?entity=thing&actor=&lang=en&strange=1", follow_redirects=True).text
    assert 'href="/admin/audit.csv?entity=thing"' in page
    assert 'href="/admin/audit.xlsx?entity=thing"' in page
    assert 'href="/admin/audit?entity=thing&amp;after=' in page
    assert 'rel="first"' not in page
    later = browser.get("/admin/audit?entity=thing&after=3").text
    assert 'href="/admin/audit?entity=thing" rel="first"' in later
    assert 'rel="next"' not in later
    empty = browser.get("/admin/audit?entity=nothing").text
    assert 'class="empty"' in empty
    assert '<a href="/admin/audit">' in empty
    wrong = browser.get("/admin/audit?after=x&entity=thing")
    assert wrong.status_code == 422
    assert 'class="problems"' in wrong.text
    assert 'value="thing"' in wrong.text


def test_a_list_that_is_not_asked_for_is_not_read(app: Flask) -> None:
    with app.test_request_context("/"):
        listing = list_of(ListForm(MultiDict()), lambda _form: Page([1], (1,)), path="/somewhere")
        assert (listing.url((1,)), listing.export_url("csv")) == ("/somewhere?after=1", "/somewhere.csv")


# Files


def test_csv_is_read_back_as_it_was_meant(lang: str) -> None:
    file = io.BytesIO()
    write_csv(file, Sheet("bookings", COLUMNS, ROWS))
    data = file.getvalue()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";" if lang == "fr" else ","))
    assert rows[0] == ["Reference", "Seats", "Amount", "Day", "Paid at (Africa/Douala)"]
    assert rows[1:] == [
        ["'=HYPERLINK(1)", "1", "-6500", "2026-11-01", "2026-11-01 00:00:05"],
        ['Ngo; "Bell", é\nAwa', "", "2000000000", "", ""],
        ["http://example.cm\x07", "7", "0", "2026-01-02", "2026-11-01 00:00:05"],
    ]


def test_xlsx_is_read_back_as_it_was_meant() -> None:
    file = io.BytesIO()
    write_xlsx(file, Sheet("bookings", COLUMNS, ROWS), Sheet("nothing", COLUMNS[:1], []))
    book = load_workbook(file)
    sheet = book["bookings"]
    assert [cell.value for cell in sheet[1]] == ["Reference", "Seats", "Amount", "Day", "Paid at (Africa/Douala)"]
    assert sheet.freeze_panes == "A2"
    local = datetime(2026, 11, 1, 0, 0, 5)  # noqa: DTZ001  a sheet knows no zone
    values = [[unescape(c.value) if c.data_type == "s" else c.value for c in row] for row in sheet.iter_rows(min_row=2)]
    assert values == [
        ["=HYPERLINK(1)", 1, -6500, datetime(2026, 11, 1), local],  # noqa: DTZ001
        ['Ngo; "Bell", é\nAwa', None, 2_000_000_000, None, None],
        ["http://example.cm\x07", 7, 0, datetime(2026, 1, 2), local],  # noqa: DTZ001
    ]
    assert (sheet["A2"].data_type, sheet["C2"].number_format, sheet["A4"].hyperlink) == ("s", "#,##0", None)
    assert list(book["nothing"].values) == [("Reference",)]


def test_a_table_longer_than_a_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "SHEET_ROWS", 4)
    for count, expected in ((0, [0]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])):
        file = io.BytesIO()
        write_xlsx(file, Sheet("lines", [Column("n", "number")], ((number,) for number in range(count))))
        book = load_workbook(file)
        assert [sheet.max_row - 1 for sheet in book] == expected
        assert book.sheetnames == ["lines", "lines 2", "lines 3"][: len(expected)]
        assert [row[0] for sheet in book for row in sheet.iter_rows(min_row=2, values_only=True)] == [*range(count)]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_list_that_breaks_is_an_error_and_no_shorter_file(app: Flask, ending: str) -> None:
    def rows() -> Iterator[tuple[int]]:
        yield (1,)
        raise Unavailable

    with app.test_request_context(), pytest.raises(Unavailable):
        send_export("lines", ending, Sheet("lines", [Column("n", "number")], rows()))


def test_too_many_files_at_once_wait_for_another_time(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    room = threading.BoundedSemaphore(1)
    monkeypatch.setattr(exports, "_room", room)
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 0.01)
    with app.test_request_context(), room, pytest.raises(Unavailable):
        send_export("lines", "csv", Sheet("lines", [Column("n", "number")], []))
    with app.test_request_context():
        send_export("lines", "csv", Sheet("lines", [Column("n", "number")], [])).close()


CHILD = r"""
import re
import sys
from pathlib import Path
from time import perf_counter
from sqlalchemy import func, select
from aurapark import create_app
from aurapark.config import load_settings
from aurapark.extensions import db
from aurapark.web.exports import Column, Sheet, send_export

given = {"DATABASE_URL": sys.argv[1], "REDIS_URL": "redis://127.0.0.1:1/0", "AURAPARK_VAR": sys.argv[2]}
settings = load_settings(given)
columns = [Column("n", "number"), Column("amount", "money"), Column("word"), Column("at", "time")]

def write(ending, count):
    n = func.generate_series(1, count).column_valued("n")
    wanted = select(n, n * 100, func.md5(func.concat(n)), func.now())
    rows = db.session.execute(wanted, execution_options={"yield_per": 500})
    answer = send_export("rows", ending, Sheet("rows", columns, rows))
    size = sum(map(len, answer.response))
    answer.close()
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())  # ru_maxrss would be pytest's
    return size, int(peak[1])

with create_app(settings).test_request_context():
    for ending in ("csv", "xlsx"):
        write(ending, 2000)
    for ending in ("csv", "xlsx"):
        begun = perf_counter()
        small, large = write(ending, 2000), write(ending, int(sys.argv[3]))
        print(ending, *small, *large, round(perf_counter() - begun, 1))
"""


def test_memory_does_not_grow_with_the_list(database_url: str, tmp_path: object) -> None:
    """Both files of 20,000 rows, 200,000 in the long form, take the memory of 2,000, in a process of their own."""
    rows = 20_000 * int(os.environ.get("FAULT_SCALE", "1"))
    said = subprocess.run(
        [sys.executable, "-c", CHILD, database_url, str(tmp_path), str(rows)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout  # fmt: skip
    print(said)  # noqa: T201  the figures
    for ending, small, before, size, after, _seconds in (line.split() for line in said.splitlines()):
        assert int(size) > rows / 2000 * int(small) * 0.8, ending
        assert int(after) - int(before) < 1024, f"{ending}: {int(after) - int(before)} KiB more"
