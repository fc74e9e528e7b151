"""The audit log read: by the platform all of it, by an owner what was done about their agency; inert in a sheet."""

import csv
import io

import pytest
from flask import Flask
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from sqlalchemy import text

from aurapark import audit
from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.keyset import PAGE_SIZE
from tests.accounts import Browser
from tests.factories import make_agency
from tests.office import staff_browser
from tests.pages.test_budgets import KILOBYTE, counted

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx")


@pytest.fixture
def support(app: Flask) -> Browser:
    return staff_browser(app, PlatformRole.SUPPORT)[1]


def note(count: int = 1, *, entity: str = "booking", entity_id: str = "7K3QF9", **more: object) -> None:
    """Let so many entries be in the log."""

    def work() -> None:
        for number in range(count):
            audit.record(f"thing.done{number}", entity, entity_id, **more)  # type: ignore[arg-type]

    in_transaction(work)


def test_the_log_is_read_page_by_page_and_narrowed(support: Browser) -> None:
    note(PAGE_SIZE + 5)
    note(entity="agency", entity_id="5", actor="user:12", reason="because")
    first = support.get("/admin/audit")
    assert first.text.count("<strong>thing.done") == PAGE_SIZE
    assert "after=" in first.text
    oldest = db.session.scalar(text("SELECT min(id) FROM audit_entry WHERE action LIKE 'thing%'"))
    last = support.get(f"/admin/audit?after={oldest + 3}")
    assert last.text.count("<strong>thing.done") == 3
    for query, count in (
        ("entity=agency&entity_id=5", 1),
        ("actor=user:12", 1),
        ("action=thing.done1&entity=booking", 11),
        ("action=thing.%25", 0),
        ("since=2099-01-01", 0),
        ("until=2021-01-01", 0),
    ):
        assert support.get(f"/admin/audit?{query}").text.count("<strong>thing.done") == count, query
    for wrong in ("since=yesterday", "since=9999-12-31", "until=0001-01-01", "entity=a&entity=b", "actor=" + "x" * 99):
        assert support.get(f"/admin/audit?{wrong}").status_code == 422, wrong
        assert support.get(f"/admin/audit.csv?{wrong}").status_code == 422, wrong


def test_a_file_of_the_log_runs_no_formula(support: Browser) -> None:
    for formula in FORMULAS:
        note(actor=formula, reason=formula, after={"amount": 1})
    answer = support.get("/admin/audit.csv?entity=booking&lang=en", buffered=True, follow_redirects=True)
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("text/csv", "no-store")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + len(FORMULAS)
    assert {cell for row in rows[1:] for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))} == set()
    assert {row[2] for row in rows[1:]} == {f"'{formula}" for formula in FORMULAS}
    sheet = load_workbook(io.BytesIO(support.get("/admin/audit.xlsx?entity=booking", buffered=True).data)).active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert {cell.data_type for cell in cells} == {"n", "d", "s"}
    assert {unescape(cell.value) for cell in cells if cell.column == 3} == set(FORMULAS)


def test_who_reads_it(app: Flask) -> None:
    agency, other = make_agency(), make_agency()
    note(entity="agency", entity_id=str(agency.id), actor="user:11", reason="ours")
    note(entity="agency", entity_id=str(other.id), actor="user:22", reason="theirs")
    for role in PlatformRole:
        browser = staff_browser(app, role)[1]
        assert (
            browser.get("/admin/audit").status_code == browser.get("/admin/audit.csv", buffered=True).status_code == 200
        )
        assert browser.get("/agency/audit").status_code == 404
        assert browser.send("/admin/audit").status_code == 405
    for role in AgencyRole:
        browser = staff_browser(app, role, agency)[1]
        page = browser.get(f"/agency/audit?entity_id={other.id}&entity=agency&agency_id={other.id}")
        assert page.status_code == (200 if role == AgencyRole.OWNER else 403)
        assert ("ours" in page.text, "theirs" in page.text) == (role == AgencyRole.OWNER, False)
        assert browser.get("/admin/audit").status_code == browser.get("/admin/audit.csv").status_code == 404


def test_it_is_light(app: Flask, support: Browser) -> None:
    note(60, reason="a reason of some length, as people write them")
    for path in ("/admin/audit", "/admin/audit?entity=booking&entity_id=7K3QF9"):
        with counted(app) as statements:
            page = support.get(path, headers={"Accept-Encoding": "gzip"})
        assert len(statements) <= 8, statements
        assert len(page.data) <= 25 * KILOBYTE
