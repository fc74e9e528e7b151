"""The list of agencies for the platform: narrowed, page by page, as a file; nonsense is said and not passed over."""

import csv
import io

import pytest
from flask import Flask

from aurapark.accounts.models import PlatformRole
from aurapark.agencies.models import AgencyState
from tests.accounts import Browser
from tests.factories import make_agency
from tests.office import staff_browser
from tests.pages.test_budgets import KILOBYTE, counted

ROW = '<li><a href="/admin/agencies/'


@pytest.fixture
def finance(app: Flask) -> Browser:
    return staff_browser(app, PlatformRole.FINANCE)[1]


def test_agencies_are_narrowed_paged_and_taken_as_a_file(app: Flask, finance: Browser) -> None:
    for number in range(45):
        make_agency(name=f"Ligne {number:02}", short_name=f"L{number}")
    make_agency(name="=Mungo_Voyages", short_name="MGV", state=AgencyState.SUSPENDED)
    first = finance.get("/admin/agencies").text
    assert first.count(ROW) == 40
    assert "after=" in first
    for query, count in (
        ("name=mungo_", 1),
        ("name=ligne+0", 10),
        ("name=%25", 0),
        ("state=suspended", 1),
        ("state=suspended&name=ligne", 0),
    ):
        assert finance.get(f"/admin/agencies?{query}").text.count(ROW) == count, query
    for wrong in ("state=x", "state=active&state=pending", "name=" + "x" * 99, "after=x", "after=1.2"):
        assert finance.get(f"/admin/agencies?{wrong}").status_code == 422, wrong
        assert finance.get(f"/admin/agencies.xlsx?{wrong}").status_code == 422, wrong
    lines = finance.get("/admin/agencies.csv?state=suspended", buffered=True).data.decode("utf-8-sig")
    [_, row] = csv.reader(io.StringIO(lines, newline=""), delimiter=";")
    assert row[2:5:2] == ["'=Mungo_Voyages", "suspended"]
    with counted(app) as statements:
        page = finance.get("/admin/agencies", headers={"Accept-Encoding": "gzip"})
    assert len(statements) <= 8, statements
    assert len(page.data) <= 25 * KILOBYTE
