"""The hosted page in Chromium: accessible, narrow, by keyboard, with and without scripts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.sandbox.conftest import Merchant


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(viewport={"width": 320, "height": 700}, **options)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


def problems(page: Page) -> list[str]:
    """Return what axe finds and whether the page is wider than the screen."""
    found = [f"{issue['id']}: {issue['nodes'][0]['html']}" for issue in Axe().run(page).response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the screen")
    return found


@pytest.mark.parametrize(("language", "scheme"), [("fr", "light"), ("en", "dark")])
def test_no_page_has_a_problem(merchant: Merchant, open_page: Callable[..., Page], language: str, scheme: str) -> None:
    admin = merchant.sandbox.admin
    page = open_page(color_scheme=scheme)
    link, found = merchant.link(), {}

    def look(name: str, address: str) -> None:
        page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
        found[name] = problems(page)

    look("choice", link)
    look("phone", f"{link}?method=mtn")
    page.fill("#phone", "1")
    page.click("button[value=approve]")
    found["phone error"] = problems(page)
    admin.pay("AP-1", outcome="refuse")
    look("card, after a failure", f"{link}?method=card")
    page.click("summary")
    found["card list"] = problems(page)
    admin.pay("AP-1", outcome="never")
    look("waiting", link)
    admin.advance(1000)
    unseen = merchant.link("AP-2")
    admin.advance(1000)
    look("session over", unseen)
    look("unknown", f"{unseen}x")
    look("front", f"{merchant.sandbox.address}/")
    assert {name: issues for name, issues in found.items() if issues} == {}


def test_paying_by_keyboard_without_scripts(merchant: Merchant, open_page: Callable[..., Page]) -> None:
    back = f"{merchant.sandbox.address}/"
    page = open_page(java_script_enabled=False, locale="en-GB")
    page.goto(merchant.link(redirect_url=back))
    page.get_by_role("link", name="Orange Money").press("Enter")
    page.get_by_label("Phone number").fill("690000000")
    page.get_by_role("button", name="Approve", exact=True).press("Enter")
    page.wait_for_url(f"{back}?status=successful&tx_ref=AP-1&transaction_id=*")


def test_the_waiting_page_moves_on_by_itself(merchant: Merchant, open_page: Callable[..., Page]) -> None:
    back = f"{merchant.sandbox.address}/"
    page, errors = open_page(locale="fr-CM"), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(merchant.link(redirect_url=back) + "?method=mtn")
    page.click("button[value=never]")
    page.get_by_role("heading", name="Confirmez sur le téléphone").wait_for()
    merchant.sandbox.admin.succeed(merchant.sandbox.admin.charges()[0]["id"])
    page.wait_for_url(f"{back}?status=successful*", timeout=5000)
    assert errors == []
