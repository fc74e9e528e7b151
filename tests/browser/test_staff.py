"""The pages of an agency's staff and of the platform in a real browser: accessible, no wider than a small phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from sqlalchemy import text

from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.accounts.passwords import hash_password
from aurapark.agencies.models import Agency
from aurapark.extensions import db
from tests import stories
from tests.accounts import make_staff
from tests.browser.stories import Stage
from tests.browser.test_account_pages import PASSWORD
from tests.browser.test_account_pages import check as check_all
from tests.browser.test_pages import new_page as new_page
from tests.browser.test_pages import too_wide
from tests.office import give_factor

SEALED = "INSERT INTO payout_account (agency_id, kind, holder, sealed, ending, created_by, payable_from)"
SEALED += " SELECT :agency, 'mtn_momo', 'Wouri Voyages SARL', 'x', '4567', id, now() + interval '3 days'"
SEALED += " FROM user_account WHERE email = :email"


def check(page: Page, where: str) -> None:
    """French is the longer language and gets every check; English has to fit."""
    if page.get_attribute("html", "lang") == "fr":
        check_all(page, where)
    assert too_wide(page) == [], where


def sign_in(page: Page, stage: Stage, role: AgencyRole | PlatformRole, language: str) -> tuple[int, int]:
    """Somebody with this role signs in and gives their second factor; returns the agency's number and their own."""
    email = f"{role}-{language}@example.cm"
    with stage.app.app_context():
        agency = db.session.get_one(Agency, stage.network.agency.id)
        user = make_staff(role, agency, email=email, language=language, password_hash=hash_password(PASSWORD))
        give_factor(user)
        numbers = agency.id, user.id
        db.session.remove()
    page.goto(f"{stage.site.url}/login")
    page.fill("[name=address]", email)
    page.fill("[name=password]", PASSWORD)
    page.locator("main form .primary").click()
    page.wait_for_url("**/second-factor**")
    stage.run("UPDATE login_session SET second_factor_at = now() WHERE user_id = :id", id=numbers[1])
    return numbers


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_of_an_agency_are_accessible_and_fit(stage: Stage, new_page: Callable[..., Page], language: str) -> None:
    page = new_page(320, language, bypass_csp=True)
    agency_id, user_id = sign_in(page, stage, AgencyRole.OWNER, language)
    with stage.app.app_context():
        statement = text("SELECT id FROM agency_member WHERE user_id = :id")
        member_id = db.session.execute(statement, {"id": user_id}).scalar_one()
        db.session.remove()
    stage.run(SEALED, agency=agency_id, email=f"owner-{language}@example.cm")
    page.goto(f"{stage.site.url}/agency/team")
    page.fill("[name=address]", f"somebody-{language}@example.cm")
    page.locator("main form .primary").click()
    page.wait_for_url("**/team?done=invited")
    check(page, "invited")
    for path in ("/agency/", "/agency/audit", f"/agency/team/{member_id}", "/agency/payout-account"):
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    page.locator("main form .primary").click()
    page.wait_for_selector("#problems")
    check(page, "payout account with errors")
    stage.run("UPDATE agency SET state = 'suspended' WHERE id = :id", id=agency_id)
    page.goto(f"{stage.site.url}/agency/")
    check(page, "suspended")
    stage.run("UPDATE agency SET state = 'active' WHERE id = :id", id=agency_id)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_of_the_platform_are_accessible_and_fit(
    stage: Stage, new_page: Callable[..., Page], language: str
) -> None:
    page = new_page(320, language, bypass_csp=True)
    agency_id, user_id = sign_in(page, stage, PlatformRole.ADMIN, language)
    with stage.app.app_context():
        reference = stories.hold(stage.network, str(10 if language == "fr" else 11)).reference
        db.session.remove()
    paths = ["/admin/", "/admin/agencies", f"/admin/agencies/{agency_id}", f"/admin/agencies/{agency_id}/team"]
    paths += [
        "/admin/audit",
        "/admin/users",
        f"/admin/users/{user_id}",
        "/admin/bookings",
        f"/admin/bookings/{reference}",
    ]
    for path in paths:
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    page.goto(f"{stage.site.url}/admin/users/{user_id}")
    page.fill("[name=reason]", "a look at the page")
    page.locator("main form .primary").click()
    page.wait_for_selector("dl.summary")
    check(page, "an account")
