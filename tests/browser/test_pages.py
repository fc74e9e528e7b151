"""Every page and state of the traveller's way in a real browser: accessibility, width, text spacing, focus."""

import re
from collections.abc import Callable, Iterator
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.stories import Stage
from tests.browser.test_styleguide import AAA, AXE, SPACING

Visit = Callable[[Page, Stage], None]


def home(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/")


def results(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/trips?from=DLA&to=YAO&date={stage.day}&passengers=2")
    page.locator("details.filters summary").click()


def empty(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/trips?from=DLA&to=YAO&date={stage.day}&passengers=2&class=vvip")


def wrong_search(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/trips?from=DLA&to=DLA&date=2020-01-01&passengers=99")


def not_found(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/bookings/ZZZZZZ")


def find_with_errors(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/find")
    page.locator("main form .primary").click()


def seats(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/trips/{stage.add_trip()}/seats?from=DLA&to=YAO&passengers=2")


def too_few_seats(page: Page, stage: Stage) -> None:
    seats(page, stage)
    page.locator("[name=seat]").first.check(force=True)
    page.locator(".bar .primary").click()


def conflict(page: Page, stage: Stage) -> None:
    trip_id = stage.add_trip()
    page.goto(f"{stage.site.url}/trips/{trip_id}/seats?from=DLA&to=YAO&passengers=2&seat=12&seat=13")
    stage.somebody_holds(["12"], trip_id)
    page.locator(".bar .primary").click()
    page.wait_for_selector("#problems")


def sold_out(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/trips/{stage.full_trip_id}/seats?from=DLA&to=YAO&passengers=2")
    page.locator("[name=auto]").click()


def checkout(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site.url}/trips/{stage.add_trip()}/seats?from=DLA&to=YAO&passengers=2&seat=12&seat=13")
    page.locator(".bar .primary").click()
    page.wait_for_url("**/checkout")


def checkout_with_errors(page: Page, stage: Stage) -> None:
    checkout(page, stage)
    page.locator("#sale .primary").click()
    page.wait_for_selector("#problems")


def held(page: Page, stage: Stage) -> None:
    checkout(page, stage)
    page.goto(page.url.removesuffix("/checkout"))


def seats_with_a_hold(page: Page, stage: Stage) -> None:
    checkout(page, stage)
    page.go_back()
    page.reload()


def lapsed(page: Page, stage: Stage) -> None:
    checkout(page, stage)
    stage.lapse(page.url.split("/")[4])
    page.reload()


def paying(page: Page, stage: Stage) -> None:
    checkout(page, stage)
    for number, name in enumerate(["Aïssatou Ngo Bell", "Jean-Paul M’Bida"]):
        page.fill(f"[name=passengers-{number}-name]", name)
    page.fill("[name=phone]", "6 71 23 45 67")
    page.locator("#sale .primary").click()
    page.wait_for_url("**/hosted/pay/**")
    tx_ref = stage.site.sandbox.admin.links()[-1]["tx_ref"]
    page.goto(f"{stage.site.url}/payments/flutterwave/return?status=cancelled&tx_ref={tx_ref}")


def confirmed(page: Page, stage: Stage) -> None:
    paying(page, stage)
    tx_ref = page.url.rsplit("tx_ref=", 1)[1]
    stage.site.sandbox.admin.pay(tx_ref=tx_ref, method="mtn", outcome="approve")
    for _ in range(40):
        page.goto(f"{stage.site.url}/payments/flutterwave/return?tx_ref={tx_ref}")
        if "/bookings/" in page.url:
            return
        page.wait_for_timeout(250)
    raise AssertionError("the payment was not confirmed")


def cancelling(page: Page, stage: Stage) -> None:
    confirmed(page, stage)
    page.locator("main a[href$='/cancel']").click()
    page.wait_for_selector("#who")


def cancelled(page: Page, stage: Stage) -> None:
    cancelling(page, stage)
    page.locator("main form .primary").click()
    page.wait_for_function("!location.pathname.endsWith('/cancel')")


PAGES: list[Visit] = [
    home,
    results,
    empty,
    wrong_search,
    not_found,
    find_with_errors,
    seats,
    too_few_seats,
    conflict,
    sold_out,
    checkout,
    checkout_with_errors,
    held,
    seats_with_a_hold,
    lapsed,
    paying,
    confirmed,
    cancelling,
    cancelled,
]
LOOKS = list(product(("light", "dark"), (320, 1280)))
HARMLESS = re.compile("status of 4|Clear-Site-Data header on .* Cleared data types")


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an empty page; what the browser complains about, such as the policy, fails the test."""
    contexts, said = [], []

    def open_one(width: int, language: str, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 640}, locale=language, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if not HARMLESS.search(message.text) else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert said == []


WIDE = """() => {
    const wide = [...document.querySelectorAll(".bus")].filter(bus => bus.scrollWidth > bus.clientWidth);
    if (document.documentElement.scrollWidth > innerWidth)
        for (const part of document.querySelectorAll("body *"))
            if (part.getBoundingClientRect().right > innerWidth) wide.push(part);
    return wide.map(part => `${part.tagName}.${part.className} ${part.textContent.trim().slice(0, 40)}`);
}"""


def too_wide(page: Page) -> list[str]:
    """Return what does not fit the screen, or the bus."""
    page.wait_for_load_state()
    return list(page.evaluate(WIDE))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("visit", PAGES, ids=lambda visit: visit.__name__)
def test_a_page_is_accessible_and_fits(
    stage: Stage, new_page: Callable[..., Page], visit: Visit, language: str
) -> None:
    page = new_page(320, language)
    visit(page, stage)
    assert page.get_attribute("html", "lang") == language
    for theme, width in LOOKS:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 640})
        assert too_wide(page) == [], (theme, width)
        for options in (AXE, AAA):
            found = Axe().run(page, options=options).response["violations"]
            assert {rule["id"]: [node["html"][:120] for node in rule["nodes"]] for rule in found} == {}, (theme, width)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("visit", PAGES, ids=lambda visit: visit.__name__)
def test_a_page_fits_with_text_spacing(
    stage: Stage, new_page: Callable[..., Page], visit: Visit, language: str
) -> None:
    page = new_page(320, language, bypass_csp=True)
    visit(page, stage)
    page.add_style_tag(content=SPACING)
    assert too_wide(page) == []


@pytest.mark.parametrize(
    "visit", [results, conflict, checkout_with_errors, confirmed], ids=lambda visit: visit.__name__
)
def test_the_focus_is_never_hidden(stage: Stage, new_page: Callable[..., Page], visit: Visit) -> None:
    page = new_page(320, "fr")
    visit(page, stage)
    hidden = []
    for _ in range(60):
        page.keyboard.press("Tab")
        state = page.evaluate(
            """() => {
                 const one = document.activeElement, bar = document.querySelector('.bar');
                 if (one === document.body) return null;
                 const box = one.getBoundingClientRect(), y = box.top + Math.min(box.height, 40) / 2;
                 const edge = bar && bar.getBoundingClientRect();
                 const under = bar && !bar.contains(one) && y > edge.top && y < edge.bottom;
                 return { name: one.outerHTML.slice(0, 80), ok: y > 0 && y < innerHeight && !under };
               }"""
        )
        if state is None:
            break
        if not state["ok"]:
            hidden.append(state["name"])
    assert hidden == []


def test_errors_take_the_focus(stage: Stage, new_page: Callable[..., Page]) -> None:
    page = new_page(320, "en")
    checkout_with_errors(page, stage)
    assert page.evaluate("document.activeElement.id") == "problems"
    page.locator("#problems a").first.click()
    assert page.evaluate("document.activeElement.name") == "passengers-0-name"
    assert page.title().startswith("Error:")
