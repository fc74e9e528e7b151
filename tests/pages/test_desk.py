"""An agency's desk: departures with their load, sales as charts, what is owed and what to know, for who may see it."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import text

from aurapark import clock
from aurapark.accounts.models import AgencyRole
from aurapark.agencies.models import AgencyState
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.office import desk_routes
from aurapark.office.alerts import AlertKind, list_alerts
from aurapark.office.departures import day_bounds, each_departure, list_departures
from aurapark.office.owed import read_owed
from aurapark.office.periods import Period, last_days
from aurapark.office.sales import read_sales
from aurapark.settlements.calculate import calculate_settlements
from aurapark.web.charts import Figure
from tests.accounts import Browser, make_user
from tests.factories import Network, make_agency
from tests.office import staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.stories import confirm, hold

MONEY = (AgencyRole.OWNER, AgencyRole.MANAGER, AgencyRole.ACCOUNTANT)
BOOKS = (AgencyRole.OWNER, AgencyRole.ACCOUNTANT)
DOUALA = "Africa/Douala"
Look = Callable[[str], str]


def plain(page: str) -> str:
    return page.replace("\u202f", " ").replace("\u00a0", " ")


def run(statement: str, **values: object) -> None:
    """Run SQL and commit."""
    in_transaction(lambda: db.session.execute(text(statement), values))
    db.session.rollback()
    db.session.expire_all()


def at_desk(app: Flask, network: Network, role: AgencyRole) -> Browser:
    browser = staff_browser(app, role, network.agency)[1]
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def sell(network: Network, *seats: str) -> None:
    """Sell these seats, and let the settlements know."""
    confirm(network, *seats)
    calculate_settlements(None, 1000)  # type: ignore[arg-type]  # it reads no settings
    db.session.rollback()


@pytest.fixture
def morning(monkeypatch: pytest.MonkeyPatch, network: Network) -> None:
    """Half an hour before the network's trip departs, for the desk."""
    now = network.trip.departs_at - timedelta(minutes=30)
    stopped = SimpleNamespace(now=lambda: now, today=lambda _zone: (now + timedelta(hours=1)).date())
    monkeypatch.setattr(desk_routes, "clock", stopped)


def the_departure(network: Network) -> object:
    db.session.rollback()
    since = network.trip.departs_at
    return list_departures(network.agency.id, since, since + timedelta(hours=1), size=5).rows[0]


# Departures


def test_a_bus_is_as_full_as_its_busiest_segment(network: Network) -> None:
    sell(network, "12", "13")
    booking = hold(network, "20", "21", start="DLA", end="EDA")
    hold(network, "22", start="EDA")
    found = the_departure(network)
    assert (found.start, found.end, found.seats, found.sold, found.held) == ("Douala", "Yaoundé", 70, 2, 2)  # type: ignore[attr-defined]
    assert (found.tickets, found.cash, found.boarded, found.free) == (2, 0, 0, 66)  # type: ignore[attr-defined]
    run("UPDATE seat_claim SET expires_at = now() - interval '1 s' WHERE booking_id = :id", id=booking.id)
    assert the_departure(network).held == 1  # type: ignore[attr-defined]  # a hold that has lapsed takes nothing


def test_who_did_not_come_is_known_only_after_somebody_was_scanned(network: Network) -> None:
    sell(network, "12", "13", "14")
    run("UPDATE trip SET state = 'boarding' WHERE id = :id", id=network.trip.id)
    run("UPDATE trip SET state = 'departed' WHERE id = :id", id=network.trip.id)
    found = the_departure(network)
    assert (found.scanned, found.no_shows) == (False, None)  # type: ignore[attr-defined]
    run("UPDATE ticket SET state = 'boarded', boarded_at = now() WHERE seat = '12'")
    found = the_departure(network)
    assert (found.boarded, found.no_shows) == (1, 2)  # type: ignore[attr-defined]


