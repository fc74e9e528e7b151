"""Whole lists as files, CSV and XLSX, whatever their length: rows go from the database's cursor to a file on disk.

The file is whole before its first byte is sent, so that a list that breaks half-way is an error and not a shorter list,
and the database is let go before a slow line takes the file. It has no name on disk: however the request ends, it is
gone. Column headings are given in the reader's language; file names are ours and never depend on data.
"""

import csv
import io
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import IO, Any, Literal
from zoneinfo import ZoneInfo

import xlsxwriter
from flask import Response
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from aurapark.database import let_go
from aurapark.errors import Unavailable
from aurapark.web.formats import language
from aurapark.web.views import DEFAULT_ZONE

Kind = Literal["text", "number", "money", "day", "time"]
Ending = Literal["csv", "xlsx"]

BOM = "\ufeff"  # without it Excel takes UTF-8 for the code page of the machine
DELIMITERS = {"fr": ";", "en": ","}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run
SHEET_ROWS = 1_048_576  # of an XLSX sheet, its header included
LONGEST_CELL = 32_767  # letters of an XLSX cell
AT_ONCE = 2  # files made at the same time by one process: they take the threads that sell
PATIENCE_SECONDS = 5
CHUNK = 64 * 1024
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMATS: dict[Kind, str] = {"number": "0", "money": "#,##0", "day": "yyyy-mm-dd", "time": "yyyy-mm-dd hh:mm:ss"}
WIDTHS: dict[Kind, int] = {"text": 22, "number": 12, "money": 14, "day": 12, "time": 20}

_room = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `money` is whole francs, `day` a date, `time` a moment, shown in the sheet's zone."""

    heading: Any
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its name (of ours), its columns, its rows in order, one value for each column, None for empty."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    zone: str = DEFAULT_ZONE

    @property
    def headings(self) -> list[str]:
        """The headings; a column of times says of which zone."""
        return [f"{one.heading} ({self.zone})" if one.kind == "time" else str(one.heading) for one in self.columns]


def send_export(name: str, ending: str, *sheets: Sheet) -> Response:
    """Return the file `name.ending` as an answer. CSV takes one sheet.

    Reads the rows before it returns, and lets the database go; call it outside a transaction. Raises Unavailable when
    too many files are being made already.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed when the answer is over
    try:
        with one_of_few():
            WRITERS[ending](file, *sheets)
        let_go()
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    response = Response(iter(lambda: file.read(CHUNK), b""), content_type=TYPES[ending])
    response.content_length = size
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    response.call_on_close(file.close)
    return response


def write_csv(file: IO[bytes], sheet: Sheet) -> None:
    """Write a table as CSV: UTF-8 with a mark, `;` in French and `,` in English, nothing that runs as a formula."""
    text = io.TextIOWrapper(file, "utf-8", newline="")
    text.write(BOM)
    writer = csv.writer(text, delimiter=DELIMITERS[language()])
    writer.writerow([inert(heading) for heading in sheet.headings])
    cells = _csv_cells(ZoneInfo(sheet.zone))
    makers = [cells[column.kind] for column in sheet.columns]
    for row in sheet.rows:
        writer.writerow(["" if value is None else make(value) for make, value in zip(makers, row, strict=True)])
    text.detach()


def write_xlsx(file: IO[bytes], *sheets: Sheet) -> None:
    """Write tables as XLSX, a row in memory at a time; a table of more rows than a sheet holds goes on in the next."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(file, options) as book:
            book.use_zip64()
            formats = {kind: book.add_format({"num_format": written}) for kind, written in FORMATS.items()}
            head = book.add_format({"bold": True, "bottom": 1})
            for sheet in sheets:
                for name, rows in _pieces(sheet):
                    piece = book.add_worksheet(name)
                    _write_head(piece, sheet, head)
                    _write_rows(piece, sheet, rows, formats)


WRITERS: dict[str, Callable[..., None]] = {"csv": write_csv, "xlsx": write_xlsx}


def inert(value: Any) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    text = _text(value)
    return f"'{text}" if text.startswith(FORMULA) else text


@contextmanager
def one_of_few() -> Iterator[None]:
    """Keep this process from making more files at once than it can. Raises Unavailable."""
    if not _room.acquire(timeout=PATIENCE_SECONDS):
        raise Unavailable
    try:
        yield
    finally:
        _room.release()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict) else str(value)


def _csv_cells(zone: ZoneInfo) -> dict[Kind, Callable[[Any], str]]:
    def moment(value: datetime) -> str:
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    return {"text": inert, "number": str, "money": str, "day": date.isoformat, "time": moment}


def _pieces(sheet: Sheet) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    """Yield the rows as sheets hold them, with a name for each; a table without rows is one sheet too."""
    rows, room = iter(sheet.rows), SHEET_ROWS - 1
    yield sheet.name, islice(rows, room)
    for number, first in enumerate(rows, start=2):
        yield f"{sheet.name} {number}", chain([first], islice(rows, room - 1))


def _write_head(piece: Worksheet, sheet: Sheet, head: Format) -> None:
    for place, column in enumerate(sheet.columns):
        piece.set_column(place, place, WIDTHS[column.kind])
    for place, heading in enumerate(sheet.headings):
        piece.write_string(0, place, heading, head)
    piece.freeze_panes(1, 0)


def _write_rows(piece: Worksheet, sheet: Sheet, rows: Iterable[Sequence[Any]], formats: dict[Kind, Format]) -> None:
    zone, kinds = ZoneInfo(sheet.zone), [column.kind for column in sheet.columns]
    for line, row in enumerate(rows, start=1):
        for place, (kind, value) in enumerate(zip(kinds, row, strict=True)):
            if value is None:
                continue
            if kind == "text":
                piece.write_string(line, place, _text(value)[:LONGEST_CELL])
            elif kind == "time":
                piece.write_datetime(line, place, value.astimezone(zone).replace(tzinfo=None), formats[kind])
            elif kind == "day":
                piece.write_datetime(line, place, value, formats[kind])
            else:
                piece.write_number(line, place, value, formats[kind])
