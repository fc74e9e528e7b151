"""Public holidays: computed where they can be, entered where they are announced, named where people choose a day."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import clock
from aurapark.accounts.models import PlatformRole
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.timetable import holidays as calendar
from aurapark.timetable.holiday_models import Holiday
from aurapark.timetable.holiday_rules import KnownHoliday, easter_sunday, known_holidays
from tests.accounts import Browser
from tests.factories import Network
from tests.office import WHY, logged, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted

# From the tables of the US Census Bureau and of national calendars; the earliest and the latest day there can be too.
EASTER = {
    1818: date(1818, 3, 22),
    1943: date(1943, 4, 25),
    2024: date(2024, 3, 31),
    2025: date(2025, 4, 20),
    2026: date(2026, 4, 5),
    2027: date(2027, 3, 28),
    2038: date(2038, 4, 25),
    2049: date(2049, 4, 18),
    2076: date(2076, 4, 19),
}
NEW = {"day": "2026-03-20", "name_fr": "Fin du Ramadan", "name_en": "End of Ramadan", "reason": WHY}


@pytest.fixture
def admin(app: Flask) -> Browser:
    browser = staff_browser(app, PlatformRole.ADMIN)[1]
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def kept() -> list[KnownHoliday]:
    db.session.rollback()
    db.session.expire_all()
    return [KnownHoliday(one.day, one.name_fr, one.name_en) for one in db.session.query(Holiday).order_by(Holiday.day)]


def test_easter_falls_where_the_tables_say() -> None:
    assert {year: easter_sunday(year) for year in EASTER} == EASTER
    assert all(easter_sunday(year).weekday() == 6 for year in range(2020, 2101))


def test_the_known_holidays_of_a_year() -> None:
    assert [(one.day.month, one.day.day) for one in known_holidays(2026)] == [
        (1, 1), (2, 11), (4, 3), (5, 1), (5, 14), (5, 20), (8, 15), (12, 25),
    ]  # fmt: skip


def test_an_admin_adds_changes_and_removes_with_a_reason(admin: Browser) -> None:
    assert admin.send("/admin/holidays", NEW).headers["Location"] == "/admin/holidays?year=2026&done=added"
    assert kept() == [KnownHoliday(date(2026, 3, 20), "Fin du Ramadan", "End of Ramadan")]
    assert admin.send("/admin/holidays", NEW).status_code == 409
    number = db.session.query(Holiday).one().id
    path = f"/admin/holidays/{number}"
    assert "End of Ramadan" in admin.get(path).text
    assert admin.send(path, {**NEW, "day": "21/03/2026"}).status_code == 303
    assert kept()[0].day == date(2026, 3, 21)
    assert admin.send(f"{path}/remove", {"reason": ""}).status_code == 422
    assert admin.send(f"{path}/remove", {"reason": WHY}).headers["Location"] == "/admin/holidays?year=2026&done=removed"
    assert kept() == []
    [change], [removal] = logged("holiday.change"), logged("holiday.remove")
    assert (change.before["day"], change.after["day"]) == ("2026-03-20", "2026-03-21")
    assert (removal.before, removal.reason) == (
        {"day": "2026-03-21", "fr": "Fin du Ramadan", "en": "End of Ramadan"},
        WHY,
    )
    assert admin.get(path).status_code == admin.send(f"{path}/remove", {"reason": WHY}).status_code == 404
    assert admin.get(f"/admin/holidays/{10**20}").status_code == 404


def test_the_known_ones_of_a_year_are_added_once(admin: Browser) -> None:
    form = {"known-year": "2027", "known-reason": WHY}
    assert admin.send("/admin/holidays/known", form).status_code == 303
    assert len(kept()) == 8
    assert "Good Friday" in admin.get("/admin/holidays?year=2027").text
    assert admin.send("/admin/holidays/known", form).status_code == 409
    assert len(kept()) == 8


@pytest.mark.parametrize(
    "wrong", [{"day": "soon"}, {"day": "9999-12-31"}, {"name_fr": ""}, {"name_en": "x" * 61}, {"reason": ""}]
)
def test_nonsense_changes_nothing(admin: Browser, wrong: dict[str, str]) -> None:
    answer = admin.send("/admin/holidays", {**NEW, **wrong})
    assert answer.status_code == 422
    assert f'id="{next(iter(wrong))}-error"' in answer.text
    assert kept() == []


def test_a_year_of_nonsense_is_refused(admin: Browser) -> None:
    for year in ("x", "1000", "99999999999999999999", "2026.5"):
        assert admin.get(f"/admin/holidays?year={year}").status_code == 422, year
        form = {"known-year": year, "known-reason": WHY}
        assert admin.send("/admin/holidays/known", form).status_code == 422
    assert kept() == []


def test_only_an_admin_changes_them(app: Flask) -> None:
    for role in (PlatformRole.SUPPORT, PlatformRole.FINANCE):
        browser = staff_browser(app, role)[1]
        page = browser.get("/admin/holidays")
        assert page.status_code == 200
        assert 'method="post" action="/admin/holidays"' not in page.text
        assert browser.send("/admin/holidays", NEW).status_code == 403


def test_travellers_read_the_name_on_the_day(app: Flask, network: Network) -> None:
    day = network.trip.service_date
    in_transaction(lambda: calendar.add_holiday(KnownHoliday(day, "Jour d’essai", "Trial Day"), actor="a", reason="b"))
    query = f"/trips?from=DLA&to=YAO&date={day}&passengers=1"
    client = app.test_client()
    assert "(Jour d’essai)" in client.get(query).text
    assert "(Trial Day)" in client.get(query, headers={"Accept-Language": "en"}).text
    other = client.get(f"/trips?from=DLA&to=YAO&date={day + timedelta(days=1)}&passengers=1").text
    assert "Jour d’essai" not in other.partition("<nav")[0]


def test_pages_are_light(app: Flask, admin: Browser) -> None:
    in_transaction(lambda: calendar.write_known(clock.today().year))
    number = db.session.scalar(text("SELECT min(id) FROM holiday"))
    db.session.rollback()
    for path in ("/admin/holidays", f"/admin/holidays/{number}"):
        with counted(app) as statements:
            page = admin.get(path, headers={"Accept-Encoding": "gzip"})
        assert page.status_code == 200
        assert len(statements) <= 8, statements
        assert len(page.data) <= 25 * KILOBYTE
