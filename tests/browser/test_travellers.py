"""What a traveller owns, in a real browser: trips, data, erasing; and passengers kept on the phone, where one asks."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from aurapark.accounts.passwords import hash_password
from aurapark.extensions import db
from tests.accounts import make_user
from tests.browser.stories import Stage
from tests.browser.test_account_pages import PASSWORD, check
from tests.browser.test_pages import checkout
from tests.browser.test_pages import new_page as new_page

PAGES = ("/account/trips?when=past", "/account/data", "/account/language", "/account?done=language")
KEEP = "#keep-people"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_of_a_traveller_are_accessible_and_fit(
    stage: Stage, new_page: Callable[..., Page], language: str
) -> None:
    with stage.app.app_context():
        user = make_user(email=f"own-{language}@example.cm", language=language, password_hash=hash_password(PASSWORD))
        email = user.email or ""
        db.session.remove()
    page = new_page(320, language, bypass_csp=True)
    page.goto(f"{stage.site.url}/login?next=/account/trips")
    page.fill("[name=address]", email)
    page.fill("[name=password]", PASSWORD)
    page.locator("main form .primary").click()
    page.wait_for_url("**/account/trips")
    check(page, "no trips")
    checkout(page, stage)
    check(page, "checkout of an account")
    page.goto(f"{stage.site.url}/account/trips")
    check(page, "a hold")
    for path in PAGES:
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    page.goto(f"{stage.site.url}/account/erase")
    assert page.locator("main form").count() == 0
    check(page, "erasing with something to come")
    page.goto(f"{stage.site.url}/account/trips")
    page.locator("main .act a").first.click()
    page.locator("[formaction$='/release'], form[action$='/release'] button").first.click()
    page.wait_for_url(lambda url: "/checkout" not in url)
    page.goto(f"{stage.site.url}/account/erase")
    page.locator("main form .primary").click()
    page.wait_for_selector("#problems")
    check(page, "erasing without password")
    page.fill("[name=password]", PASSWORD)
    page.locator("main form .primary").click()
    page.wait_for_url("**/login?done=erased")
    check(page, "erased")


def fill(page: Page) -> None:
    """What a traveller types once."""
    page.fill("[name=passengers-0-name]", "Aïssatou Ngo Bell")
    page.fill("[name=passengers-1-name]", "Jean-Paul M’Bida")
    page.fill("[name=phone]", "6 71 23 45 67")


def kept(page: Page) -> str | None:
    """What this phone keeps."""
    return page.evaluate("localStorage.people || null")


def test_a_returning_phone_types_nothing_where_somebody_asked_for_it(
    stage: Stage, new_page: Callable[..., Page]
) -> None:
    page = new_page(320, "fr")
    checkout(page, stage)
    assert not page.is_checked(KEEP)
    assert page.get_attribute(KEEP, "name") is None  # it never reaches the server
    fill(page)
    page.select_option("[name=passengers-1-category]", "youth")
    page.check(KEEP)
    page.locator("#sale .primary").click()
    page.wait_for_url("**/hosted/pay/**")
    checkout(page, stage)
    assert page.is_checked(KEEP)
    assert page.input_value("[name=passengers-1-name]") == "Jean-Paul M’Bida"
    assert page.input_value("[name=passengers-1-category]") == "youth"
    page.locator("#sale .primary").click()
    page.wait_for_url("**/hosted/pay/**")  # nothing was typed, and the total shown was the one to pay


def test_a_phone_forgets_at_a_press_and_keeps_nothing_unasked(stage: Stage, new_page: Callable[..., Page]) -> None:
    page = new_page(320, "en")
    checkout(page, stage)
    fill(page)
    page.locator("#sale .primary").click()
    page.wait_for_url("**/hosted/pay/**")
    checkout(page, stage)
    assert kept(page) is None
    assert page.input_value("[name=phone]") == ""
    fill(page)
    page.check(KEEP)
    page.locator("#sale [formaction], #sale .primary").last.click()
    page.wait_for_url("**/hosted/pay/**")
    checkout(page, stage)
    assert kept(page)
    page.get_by_role("button", name="Remove from this phone").click()
    assert kept(page) is None
    assert "Removed" in page.inner_text("[data-people]")
    checkout(page, stage)
    assert page.input_value("[name=phone]") == ""


def test_without_a_script_nothing_is_kept_or_offered(stage: Stage, new_page: Callable[..., Page]) -> None:
    page = new_page(320, "fr", java_script_enabled=False)
    checkout(page, stage)
    assert not page.is_visible("[data-people]")
