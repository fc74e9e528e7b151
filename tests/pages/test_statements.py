"""Statements on pages and in files: every figure once, the same everywhere, for those who may read them."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook
from pypdf import PdfReader
from sqlalchemy import text

from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.agencies.models import Agency
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.settlements.calculate import calculate_settlements
from aurapark.settlements.models import LineKind, Settlement, SettlementLine, SettlementState
from aurapark.web import statement_pdf
from tests.accounts import Browser
from tests.factories import Network
from tests.office import logged, staff_browser
from tests.pages.test_budgets import counted
from tests.statements import last_month, line_of
from tests.stories import confirm

PARTS = (("gross", 1), ("commission", -1), ("refunds", -1), ("cash_kept", -1), ("carried", 1), ("net", 1))
KILOBYTE = 1024


@pytest.fixture
def statement(network: Network, settings: Settings) -> Settlement:
    return last_month(network, settings)


@pytest.fixture
def accountant(app: Flask, network: Network) -> Browser:
    return staff_browser(app, AgencyRole.ACCOUNTANT, network.agency)[1]


@pytest.fixture
def finance(app: Flask) -> Browser:
    return staff_browser(app, PlatformRole.FINANCE)[1]


def plain(text: str) -> str:
    """A page without the spaces that do not break."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def francs(amount: int, language: str) -> str:
    return f"{amount:,} FCFA" if language == "en" else f"{amount:,} FCFA".replace(",", " ")


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("base", ["/agency", "/admin"])
def test_the_page_shows_how_the_net_comes_about(
    statement: Settlement, accountant: Browser, finance: Browser, base: str, language: str
) -> None:
    browser = accountant if base == "/agency" else finance
    headers = {"Accept-Language": language}
    page = browser.get(f"{base}/settlements/{statement.id}", headers=headers)
    shown = plain(page.text)
    for part, sign in PARTS:
        assert francs(sign * getattr(statement, part), language) in shown, part
    assert f"-{statement.agency_id:04}" in shown
    assert len(page.data) <= 25 * KILOBYTE
    listed = plain(browser.get(f"{base}/settlements", headers=headers).text)
    assert francs(statement.net, language) in listed
    trips = plain(browser.get(f"{base}/settlements/{statement.id}/trips", headers=headers).text)
    assert francs(statement.net - statement.carried - 0, language) not in shown or trips


def test_every_line_opens_what_it_comes_from(statement: Settlement, accountant: Browser, finance: Browser) -> None:
    lines = db.session.query(SettlementLine).filter_by(settlement_id=statement.id).all()
    assert {one.kind for one in lines} == {LineKind.SALE, LineKind.COMMISSION, LineKind.REFUND, LineKind.CASH_KEPT}
    page = accountant.get(f"/agency/settlements/{statement.id}").text
    for one in lines:
        path = f"/agency/settlements/{statement.id}/lines/{one.ledger_entry_id}"
        assert path in page
        shown = accountant.get(path)
        assert shown.status_code == 200
        assert "/agency/bookings/B" in shown.text
    path = f"/admin/settlements/{statement.id}/lines/{lines[0].ledger_entry_id}"
    assert "/admin/bookings/B" in finance.get(path).text


def test_lines_are_narrowed_and_paged(
    network: Network, settings: Settings, accountant: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = last_month(network, settings, bookings=60)
    base = f"/agency/settlements/{statement.id}"

    def entries(query: str) -> set[int]:
        wanted = text(
            "SELECT l.ledger_entry_id FROM settlement_line l LEFT JOIN booking b ON b.id = l.booking_id"  # noqa: S608
            f" WHERE l.settlement_id = :id AND {query}"
        )
        return set(db.session.scalars(wanted, {"id": statement.id}))

    def found(address: str) -> list[int]:
        return [int(part.partition('"')[0]) for part in accountant.get(address).text.split("/lines/")[1:]]

    trip = db.session.scalar(text("SELECT max(trip_id) FROM booking WHERE agency_id = :id"), {"id": network.agency.id})
    reference = db.session.scalar(text("SELECT max(reference) FROM booking"))
    cases = {
        "kind=refund": "kind = 'refund'",
        "carried=yes": "carried",
        "carried=yes&kind=sale": "carried AND kind = 'sale'",
        f"reference={reference[:3]}+{reference[3:].lower()}": f"b.reference = '{reference}'",
        "reference=ZZZZZZ": "FALSE",
        f"trip={trip}&kind=cash_kept": f"b.trip_id = {trip} AND kind = 'cash_kept'",
    }
    for query, condition in cases.items():
        assert set(found(f"{base}?{query}")) == entries(condition), query
    seen: list[int] = []
    address = base
    while address:
        page = accountant.get(address).text
        seen += [int(part.partition('"')[0]) for part in page.split("/lines/")[1:]]
        address = (
            page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0] if 'rel="next"' in page else ""
        )
    assert seen == sorted(entries("TRUE"))
    assert len(seen) > 80


