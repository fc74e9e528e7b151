"""The look in a real browser: accessibility, width, targets, focus, keys, and the small scripts."""

import json
import threading
from collections.abc import Iterator
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect
from werkzeug.serving import make_server

from tests.pages.look import look_app

GUIDE = "/styleguide/"
HOME = "/styleguide/home"
SEATS = "/styleguide/seats/coach/2"
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
AAA = {"runOnly": {"type": "rule", "values": ["color-contrast-enhanced"]}, "resultTypes": ["violations"]}
SPACING = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The style guide on a free port."""
    server = make_server("127.0.0.1", 0, look_app(tmp_path_factory.mktemp("var")), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[object]:
    """Opens a page of the style guide; fails on any message of the console, such as one of the policy."""
    contexts, said = [], []

    def open_one(path: str, lang: str = "fr", width: int = 320, height: int = 700, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{site}{path}?lang={lang}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert said == []


CASES = list(product((GUIDE, HOME, SEATS), ("fr", "en"), ("light", "dark"), (320, 1280)))


@pytest.mark.parametrize(("path", "lang", "theme", "width"), CASES)
def test_axe_finds_nothing(open_page, path: str, lang: str, theme: str, width: int) -> None:  # type: ignore[no-untyped-def]
    page = open_page(path, lang, width, color_scheme=theme)
    for options in (AXE, AAA):
        found = Axe().run(page, options=options).response["violations"]
        assert {rule["id"]: [node["html"][:120] for node in rule["nodes"]] for rule in found} == {}


@pytest.mark.parametrize("spaced", [False, True], ids=["plain", "text spacing"])
@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize(
    "path", [GUIDE, HOME, *(f"/styleguide/seats/{bus}/2" for bus in ("coach", "vip", "vvip", "coaster", "hiace"))]
)
def test_nothing_is_wider_than_a_small_phone(open_page, path: str, lang: str, spaced: bool) -> None:  # type: ignore[no-untyped-def]
    page = open_page(path, lang, bypass_csp=spaced)
    if spaced:
        page.add_style_tag(content=SPACING)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert (
        page.evaluate("[...document.querySelectorAll('.bus')].filter(bus => bus.scrollWidth > bus.clientWidth).length")
        == 0
    )


@pytest.mark.parametrize("path", [GUIDE, HOME, SEATS])
def test_everything_to_press_is_large_enough(open_page, path: str) -> None:  # type: ignore[no-untyped-def]
    small = open_page(path).evaluate(
        """() => [...document.querySelectorAll('.button, .input, nav a, .seat, .logo, summary, .choice, .jump')]
             .filter(one => !one.closest('[hidden]')).map(one => [one.className, one.getBoundingClientRect()])
             .filter(([, box]) => box.width && (box.width < 44 || box.height < 44)).map(([name]) => name)"""
    )
    assert small == []


def test_focus_is_always_seen_and_never_under_the_bar(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(SEATS)
    stops, hidden = 0, []
    for _ in range(120):
        page.keyboard.press("Tab")
        state = page.evaluate(
            """() => {
                 const one = document.activeElement, bar = document.querySelector('.bar');
                 if (one === document.body) return null;
                 const box = one.getBoundingClientRect(), edge = bar.getBoundingClientRect();
                 const y = box.top + box.height / 2;
                 const shown = one.name === 'seat' ? one.nextElementSibling : one;
                 const ring = getComputedStyle(shown).outlineWidth;
                 const under = !bar.contains(one) && y > edge.top && y < edge.bottom;
                 const ok = ring === '3px' && !under && y > 0 && y < innerHeight;
                 return { name: one.value || one.textContent, ok };
               }"""
        )
        if state is None:
            break
        stops += 1
        if not state["ok"]:
            hidden.append(state["name"])
    assert stops > 30
    assert hidden == []


def test_two_seats_take_few_keys_and_the_third_replaces_the_first(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(SEATS, "en", 1280)
    page.get_by_label("Seat 8, middle left").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    status = page.get_by_role("status")
    expect(status).to_have_text("Your seats: 8, 13. Total: 8,000\u00a0FCFA")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(status).to_have_text("Seat 8 removed. Your seats: 13, 18. Total: 8,000\u00a0FCFA")


@pytest.mark.parametrize(
    ("key", "lands_on"),
    [("ArrowRight", "15"), ("ArrowUp", "8"), ("End", "15"), ("Home", "13"), ("PageDown", "41"), ("PageUp", "8")],
)
def test_keys_move_between_free_seats(open_page, key: str, lands_on: str) -> None:  # type: ignore[no-untyped-def]
    page = open_page(SEATS, "en", 1280)
    page.get_by_label("Seat 13, middle left").focus()
    page.keyboard.press(key)
    assert page.evaluate("document.activeElement.value") == lands_on


def test_enter_continues_instead_of_choosing_for_me(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(SEATS, "en", 1280)
    sent: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route.request.post_data or "")
        route.fulfill(status=204) if route.request.method == "POST" else route.continue_()

    page.route("**/styleguide/**", answer)
    page.get_by_label("Seat 8, middle left").check()
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert len(sent) == 1, "a second press within five seconds is the same press"
    assert "seat=8" in sent[0]
    assert "auto" not in sent[0]


def test_what_others_take_changes_single_cells(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(SEATS, "en", 1280)
    body = {"data": {"rev": "119", "seats": [
        {"seat": "8", "state": "taken", "amount": 4000}, {"seat": "11", "state": "taken", "amount": 4000},
        {"seat": "13", "state": "taken", "amount": 4000}, {"seat": "3", "state": "free", "amount": 4500}]}}  # fmt: skip
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    page.route("**/api/trips/**", answer)
    page.get_by_label("Seat 8, middle left").check()
    page.get_by_label("Seat 13, middle left").focus()
    page.evaluate("import(document.querySelector('[data-live]').dataset.live)")
    expect(page.get_by_role("status")).to_have_text("Seat 8 was just taken. No seat chosen")
    assert "from=DLA-BONABERI&to=BFS-NDIANGDAM&since=118" in asked[0]
    expect(page.get_by_text("Seat 8, middle left, just taken")).to_have_count(1)
    expect(page.get_by_text("Seat 11, window right, taken")).to_have_count(1)
    assert page.get_by_label("Seat 3, middle left, free, 4,500\u00a0FCFA").count() == 1
    assert page.evaluate("document.activeElement.value") == "13", "the focus stays where it was"
    assert page.evaluate("document.activeElement.getAttribute('aria-disabled')") == "true"
    page.get_by_label("Seat 3, middle left").check()
    expect(page.get_by_role("status")).to_have_text("Your seats: 3. Total: 4,500\u00a0FCFA")
    expect(page.get_by_text("Seat 13, middle left, taken")).to_have_count(1)


def test_the_hold_clock_counts_and_speaks_at_five_minutes(open_page, browser: Browser, site: str) -> None:  # type: ignore[no-untyped-def]
    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    page.goto(f"{site}{GUIDE}?lang=en")
    hold = page.locator("[data-hold]")
    expect(hold).to_contain_text("Seats 12 and 13 kept until 14:45.")
    expect(hold.locator(".left")).to_have_text("14:44")
    page.clock.run_for(585_000)
    expect(hold.get_by_role("status")).to_have_text("5 minutes left to pay for your seats.")
    page.clock.run_for(241_000)
    expect(hold.get_by_role("alert")).to_have_text("1 minute left to pay for your seats.")
    page.clock.run_for(61_000)
    expect(hold.get_by_role("alert")).to_contain_text("The time is over.")
    context.close()


def test_the_theme_changes_without_losing_what_was_typed(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(HOME, "en", 1280)
    page.get_by_label("Passengers").fill("4")
    with page.expect_response(lambda answer: "theme=dark" in answer.url):
        page.get_by_role("link", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 19, 40)"
    assert page.get_by_label("Passengers").input_value() == "4"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_it_can_be_printed_and_seen_in_forced_colours(open_page, tmp_path) -> None:  # type: ignore[no-untyped-def]
    page = open_page(GUIDE, "fr", 1280, forced_colors="active")
    page.screenshot(path=tmp_path / "forced.png", full_page=True)
    page.emulate_media(media="print", forced_colors="none", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.querySelector('.ticket')).color") == "rgb(0, 0, 0)"
    assert page.locator(".bar").first.is_visible() is False
    page.screenshot(path=tmp_path / "print.png", full_page=True)


def test_without_javascript_nothing_promises_to_update_by_itself(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(SEATS, "en", java_script_enabled=False)
    assert page.locator("#live").is_visible() is False
    page.get_by_label("Seat 8, middle left").check()
    assert page.get_by_label("Seat 8, middle left").is_checked()
