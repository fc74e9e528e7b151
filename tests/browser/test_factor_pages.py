"""The second factor in a real browser: a passkey on a virtual device, the app without JavaScript, pages that fit."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from aurapark import clock
from aurapark.accounts import factor_rules
from aurapark.accounts.models import PlatformRole
from aurapark.accounts.passwords import hash_password
from aurapark.extensions import db
from tests.accounts import make_staff
from tests.browser.stories import Stage
from tests.browser.test_pages import too_wide
from tests.browser.test_styleguide import AAA, AXE, SPACING

PASSWORD = "trois mangues bien mûres"
SECONDS = 20_000  # a busy machine hashes ten codes slowly
DEVICE = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
EXPECTED = re.compile("status of 4|^Clear-Site-Data header")
LOOKS = list(product(("light", "dark"), (320, 1280)))


@dataclass
class Staff:
    """Somebody of the platform's support, who must have a second factor."""

    page: Page
    url: str
    email: str
    secret: str = ""

    def sign_in(self, path: str = "/account") -> None:
        self.page.goto(f"{self.url}/login?next={path}")
        self.page.fill("[name=address]", self.email)
        self.page.fill("[name=password]", PASSWORD)
        self.page.locator("main form .primary").click()

    def sign_out(self) -> None:
        self.page.goto(f"{self.url}/account")
        self.page.locator("form[action='/logout'] button").click()
        self.page.wait_for_url("**/login?done=out")

    def code(self, steps: int = 0) -> str:
        return factor_rules.code_at(self.secret, factor_rules.step_at(clock.now()) + steps)

    def open_set_up(self) -> None:
        self.page.goto(f"{self.url}/account/second-factor/app")
        self.secret = re.sub(r"\s", "", self.page.locator(".secret code").inner_text())

    def set_up_app(self) -> None:
        """With the code of the step before, so that the present one is still good."""
        self.open_set_up()
        self.page.fill("[name=code]", self.code(-1))
        self.page.fill("[name=password]", PASSWORD)
        self.page.locator("main form .primary").click()
        self.page.wait_for_selector("ol.secret")


@pytest.fixture
def open_staff(browser: Browser, stage: Stage) -> Iterator[Callable[..., Staff]]:
    """Opens a browser of a new person; what it complains about, such as the policy, fails the test."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_one(language: str = "fr", **options: object) -> Staff:
        options = {"viewport": {"width": 320, "height": 640}, "locale": language, **options}
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if not EXPECTED.search(message.text) else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        with stage.app.app_context():
            email = (
                make_staff(PlatformRole.SUPPORT, language=language, password_hash=hash_password(PASSWORD)).email or ""
            )
            db.session.remove()
        return Staff(page, stage.site.url, email)

    yield open_one
    for context in contexts:
        context.close()
    assert said == []


def plug_in(page: Page) -> tuple[object, str]:
    """Give the browser a device that always says yes; returns how to speak to it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    options = {**DEVICE, "isUserVerified": True, "automaticPresenceSimulation": True}
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def test_a_passkey_is_made_and_opens_the_account(open_staff: Callable[..., Staff]) -> None:
    staff = open_staff("en")
    page = staff.page
    session, device = plug_in(page)
    staff.sign_in()
    page.wait_for_url("**/account/second-factor?next=*")
    page.get_by_role("link", name="Add a passkey").click()
    assert page.locator("[data-without]").is_hidden()
    page.get_by_label("Name").fill("Blue key")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.locator("ol.secret li")).to_have_count(10, timeout=SECONDS)
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/account")
    kept = session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]  # type: ignore[attr-defined]
    assert [one["rpId"] for one in kept] == ["localhost"]
    staff.sign_out()
    staff.sign_in("/account/sessions")
    page.get_by_role("button", name="Use my passkey").click()
    page.wait_for_url("**/account/sessions")
    page.goto(f"{staff.url}/account/second-factor/passkeys")
    page.get_by_label("Name").fill("Again")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The browser made no passkey.")


def test_a_device_that_says_nothing_leaves_the_code(open_staff: Callable[..., Staff]) -> None:
    staff = open_staff("en")
    page = staff.page
    session, device = plug_in(page)
    staff.sign_in()
    staff.set_up_app()
    page.goto(f"{staff.url}/account/second-factor/passkeys")
    page.get_by_label("Name").fill("Blue key")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Make the passkey").click()
    page.wait_for_url("**/account/second-factor?done=*")
    session.send("WebAuthn.clearCredentials", {"authenticatorId": device})  # type: ignore[attr-defined]
    staff.sign_out()
    staff.sign_in()
    page.get_by_role("button", name="Use my passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey did not answer.")
    page.get_by_label("Code").fill(staff.code())
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/account")


def test_without_javascript_an_app_is_set_up_and_asked_for(open_staff: Callable[..., Staff]) -> None:
    staff = open_staff("fr", java_script_enabled=False)
    page = staff.page
    staff.sign_in("/account/sessions")
    page.wait_for_url("**/account/second-factor?next=*")
    staff.set_up_app()
    recovery = page.locator("ol.secret li").first.inner_text()
    assert page.locator("[data-print]").is_hidden()
    staff.sign_out()
    staff.sign_in("/account/sessions")
    page.fill("[name=code]", staff.code())
    page.get_by_role("button", name="Continuer").click()
    page.wait_for_url("**/account/sessions")
    staff.sign_out()
    staff.sign_in()
    page.fill("[name=code]", recovery.lower())
    page.get_by_role("button", name="Continuer").click()
    page.wait_for_url("**/account")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pages_are_accessible_and_fit(open_staff: Callable[..., Staff], language: str) -> None:
    """One walk through all of them, each looked at in both themes and widths, with text spacing last."""
    staff = open_staff(language, bypass_csp=True)
    page = staff.page
    home = f"{staff.url}/account/second-factor"
    staff.sign_in()
    look(page)  # nothing is set up yet
    staff.open_set_up()
    look(page)
    page.locator("main form .primary").click()
    look(page)  # with errors
    staff.set_up_app()
    look(page)  # recovery codes
    plug_in(page)
    page.goto(f"{home}/passkeys")
    look(page)
    page.fill("[name=name]", "Téléphone professionnel de la gare de Bonabéri"[:40])
    page.fill("[name=password]", PASSWORD)
    page.locator("main form .primary").click()
    page.wait_for_url("**/second-factor?done=*")
    look(page)  # with an app and a passkey
    for path in ("/codes", "/app/remove"):
        page.goto(home + path)
        look(page)
    staff.sign_out()
    staff.sign_in()
    look(page)  # the question
    page.fill("[name=code]", "000000")
    page.locator("form.fields button").click()
    look(page)  # a wrong code


def look(page: Page) -> None:
    """Fail on what axe finds, and on what is wider than the screen."""
    page.wait_for_load_state()
    for theme, width in LOOKS:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 640})
        assert too_wide(page) == [], (page.url, theme, width)
        for options in (AXE, AAA):
            found = Axe().run(page, options=options).response["violations"]
            problems = {rule["id"]: [node["html"][:120] for node in rule["nodes"]] for rule in found}
            assert problems == {}, (page.url, theme, width)
    page.set_viewport_size({"width": 320, "height": 640})
    page.add_style_tag(content=SPACING)
    assert too_wide(page) == [], (page.url, "spacing")