@pytest.mark.parametrize(
    "query",
    ["kind=x", "carried=perhaps", "reference=%3Cscript%3E", "trip=-1", "trip=x", "after=x", "kind=sale&kind=refund"],
)
def test_nonsense_in_a_filter_is_said(statement: Settlement, accountant: Browser, query: str) -> None:
    base = f"/agency/settlements/{statement.id}"
    for path in (base, f"{base}.csv", f"{base}.xlsx"):
        answer = accountant.get(f"{path}?{query}")
        assert answer.status_code == 422, path
        assert 'id="problems"' in answer.text
        assert "/lines/" not in answer.text


def test_nonsense_about_settlements_and_trips_is_said(statement: Settlement, finance: Browser) -> None:
    for query in ("agency=nobody", "month=2026-13", "month=October", "month=2099-01", "state=x", "after=12"):
        answer = finance.get(f"/admin/settlements?{query}")
        assert (answer.status_code, 'id="problems"' in answer.text) == (422, True), query
    for query in ("day=2026-02-30", "day=9999-12-31", "route=x", "route=999999", "after=1"):
        answer = finance.get(f"/admin/settlements/{statement.id}/trips?{query}")
        assert (answer.status_code, 'id="problems"' in answer.text) == (422, True), query
    assert finance.get("/admin/line-disputes?state=x").status_code == 422


def test_the_platform_narrows_settlements(network: Network, statement: Settlement, finance: Browser) -> None:
    month = f"{statement.period_end:%Y-%m}"  # the period ends where the next begins; it began the day before in UTC
    before = finance.get(f"/admin/settlements?agency={network.agency.code}&state=closed").text
    assert f"/admin/settlements/{statement.id}" in before
    assert f"/admin/settlements/{statement.id}" not in finance.get("/admin/settlements?state=paid").text
    assert finance.get(f"/admin/settlements?month={month}").status_code in (200, 422)


def test_trips_add_up_to_the_net(network: Network, statement: Settlement, accountant: Browser) -> None:
    base = f"/agency/settlements/{statement.id}/trips"
    page = accountant.get(base, headers={"Accept-Language": "en"})
    nets = [int(part.partition(" FCFA")[0].replace(",", "")) for part in plain(page.text).split("<strong>")[1:]]
    assert sum(nets) + statement.carried == statement.net
    assert len(nets) == 2
    day = statement.period_start.date()
    assert "<strong>" not in accountant.get(f"{base}?day={day}").text
    assert accountant.get(f"{base}?route={network.route.id}").text.count("<strong>") == 2


@pytest.mark.parametrize("path", ["", "/trips", "?kind=refund", "?carried=yes"])
def test_a_page_asks_for_eight_statements_at_most(
    app: Flask, network: Network, settings: Settings, accountant: Browser, finance: Browser, path: str
) -> None:
    statement = last_month(network, settings, bookings=60, trips=20)
    confirm(network)
    calculate_settlements(settings, 1000)
    running = db.session.query(Settlement).filter_by(agency_id=network.agency.id, state=SettlementState.OPEN).one()
    both = statement.id, running.id
    db.session.remove()
    for one in both:
        for browser, base in ((accountant, "/agency"), (finance, "/admin")):
            with counted(app) as statements:
                assert browser.get(f"{base}/settlements/{one}{path}").status_code == 200
            assert len(statements) <= 8, statements


def test_an_open_settlement_says_how_far_it_is(
    network: Network, settings: Settings, accountant: Browser, finance: Browser
) -> None:
    confirm(network)
    calculate_settlements(settings, 1000)
    running = db.session.query(Settlement).one()
    path = f"/admin/settlements/{running.id}"
    headers = {"Accept-Language": "en"}
    assert "Filled up to" in finance.get(path, headers=headers).text
    assert "movements wait" not in finance.get(path, headers=headers).text
    late = text("UPDATE settlement_progress SET filled_to = now() - interval '1 day'")
    in_transaction(lambda: db.session.execute(late))
    assert "2 movements wait" in plain(finance.get(path, headers=headers).text)
    answer = finance.send(f"{path}/close", {"reason": "before the holidays"}, headers=headers)
    assert (answer.status_code, "not over yet" in answer.text) == (409, True)
    assert finance.send(f"{path}/close", {"reason": ""}).status_code == 422
    assert accountant.get(f"/agency/settlements/{running.id}").text.count("/close") == 0


