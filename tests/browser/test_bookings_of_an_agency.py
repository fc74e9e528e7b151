"""An agency's bookings in a real browser: found, shown and changed, accessible, and no wider than a small phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from aurapark.accounts.models import AgencyRole
from aurapark.booking.queries import list_passengers
from aurapark.extensions import db
from tests import stories
from tests.browser.stories import Stage
from tests.browser.test_pages import new_page as new_page
from tests.browser.test_pages import too_wide
from tests.browser.test_staff import check, sign_in

LONG = "Marie-Noëlle Ngo Bassong épouse Tchouameni-Mbarga"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_bookings_are_found_shown_and_changed(stage: Stage, new_page: Callable[..., Page], language: str) -> None:
    seats = ("30", "31") if language == "fr" else ("40", "41")
    with stage.app.app_context():
        booking = stories.confirm(stage.network, *seats)
        passenger = list_passengers(booking)[0].id
        db.session.remove()
    page = new_page(320, language, bypass_csp=True)
    sign_in(page, stage, AgencyRole.OWNER, language, name="bookings")
    listed = f"{stage.site.url}/agency/bookings"
    for query, where in (("", "bookings"), ("?q=nobodyhasthis", "none found"), ("?seat=x&q=12&trip=z", "nonsense")):
        page.goto(listed + query)
        check(page, where)
    page.goto(listed)
    page.fill("[name=q]", booking.reference.lower())
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    page.locator(".routes a").first.click()
    page.wait_for_selector("dl.summary")
    check(page, "one booking")
    page.goto(f"{listed}/{booking.reference}/passengers/{passenger}")
    check(page, "a passenger")
    page.fill("[name=name]", LONG)
    page.fill("section:first-of-type [name=reason]", "as on the card")
    page.locator("section:first-of-type form button").first.click()
    page.wait_for_url("**done=name")
    assert too_wide(page) == []
    page.goto(f"{listed}/{booking.reference}/passengers/{passenger}")
    page.locator("form.seatmap button").click()
    page.wait_for_selector("#problems")
    check(page, "no seat chosen")
    page.goto(f"{listed}/{booking.reference}/cancel")
    check(page, "cancelling")