def test_departures_are_paged_within_their_day_and_their_agency(network: Network) -> None:
    begin = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
    Network.make().add_trip(begin + timedelta(hours=3))
    trips = [network.add_trip(begin + timedelta(hours=number // 2)) for number in range(48)]
    since, until = day_bounds(date(2026, 12, 1), DOUALA)
    assert (since, until) == (begin - timedelta(hours=1), begin + timedelta(hours=23))
    expected = [trip.id for trip in trips if trip.departs_at < until]
    found, after = [], None
    while after is not None or not found:
        page = list_departures(network.agency.id, since, until, size=7, after=after)
        found, after = found + [one.trip_id for one in page.rows], page.behind
    assert found == expected
    assert [one.trip_id for one in each_departure(network.agency.id, since, until)] == expected


@pytest.mark.usefixtures("morning")
def test_departures_on_the_page_say_how_full_and_what_was_scanned(app: Flask, network: Network) -> None:
    sell(network, "12", "13")
    run("UPDATE trip SET state = 'boarding', delay_minutes = 20 WHERE id = :id", id=network.trip.id)
    browser, day = at_desk(app, network, AgencyRole.CLERK), clock.today() + timedelta(days=1)
    page = plain(browser.get("/agency/").text)
    assert "2 of 70 seats sold" in page
    assert "Nothing scanned yet." in page
    assert "now 08:20" in page
    assert f'href="/agency/bookings?trip={network.trip.id}"' in page
    assert "bookings?trip=" not in at_desk(app, network, AgencyRole.BOARDING).get("/agency/").text
    for path in ("/agency/departures", f"/agency/departures?day={day}", f"/agency/departures?day={day}&part=next"):
        assert "2 of 70 seats sold" in plain(browser.get(path).text), path
    assert 'class="empty"' in browser.get(f"/agency/departures?day={day + timedelta(days=1)}").text


@pytest.mark.usefixtures("morning")
def test_departures_as_files(app: Flask, network: Network) -> None:
    sell(network, "12", "13")
    browser = at_desk(app, network, AgencyRole.ACCOUNTANT)
    answer = browser.get("/agency/departures.csv", buffered=True)
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    local = f"{network.trip.departs_at + timedelta(hours=1):%Y-%m-%d %H:%M:%S}"
    assert rows[1][:3] == [local, "Douala", "Yaoundé"]
    assert rows[1][7:] == ["0", "70", "2", "0", "2", "0", "0", ""]
    sheet = load_workbook(io.BytesIO(browser.get("/agency/departures.xlsx", buffered=True).data)).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]][8:12] == [70, 2, 0, 2]


# Sales


def test_sales_are_the_sums_of_the_settlement(network: Network) -> None:
    sell(network, "12", "13")
    sell(network, "14")
    today = clock.today(DOUALA)
    sales, owed = read_sales(network.agency.id, last_days(7, today=today)), read_owed(network.agency.id)
    assert owed is not None
    assert owed.filled_to is not None
    assert (sales.total.bookings, sales.total.seats, sales.total.gross) == (2, 3, 12_000)
    assert owed.settlement.gross == sales.total.gross
    assert {name: sums.gross for name, sums in sales.routes.items()} == {"Douala – Yaoundé": 12_000}
    assert read_sales(network.agency.id, Period(today - timedelta(days=9), today - timedelta(days=1))).total.gross == 0
    assert read_sales(make_agency().id, last_days(7, today=today)).total.gross == 0


def test_a_long_period_is_shown_in_weeks() -> None:
    period = Period(date(2026, 9, 2), date(2026, 11, 23))
    pieces = list(period.pieces())
    assert (pieces[0], pieces[1]) == (
        Period(date(2026, 9, 2), date(2026, 9, 6)),
        Period(date(2026, 9, 7), date(2026, 9, 13)),
    )
    assert pieces[-1] == Period(date(2026, 11, 23), date(2026, 11, 23))
    assert sum(piece.days for piece in pieces) == period.days
    assert len(list(last_days(30, today=date(2026, 11, 23)).pieces())) == 30


def test_reports_show_what_was_asked_for(app: Flask, network: Network) -> None:
    sell(network, "12", "13")
    browser, today = at_desk(app, network, AgencyRole.MANAGER), clock.today(DOUALA)
    for query in ("", "?days=7", "?days=90", f"?from={today}", f"?to={today}", f"?from={today}&to={today}"):
        page = plain(browser.get(f"/agency/reports{query}").text)
        assert "8,000 FCFA" in page, query
        assert page.count('role="img"') == 3, query
    before = today - timedelta(days=1)
    page = plain(browser.get(f"/agency/reports?to={before}").text)
    assert "8,000 FCFA" not in page
    assert page.count("There is nothing to show for this time.") == 3


WRONG = {
    "days=8": "days",
    "days=x": "days",
    "from=yesterday": "from",
    "to=2026-13-01": "to",
    "from=2999-01-01": "from",
    "to=2999-01-01": "to",
    "from=1999-01-01": "from",
    "from=2026-03-02&to=2026-03-01": "to",
    "from=2024-01-01&to=2026-01-01": "to",
    "from=2024-01-01": "from",
    "days=7&from=2026-03-01": "days",
    "from=2026-03-01&from=2026-03-02": "from",
}


def test_nonsense_in_a_period_is_said_at_its_field(app: Flask, network: Network) -> None:
    browser = at_desk(app, network, AgencyRole.OWNER)
    for query, field in WRONG.items():
        for path in ("/agency/reports", "/agency/reports.csv", "/agency/reports.xlsx"):
            answer = browser.get(f"{path}?{query}")
            assert (answer.status_code, answer.mimetype) == (422, "text/html"), query
            assert f'href="#{field}"' in answer.text, query
            assert f'id="{field}-error"' in answer.text, query
    for query in ("day=x", "day=1900-01-01", "day=9999-12-31", "part=x", "after=1", "after=x", "day=&day="):
        for path in ("/agency/departures", "/agency/departures.csv"):
            assert browser.get(f"{path}?{query}").status_code == 422, query


def test_sales_as_files(app: Flask, network: Network) -> None:
    sell(network, "12", "13")
    browser, today = at_desk(app, network, AgencyRole.ACCOUNTANT), clock.today(DOUALA)
    sheet = load_workbook(io.BytesIO(browser.get("/agency/reports.xlsx?days=7", buffered=True).data)).active
    assert sheet is not None
    rows = [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert rows == [[datetime(today.year, today.month, today.day), rows[0][1], "Douala", "Yaoundé", 1, 2, 8000, 0]]  # noqa: DTZ001
    text = browser.get("/agency/reports.csv", buffered=True).data.decode("utf-8-sig")
    assert str(today) in text


# Who sees what


def test_each_role_sees_what_it_may(app: Flask, network: Network) -> None:
    sell(network, "12", "13")
    for role in AgencyRole:
        browser = at_desk(app, network, role)
        page = plain(browser.get("/agency/").text)
        assert ("Next settlement" in page) == (role in BOOKS), role
        assert ("No payout account yet" in page) == (role in BOOKS), role
        assert ('role="img"' in page) == (role in MONEY), role
        assert ('href="/agency/reports"' in page) == (role in MONEY), role
        assert ('href="/agency/team"' in page) == (role in (AgencyRole.OWNER, AgencyRole.MANAGER)), role
        assert ('href="/agency/audit"' in page) == (role == AgencyRole.OWNER), role
        assert 'aria-current="page">Today' in page
        reports, departures = browser.get("/agency/reports"), browser.get("/agency/departures")
        assert (reports.status_code, departures.status_code) == (200 if role in MONEY else 403, 200), role
        for path, shown in (("/agency/reports.csv", reports), ("/agency/departures.xlsx", departures)):
            assert browser.get(path, buffered=True).status_code == (200 if role in BOOKS else 403), role
            assert (path in shown.text) == (role in BOOKS), (role, path)
    other = at_desk(app, Network.make(), AgencyRole.OWNER)
    assert "8,000" not in other.get("/agency/").text
    assert "8,000" not in other.get("/agency/reports").text


def test_a_suspended_agency_still_reads(app: Flask, network: Network) -> None:
    sell(network, "12")
    browser = at_desk(app, network, AgencyRole.OWNER)
    run("UPDATE agency SET state = :state WHERE id = :id", state=AgencyState.SUSPENDED.value, id=network.agency.id)
    for path in ("/agency/", "/agency/reports", "/agency/departures"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "Your agency is suspended" in page.text


# Alerts


def test_alerts_are_facts(network: Network) -> None:
    def kinds(role: AgencyRole = AgencyRole.OWNER) -> dict[str, tuple[int, int | None]]:
        db.session.rollback()
        return {one.kind.value: (one.count, one.amount) for one in list_alerts(network.agency.id, role)}

    agency_id = network.agency.id
    assert kinds() == {AlertKind.NO_ACCOUNT: (1, None)}
    sell(network, "12")
    account = (
        "INSERT INTO payout_account (agency_id, kind, holder, sealed, ending, created_by, payable_from, created_at)"
        " SELECT :agency, 'mtn_momo', 'Wouri SARL', 'x', '4567', id, now() + CAST(:wait AS interval),"
        " now() - interval '9 days' FROM user_account LIMIT 1"
    )
    make_user()
    run(account, agency=agency_id, wait="-5 days")
    assert kinds() == {}
    run(account, agency=agency_id, wait="3 days")
    assert kinds() == {AlertKind.ACCOUNT_WAITS: (1, None)}
    assert kinds(AgencyRole.MANAGER) == kinds(AgencyRole.CLERK) == {}
    run("UPDATE payout_account SET withdrawn_at = now() WHERE payable_from > now()")
    run(
        "INSERT INTO dispute (payment_id, provider, state, amount, currency, opened_at, next_check_at)"
        " SELECT id, 'flutterwave', 'open', 4000, 'XAF', now(), now() FROM payment"
    )
    assert kinds() == kinds(AgencyRole.MANAGER) == {AlertKind.DISPUTES: (1, 4000)}
    assert list_alerts(make_agency().id, AgencyRole.MANAGER) == []
    run(
        "INSERT INTO refund (payment_id, action, reason, amount, currency, state, next_check_at, requested_by)"
        " SELECT id, 'trip', 'trip_cancelled', 4000, 'XAF', 'requested', now(), 'system' FROM payment"
    )
    assert kinds()[AlertKind.TRIP_REFUNDS] == (1, 4000)


# What it costs


@pytest.mark.parametrize("path", ["/agency/", "/agency/departures", "/agency/reports?days=90"])
@pytest.mark.usefixtures("morning")
def test_a_page_of_the_desk_is_light(app: Flask, network: Network, path: str) -> None:
    sell(network, "12", "13")
    for number in range(45):
        network.add_trip(network.trip.departs_at + timedelta(minutes=number))
    run(
        "INSERT INTO agency_day (agency_id, day, channel, route_id, bookings, seats, gross, commission, refunds)"
        " SELECT :agency, day, channel, :route, 30000, 45000, 180000000 + extract(doy FROM day)::int * 1234567, 0, 0"
        " FROM generate_series(current_date - 100, current_date - 1, interval '1 day') day,"
        " unnest(ARRAY['web', 'api', 'counter']) channel",
        agency=network.agency.id,
        route=network.route.id,
    )
    browser = at_desk(app, network, AgencyRole.OWNER)
    run("UPDATE login_session SET last_seen_at = now() - interval '5 minutes'")  # it is noted that it is in use
    with counted(app) as statements:
        page = browser.get(path, headers={"Accept-Encoding": "gzip"})
    assert page.status_code == 200
    assert len(statements) <= 8, statements
    assert len(page.data) <= 25 * KILOBYTE


def test_a_figure_without_routes_is_empty() -> None:
    assert Figure("f", "t", "h", [], []).empty
