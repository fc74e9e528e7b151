"""What a file that people take away may hold, by its kind: text stays text for whoever opens it."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping
from urllib.parse import urlsplit

import openpyxl
import pypdf

ENDINGS = (".csv", ".xlsx", ".pdf", ".json", ".ics")
NUMBER = re.compile(r"[+-]?[\d\s.,\u00a0\u202f]+%?|\+\d{6,15}")
RUNS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for a formula
ACTIVE = ("/JS", "/JavaScript", "/OpenAction", "/AA", "/Launch", "/EmbeddedFile")
FIXED_NAME = re.compile(r'(attachment|inline); filename="[\w.-]+"')


def ending_of(address: str) -> str:
    """The kind of file an address leads to, empty for a page."""
    path = urlsplit(address).path
    return next((ending for ending in ENDINGS if path.endswith(ending)), "")


def faults_of(ending: str, headers: Mapping[str, str], body: bytes) -> list[str]:
    """What of a file would run, or could be taken for something else."""
    known = {name.lower(): value for name, value in headers.items()}
    found = [] if known.get("x-content-type-options") == "nosniff" else ["may be sniffed"]
    found += ["is a page"] if "html" in known.get("content-type", "") else []
    found += [] if FIXED_NAME.fullmatch(known.get("content-disposition", "")) else ["has no fixed name"]
    return found + READERS[ending](body)


def _csv(body: bytes) -> list[str]:
    text = body.decode("utf-8-sig")
    delimiter = max(";,", key=text.partition("\n")[0].count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    widths = {len(row) for row in rows}
    found = ["rows of different widths"] if len(widths) > 1 else []
    cells = [cell for row in rows for cell in row if cell.startswith(RUNS) and not NUMBER.fullmatch(cell)]
    return found + [f"a formula {cell[:40]}" for cell in cells]


def _xlsx(body: bytes) -> list[str]:
    parts = zipfile.ZipFile(io.BytesIO(body)).namelist()
    found = [f"a part {name}" for name in parts if "vba" in name.lower() or "externalLink" in name]
    book = openpyxl.load_workbook(io.BytesIO(body), read_only=True)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    found += [f"a formula {cell.value}" for cell in cells if cell.data_type == "f" or getattr(cell, "hyperlink", None)]
    book.close()
    return found


def _pdf(body: bytes) -> list[str]:
    reader = pypdf.PdfReader(io.BytesIO(body), strict=True)
    numbers = range(1, int(reader.trailer["/Size"]))
    objects = [str(reader.get_object(pypdf.generic.IndirectObject(number, 0, reader))) for number in numbers]
    return [f"has {word}" for word in ACTIVE if any(f"'{word}'" in one for one in [*objects, str(reader.trailer)])]


def _json(body: bytes) -> list[str]:
    json.loads(body)
    return []


def _ics(body: bytes) -> list[str]:
    lines = body.decode().split("\r\n")
    known = re.compile(r"[A-Z-]+[;:]|[ \t]|$")
    return [f"a line {line[:40]!r}" for line in lines if not known.match(line)]


READERS = {".csv": _csv, ".xlsx": _xlsx, ".pdf": _pdf, ".json": _json, ".ics": _ics}
