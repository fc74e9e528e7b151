"""The pages of payouts in a browser: French and English, 320 pixels, accessible, from the form to the approval."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from aurapark.accounts.models import PlatformRole
from tests.accounts import make_user
from tests.browser.stories import Stage
from tests.browser.test_pages import new_page as new_page
from tests.browser.test_staff import check, sign_in
from tests.paying import write_draft


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_of_payouts_are_accessible_and_fit(stage: Stage, new_page: Callable[..., Page], language: str) -> None:
    page = new_page(320, language, bypass_csp=True)
    agency_id, _ = sign_in(page, stage, PlatformRole.FINANCE, language, name="payouts")
    with stage.app.app_context():
        settlement_id, draft_id = write_draft(agency_id, make_user().id)
    desk = f"/admin/settlements/{settlement_id}/payouts"
    for path in ("/admin/payouts", "/admin/payouts?state=nonsense&month=x", f"/admin/payouts/{draft_id}", desk):
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    page.locator("main form .button").last.click()
    page.wait_for_selector("#problems")
    check(page, "a payout without a reason")
    page.fill("[name=amount]", "50")
    page.select_option("[name=how]", "outside")
    page.fill("[name=proof]", "slip 8")
    page.fill("[name=reason]", "the month of the agency")
    page.locator("main form .button").last.click()
    page.wait_for_url("**/admin/payouts/*?done=prepared")
    check(page, "prepared by oneself")
    assert page.locator("main form .primary").count() == 0
    page.goto(f"{stage.site.url}/admin/payouts/{draft_id}")
    page.fill("[name=reason]", "compared with the settlement")
    page.locator("main form .primary").click()
    page.wait_for_url("**/admin/payouts/*?done=outside")
    check(page, "approved")
