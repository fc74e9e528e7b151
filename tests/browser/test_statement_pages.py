"""Settlements in a real browser: read, disputed and answered with the keyboard's forms, on a small phone."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page

from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.extensions import db
from tests.browser.stories import Stage
from tests.browser.test_pages import new_page as new_page
from tests.browser.test_staff import check, sign_in
from tests.factories import Network
from tests.statements import last_month, line_of


@pytest.mark.parametrize("language", ["fr", "en"])
def test_settlements_are_accessible_and_fit(stage: Stage, new_page: Callable[..., Page], language: str) -> None:
    with stage.app.app_context():
        network = Network.make()
        statement = last_month(network, stage.app.config["AURAPARK"], bookings=40)
        number, line = statement.id, line_of(statement).ledger_entry_id
        db.session.remove()
    own = replace(stage, network=network)
    agency = new_page(320, language, bypass_csp=True, java_script_enabled=language == "fr")
    sign_in(agency, own, AgencyRole.ACCOUNTANT, language, name="books")
    base, here = f"{stage.site.url}/agency/settlements", f"/agency/settlements/{number}/lines/{line}"
    for path in ("", f"/{number}", f"/{number}?kind=x&trip=y", f"/{number}?carried=yes", f"/{number}/trips"):
        agency.goto(base + path)
        assert agency.get_attribute("html", "lang") == language
        check(agency, path)
    agency.goto(f"{stage.site.url}{here}")
    check(agency, "a line")
    agency.locator("main form button").press("Enter")
    agency.wait_for_selector("#problems")
    check(agency, "a dispute without a reason")
    agency.fill("[name=reason]", "paid at the counter")
    agency.locator("main form button").press("Enter")
    agency.wait_for_url("**?done=disputed")
    check(agency, "a line that is disputed")
    agency.emulate_media(media="print")
    agency.goto(f"{base}/{number}")
    assert agency.locator("dl.prices").is_visible()
    assert not agency.locator("details.filters").is_visible()
    finance = new_page(320, language, bypass_csp=True)
    sign_in(finance, own, PlatformRole.FINANCE, language, name="answers")
    for path in (
        "/admin/settlements",
        "/admin/settlements?month=2026-13&agency=x",
        f"/admin/settlements/{number}",
        "/admin/line-disputes",
        here.replace("agency", "admin", 1),
    ):
        finance.goto(f"{stage.site.url}{path}")
        check(finance, path)
    finance.fill("[name=reason]", "the slip shows it")
    finance.fill("[name=amount]", "1 500")
    finance.locator("main form .primary").click()
    finance.wait_for_url("**?done=accepted")
    check(finance, "an answer")
