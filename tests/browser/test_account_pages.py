"""The pages of accounts in a real browser: accessible, no wider than a small phone; from register to signed out."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from aurapark.accounts.passwords import hash_password
from aurapark.extensions import db
from tests.accounts import make_user
from tests.browser.stories import Stage
from tests.browser.test_pages import new_page as new_page
from tests.browser.test_pages import too_wide
from tests.browser.test_styleguide import AAA, AXE, SPACING

PASSWORD = "une phrase de passe"
OPEN = ("/login", "/login?done=out", "/login/code", "/login/code/check", "/register", "/register/check", "/login/reset")
OWN = ("/account?done=password", "/account/password", "/account/email", "/account/phone", "/account/sessions")
WITH_ERRORS = ("/login", "/register", "/login/code/check", "/login/reset")


def check(page: Page, where: str) -> None:
    """Fail unless this page is accessible and fits, in both themes, with wide text too."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for options in (AXE, AAA):
            found = Axe().run(page, options=options).response["violations"]
            assert {rule["id"]: [node["html"][:120] for node in rule["nodes"]] for rule in found} == {}, (where, theme)
    assert too_wide(page) == [], where
    page.add_style_tag(content=SPACING)
    assert too_wide(page) == [], (where, "spacing")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_account_pages_are_accessible_and_fit(stage: Stage, new_page: Callable[..., Page], language: str) -> None:
    page = new_page(320, language, bypass_csp=True)
    for path in OPEN:
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    for path in WITH_ERRORS:
        page.goto(f"{stage.site.url}{path}")
        page.locator("main form .primary").click()
        page.wait_for_selector("#problems")
        check(page, f"{path} with errors")
    with stage.app.app_context():
        user = make_user(email=f"{language}@example.cm", phone=None, password_hash=hash_password(PASSWORD))
        email = user.email or ""
        db.session.remove()
    page.goto(f"{stage.site.url}/login?next=/account")
    page.fill("[name=address]", email)
    page.fill("[name=password]", PASSWORD)
    page.locator("main form .primary").click()
    page.wait_for_url("**/account")
    for path in OWN:
        page.goto(f"{stage.site.url}{path}")
        check(page, path)


def test_from_register_to_signed_out_with_the_keyboard_alone(stage: Stage, new_page: Callable[..., Page]) -> None:
    page = new_page(320, "en")
    page.goto(f"{stage.site.url}/")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Phone or e-mail").fill("6 99 12 34 56")
    page.get_by_label("New password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/register/check")
    page.get_by_label("Code").fill(code_for(stage, "+237699123456"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    assert "6 99 12 34 56" in page.inner_text("main").replace("\u00a0", " ")
    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/login?done=out")
    page.go_back()
    page.reload()
    assert "/login" in page.url


def code_for(stage: Stage, phone: str) -> str:
    """The code of the SMS that the site has sent to this number, as soon as it is there."""
    folder = Path(stage.site.environment["AURAPARK_VAR"]) / "sms"
    for _ in range(100):
        for path in folder.glob("*-code-*.json"):
            sms = json.loads(path.read_text())
            if sms["to"] == phone:
                return re.findall(r"\b\d{6}\b", sms["text"])[0]
        time.sleep(0.2)
    raise AssertionError("no code came")
