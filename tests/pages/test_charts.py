"""Charts on a page: named, described, with every value in a table, in the numbers of the language, without styles."""

import re
from pathlib import Path

import html5lib
import pytest
from flask import Flask, render_template_string

from aurapark.web.charts import Figure, Series
from tests.pages.look import look_app

SALES = Figure(
    "sales",
    "Sales <b>",
    "Day",
    ["Mon", "Tue", "Wed"],
    [Series("Web & co", [1_200_000, 0, -500]), Series("Counter", [0, 0, 7])],
    "money",
    stacked=True,
)
PAGE = '{% from "components/chart.html" import bar_chart, column_chart, load_bar %}'


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return look_app(tmp_path_factory.mktemp("var"))


def drawn(app: Flask, macro: str, figure: object = SALES, lang: str = "fr") -> str:
    with app.test_request_context(headers={"Accept-Language": lang}):
        text = render_template_string(PAGE + "{{ " + macro + " }}", figure=figure)  # no page of the site does this
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize("macro", ["column_chart(figure)", "bar_chart(figure)"])
def test_a_chart_is_named_described_and_in_a_table(app: Flask, macro: str) -> None:
    text = drawn(app, macro)
    root = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parseFragment(text)
    svg = next(one for one in root.iter() if one.get("role") == "img")
    ids = {one.get("id"): one for one in root.iter() if one.get("id")}
    named, described = (ids[name] for name in svg.get("aria-labelledby").split())
    assert named.text == "Sales <b>"
    assert "Mon, 1 200 000 FCFA" in described.text
    assert "1 199 507 FCFA" in described.text
    cells = [["".join(cell.itertext()).strip() for cell in line] for line in root.iter("tr")]
    assert cells == [
        ["Day", "Web & co", "Counter"],
        ["Mon", "1 200 000", "0"],
        ["Tue", "0", "0"],
        ["Wed", "-500", "7"],
        ["Total", "1 199 500", "7"],
    ]
    assert {cell.get("scope") for cell in root.iter("th")} == {"col", "row"}
    assert [one.get("tabindex") for one in root.iter() if one.get("role") == "region"] == ["0"]
    assert 'fill="url(#sales-2)"' in text
    assert 'id="sales-2"' in text
    assert not re.search(r"\sstyle=", text)


def test_numbers_are_written_as_the_language_writes_them(app: Flask) -> None:
    english = drawn(app, "column_chart(figure)", lang="en")
    assert ">1,200,000<" in english
    assert ">1M<" in english
    assert ">1 M<" in drawn(app, "column_chart(figure)")


@pytest.mark.parametrize("macro", ["column_chart(figure)", "bar_chart(figure)"])
def test_no_values_are_said_in_words(app: Flask, macro: str) -> None:
    nothing = Figure("sales", "Sales", "Day", ["Mon"], [Series("Web", [0])])
    text = drawn(app, macro, nothing, "en")
    assert "There is nothing to show for this time." in text
    assert "<svg" not in text
    assert "<table" not in text
    one = Figure("sales", "Sales", "Day", ["Mon"], [Series("Web", [3])], total=False)
    assert "<tfoot" not in drawn(app, macro, one)
    assert drawn(app, macro, one).count("<rect") == 1


def test_a_load_is_decoration(app: Flask) -> None:
    text = drawn(app, "load_bar((44, 9), 70)")
    assert 'aria-hidden="true"' in text
    assert text.count("<rect") == 3


def test_a_chart_of_30_days_is_light(app: Flask) -> None:
    page = app.test_client().get("/styleguide/", headers={"Accept-Encoding": "gzip"})
    assert len(page.data) < 25 * 1024


def test_every_pattern_is_drawn_in_css(app: Flask) -> None:
    css = (Path(app.root_path).parent / "static" / "css" / "staff.css").read_text()
    for name in ("s0", "s1", "f2", "f3", "f4", "l2", "l3", "l4"):
        for part in (css, css.partition("(forced-colors: active)")[2], css.partition("@media print")[2]):
            assert name == "s0" or f".{name}" in part or part is css, name
