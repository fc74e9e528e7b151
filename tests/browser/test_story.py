"""The whole story in a real browser: from the search to the ticket and the messages, with JavaScript and without."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.stories import Stage

CASES = [("fr", True), ("fr", False), ("en", True), ("en", False)]
PHONE = {"width": 320, "height": 640}
WORDS = {
    "fr": {"title": "Vos billets", "find": "Trouver un trajet", "kept": "gardés jusqu’à"},
    "en": {"title": "Your tickets", "find": "Find a trip", "kept": "kept until"},
}
PAID_SECONDS = 30


@pytest.fixture
def open_phone(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page on a small phone; the console must stay silent but for refused forms."""
    contexts: list[BrowserContext] = []

    def open_one(**options: object) -> Page:
        context = browser.new_context(viewport=PHONE, **options)  # type: ignore[arg-type]
        contexts.append(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()


def fits(page: Page) -> None:
    """Fail when the page scrolls sideways."""
    if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
        raise AssertionError(f"{page.url} is wider than the phone")


def fill_checkout(page: Page) -> None:
    for number, name in enumerate(["Aïssatou Ngo Bell", "Jean-Paul M’Bida"]):
        page.fill(f"[name=passengers-{number}-name]", name)
    page.fill("[name=phone]", "+237 6 71 23 45 67")


def wait_for_tickets(page: Page, language: str) -> None:
    """Press "check now" as long as the payment is being checked; with JavaScript the page looks by itself."""
    give_up = time.monotonic() + PAID_SECONDS
    while "/bookings/" not in page.url and time.monotonic() < give_up:
        page.wait_for_timeout(500)
        check = page.locator("form[action='/payments/flutterwave/return'] button")
        if check.count():
            check.click()
    expect(page.locator("h1")).to_have_text(WORDS[language]["title"])


def messages(stage: Stage) -> list[str]:
    """What went out by SMS."""
    return [json.loads(file.read_text())["text"] for file in sorted(Path(stage.site.folder, "var/sms").glob("*.json"))]


@pytest.mark.parametrize(("language", "javascript"), CASES)
def test_from_the_search_to_the_ticket(
    stage: Stage, open_phone: Callable[..., Page], language: str, javascript: bool
) -> None:
    page = open_phone(locale=language, java_script_enabled=javascript)
    words, sent = WORDS[language], len(messages(stage))
    page.goto(f"{stage.site.url}/?lang={language}")
    if javascript:
        fits(page)
    page.select_option("[name=from]", "DLA")
    page.select_option("[name=to]", "YAO")
    page.fill("[name=date]", stage.day)
    page.select_option("[name=passengers]", "2")
    page.get_by_role("button", name=words["find"]).click()
    page.locator("article.trip a.button").first.click()
    page.locator("[name=auto]").click()
    expect(page.locator("[name=seat]:checked")).to_have_count(2)
    if javascript:
        fits(page)
    page.locator(".bar .primary").click()
    expect(page.locator(".hold")).to_contain_text(words["kept"])
    fill_checkout(page)
    if javascript:
        fits(page)
    page.locator("#sale .primary").click()
    page.locator("a[href*='method=mtn']").click()
    page.locator("button[value=approve]").click()
    page.wait_for_url(f"{stage.site.url}/**", timeout=20_000)
    wait_for_tickets(page, language)
    expect(page.locator("article.ticket")).to_have_count(2)
    expect(page.locator("article.ticket svg[role=img]")).to_have_count(2)
    expect(page.locator("main")).to_contain_text("Aïssatou Ngo Bell")
    if javascript:
        fits(page)
    give_up = time.monotonic() + PAID_SECONDS
    while len(messages(stage)) == sent and time.monotonic() < give_up:
        time.sleep(0.2)
    said = messages(stage)[-1]
    reference = page.url.rsplit("/", 1)[1]
    assert reference in said
    other = open_phone(locale=language, java_script_enabled=javascript)
    other.goto(
        "http" + said.rsplit("http", 1)[1] if "http" in said else f"{stage.site.url}/t/" + said.rsplit("/t/", 1)[1]
    )
    expect(other.locator("h1")).to_have_text(words["title"])


def test_a_payment_that_is_refused_can_be_tried_again(stage: Stage, open_phone: Callable[..., Page]) -> None:
    page = open_phone(locale="en")
    page.goto(f"{stage.site.url}/trips/{stage.trip_id}/seats?from=DLA&to=YAO&passengers=2&lang=en")
    page.locator("[name=auto]").click()
    page.locator(".bar .primary").click()
    fill_checkout(page)
    page.locator("#sale .primary").click()
    page.locator("a[href*='method=mtn']").click()
    page.locator("button[value=refuse]").click()
    page.wait_for_load_state()
    reference = stage.site.sandbox.admin.links()[-1]["tx_ref"]
    page.goto(f"{stage.site.url}/payments/flutterwave/return?status=cancelled&tx_ref={reference}")
    give_up = time.monotonic() + PAID_SECONDS
    while not page.url.endswith("/checkout") and time.monotonic() < give_up:
        page.wait_for_timeout(500)
        page.reload()
    expect(page.locator("main")).to_contain_text("The payment did not go through")
    expect(page.locator("[name=passengers-0-name]")).to_have_value("Aïssatou Ngo Bell")
    page.locator("#sale .primary").click()
    page.locator("a[href*='method=orange']").click()
    page.locator("button[value=approve]").click()
    page.wait_for_url(f"{stage.site.url}/**", timeout=20_000)
    wait_for_tickets(page, "en")


def test_categories_change_the_total_at_once(stage: Stage, open_phone: Callable[..., Page]) -> None:
    page = open_phone(locale="en")
    page.goto(f"{stage.site.url}/trips/{stage.trip_id}/seats?from=DLA&to=YAO&passengers=2&lang=en")
    page.locator("[name=auto]").click()
    page.locator(".bar .primary").click()
    page.select_option("[name=passengers-1-category]", "child")
    expect(page.locator("#sale .primary")).to_have_text("Pay 6,000\u00a0FCFA")
    expect(page.locator("#sale .total dd")).to_have_text("6,000\u00a0FCFA")
    fill_checkout(page)
    page.locator(".hold .button").first.click()
    expect(page.locator(".notice.success")).to_contain_text("5 minutes longer")
    expect(page.locator("[name=passengers-0-name]")).to_have_value("Aïssatou Ngo Bell")
    page.get_by_role("button", name="Give the seats back").click()
    expect(page.locator("main")).to_contain_text("Nothing was charged")


def test_a_booking_by_keyboard_alone(stage: Stage, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    page = context.new_page()
    page.goto(f"{stage.site.url}/trips/{stage.add_trip()}/seats?from=DLA&to=YAO&passengers=2&lang=en")
    presses = 0

    def press(key: str) -> None:
        nonlocal presses
        page.keyboard.press(key)
        presses += 1

    press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    press("Enter")
    while page.evaluate("document.activeElement.name") != "seat":
        press("Tab")
    press("Space")
    press("ArrowDown")
    press("Space")
    press("Enter")
    page.wait_for_url("**/checkout")
    print(f"{presses} key presses for two seats")  # noqa: T201  shown with -s
    assert presses <= 12
    page.locator("[name=passengers-0-name]").focus()
    for text in ("Awa Kamga", None, None, "Paul Kamga", None, None, "671234567"):
        page.keyboard.type(text) if text else None
        page.keyboard.press("Tab")
    page.locator("#sale .primary").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/hosted/pay/**")
    context.close()