def test_finance_closes_a_month_by_hand(network: Network, settings: Settings, finance: Browser) -> None:
    statement = last_month(network, settings)
    again = finance.send(f"/admin/settlements/{statement.id}/close", {"reason": "once more"})
    assert again.status_code == 409
    assert [one.reason for one in logged("settlement.close")] == ["the month is over"] * 2


# Files


@pytest.mark.parametrize("language", ["fr", "en"])
def test_files_hold_what_the_page_holds(statement: Settlement, accountant: Browser, language: str) -> None:
    base = f"/agency/settlements/{statement.id}"
    lines = db.session.query(SettlementLine).filter_by(settlement_id=statement.id)
    expected = [(one.ledger_entry_id, one.amount) for one in lines.order_by(SettlementLine.ledger_entry_id)]
    written = download(accountant, f"{base}.csv", language).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(written), delimiter=";" if language == "fr" else ","))
    assert [(int(row[0]), int(row[4])) for row in rows[1:]] == expected
    assert sum(amount for _, amount in expected) == statement.net
    book = load_workbook(io.BytesIO(download(accountant, f"{base}.xlsx", language)))
    assert [(row[0], row[4]) for row in book.worksheets[0].iter_rows(min_row=2, values_only=True)] == expected
    sums = [row[1] for row in book.worksheets[1].iter_rows(min_row=3, values_only=True)]
    assert sums == [sign * getattr(statement, part) for part, sign in PARTS]
    narrowed = download(accountant, f"{base}.csv?kind=refund").decode()
    assert len(narrowed.splitlines()) == 1 + lines.filter_by(kind=LineKind.REFUND).count()


def download(browser: Browser, path: str, language: str = "fr") -> bytes:
    """The bytes of a file, whose place on disk is given back."""
    with browser.get(path, headers={"Accept-Language": language}) as answer:
        assert answer.status_code == 200
        assert "attachment" in answer.headers["Content-Disposition"]
        return answer.data


def read_pdf(browser: Browser, statement: Settlement, language: str) -> tuple[PdfReader, str]:
    answer = browser.get(f"/agency/settlements/{statement.id}.pdf", headers={"Accept-Language": language})
    assert answer.content_type == "application/pdf"
    reader = PdfReader(io.BytesIO(answer.data))
    return reader, plain("\n".join(page.extract_text() for page in reader.pages))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_document_holds_sums_trips_and_legal_data(
    network: Network, settings: Settings, accountant: Browser, language: str
) -> None:
    named = "legal_name = '=cmd() Ŋgɔŋ & Ɓɛti SARL', rccm = 'RC/DLA/2019/B/1', niu = 'M0519'"
    changed = text(f"UPDATE agency SET {named} WHERE id = :id")  # noqa: S608
    in_transaction(lambda: db.session.execute(changed, {"id": network.agency.id}))
    statement = last_month(network, settings, bookings=90, trips=70)
    reader, said = read_pdf(accountant, statement, language)
    for part, sign in PARTS:
        assert francs(sign * getattr(statement, part), language) in said, part
    for words in ("=cmd() Ŋgɔŋ & Ɓɛti SARL", "RCCM RC/DLA/2019/B/1", "NIU M0519", settings.legal_name, "TEST-"):
        assert words in said, words
    last = len(reader.pages)
    assert last >= 2
    assert f"page {last} {'sur' if language == 'fr' else 'of'} {last}" in said
    head = "Commission"
    assert all(head in page.extract_text() for page in reader.pages[:last])
    assert said.count("Douala – Yaoundé (") == 70
    assert reader.trailer["/Root"]["/Lang"].startswith(language)
    assert "/OpenAction" not in reader.trailer["/Root"]
    assert network.agency.name in (reader.metadata.title or "")
    assert all(font["/FontDescriptor"]["/FontFile2"] for font in embedded(reader))
    again = accountant.get(f"/agency/settlements/{statement.id}.pdf", headers={"Accept-Language": language})
    assert PdfReader(io.BytesIO(again.data)).pages[0].extract_text() == reader.pages[0].extract_text()


def embedded(reader: PdfReader) -> Iterator[Any]:
    """The fonts inside the document."""
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            yield from (one.get_object() for one in font.get_object()["/DescendantFonts"])


def test_the_document_is_the_same_twice(statement: Settlement, accountant: Browser) -> None:
    path = f"/agency/settlements/{statement.id}.pdf"
    assert accountant.get(path).data == accountant.get(path).data


def test_a_document_of_very_many_trips_has_a_row_a_day(
    network: Network, settings: Settings, accountant: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement_pdf, "MOST_TRIPS", 5)
    monkeypatch.setattr(statement_pdf, "MOST_CARRIED", 1)
    statement = last_month(network, settings, bookings=60, trips=40)
    _, said = read_pdf(accountant, statement, "en")
    assert "more than 5 trips" in said
    assert "The first 1 lines" in said
    assert "Douala – Yaoundé (" not in said
    assert francs(statement.net, "en") in said


# Disputes


def test_a_dispute_goes_its_way_over_the_pages(
    app: Flask, network: Network, statement: Settlement, accountant: Browser, finance: Browser
) -> None:
    line = line_of(statement).ledger_entry_id
    here, there = (f"/{side}/settlements/{statement.id}/lines/{line}" for side in ("agency", "admin"))
    assert accountant.send(f"{here}/dispute", {"reason": ""}).status_code == 422
    assert accountant.send(f"{here}/dispute", {"reason": "=cmd() paid twice"}).status_code == 303
    twice = accountant.send(f"{here}/dispute", {"reason": "again"}, headers={"Accept-Language": "en"})
    assert (twice.status_code, "disputed once" in twice.text) == (409, True)
    assert accountant.send(f"{here}/withdraw").status_code == 303
    assert accountant.send(f"{here}/dispute", {"reason": "=cmd() paid twice"}).status_code == 303
    assert "=cmd() paid twice" in finance.get("/admin/line-disputes?state=open").text
    assert "=cmd() paid twice" in finance.get(there).text
    for amount in ("1.5", "x", "", "0", "999999", "१२"):
        answer = finance.send(f"{there}/accept", {"reason": "looked at it", "amount": amount})
        assert answer.status_code in (400, 422), amount
        assert 'id="problems"' in answer.text
    assert finance.send(f"{there}/accept", {"reason": "looked at it", "amount": "1 500"}).status_code == 303
    late = finance.send(f"{there}/refuse", {"reason": "changed my mind"})
    assert late.status_code == 409
    assert accountant.send(f"{here}/withdraw").status_code == 409
    shown = plain(accountant.get(here, headers={"Accept-Language": "en"}).text)
    assert "1,500 FCFA" in shown
    assert "looked at it" in shown
    assert "Dispute this line" not in shown


def test_another_agencys_settlement_is_not_there(app: Flask, statement: Settlement) -> None:
    other = Network.make()
    stranger = staff_browser(app, AgencyRole.OWNER, db.session.get_one(Agency, other.agency.id))[1]
    line = line_of(statement).ledger_entry_id
    base = f"/agency/settlements/{statement.id}"
    for path in (base, f"{base}/trips", f"{base}.csv", f"{base}.xlsx", f"{base}.pdf", f"{base}/lines/{line}"):
        assert stranger.get(path).status_code == 404
    for path in ("dispute", "withdraw"):
        assert stranger.send(f"{base}/lines/{line}/{path}", {"reason": "not mine"}).status_code == 404


# Legal data


def test_an_admin_says_what_an_agency_is_called_in_the_registers(app: Flask, network: Network) -> None:
    admin = staff_browser(app, PlatformRole.ADMIN)[1]
    path = f"/admin/agencies/{network.agency.id}/legal"
    assert admin.send(path, {"rccm": "RC/DLA/2019/B/1"}).status_code == 422
    assert admin.send(path, {"reason": "the extract came", "niu": "x" * 161}).status_code == 422
    fields = {"legal_name": " Ŋgɔŋ  SARL ", "rccm": "RC/DLA/2019/B/1", "niu": "", "name": "Other", "state": "suspended"}
    assert admin.send(path, {**fields, "reason": "the extract came"}).status_code == 303
    db.session.expire_all()
    agency = db.session.get_one(Agency, network.agency.id)
    assert (agency.legal_name, agency.rccm, agency.niu, agency.legal_address) == (
        "Ŋgɔŋ SARL",
        "RC/DLA/2019/B/1",
        None,
        None,
    )
    assert (agency.name, agency.state) == (network.agency.name, "active")
    (entry,) = logged("agency.legal")
    assert (entry.reason, entry.after["niu"]) == ("the extract came", None)
    assert "Ŋgɔŋ SARL" in admin.get(path).text
