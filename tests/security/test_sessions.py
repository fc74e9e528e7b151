"""A stolen copy of the cookie after each way in which a session ends: it opens nothing. By the pages people use."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from aurapark.accounts.models import AgencyRole, PlatformRole, User
from aurapark.accounts.passwords import hash_password
from aurapark.config import Settings
from tests.accounts import Browser, browser_of, make_staff, make_user
from tests.factories import make_agency
from tests.office import WHY, member_of, post_of, staff_browser
from tests.security.test_payloads import EVIL, FORWARDED, HOSTS

PASSWORD, OTHER = "les cars de Douala", "les cars de Bafia"
Deed = Callable[[Flask, User, Browser], Any]


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password(PASSWORD)


def thief_of(app: Flask, browser: Browser) -> Browser:
    """A browser with a copy of somebody's cookie."""
    thief, cookie = browser_of(app), browser.get_cookie("session")
    assert cookie is not None
    thief.set_cookie("session", cookie.value)
    return thief


def is_in(browser: Browser) -> bool:
    answer = browser.get("/account")
    return answer.status_code == 200 or "/account/second-factor" in answer.headers["Location"]


def by_admin(path: str, **fields: str) -> Deed:
    def deed(app: Flask, user: User, _browser: Browser) -> Any:
        admin = staff_browser(app, PlatformRole.ADMIN)[1]
        admin.send(f"/admin/users/{user.id}/read", {"reason": WHY})
        return admin.send(f"/admin/users/{user.id}/{path}", {"reason": WHY, **fields})

    return deed


def from_another_browser(app: Flask, user: User, _browser: Browser) -> Any:
    return browser_of(app, user).send("/account/sessions/end-others")


ENDINGS: dict[str, Deed] = {
    "signed out": lambda _app, _user, browser: browser.send("/logout"),
    "signed out everywhere": lambda _app, _user, browser: browser.send("/account/sessions/end-all"),
    "ended from another browser": from_another_browser,
    "new password": lambda _app, _user, browser: browser.send(
        "/account/password", {"password": PASSWORD, "new_password": OTHER}
    ),
    "erased": lambda _app, _user, browser: browser.send("/account/erase", {"password": PASSWORD}),
    "disabled": by_admin("disable"),
    "signed out by an admin": by_admin("sessions/end"),
    "made one of the platform": by_admin("role", role="support"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_stolen_cookie_is_worth_nothing_after(ending: str, app: Flask, password_hash: str) -> None:
    user = make_user(password_hash=password_hash)
    browser = browser_of(app, user)
    thief = thief_of(app, browser)
    assert is_in(thief)
    done = ENDINGS[ending](app, user, browser)
    assert done.status_code == 303, done.text[-1500:]
    assert not is_in(thief)
    for path in ("/account/data.json", "/account/trips", "/account/sessions"):
        assert thief.get(path).headers["Location"].startswith("/login?")
    assert thief.send("/account/sessions/end-others").headers["Location"] == "/login"


@pytest.mark.parametrize("deed", ["role", "end", "sessions/end"])
def test_a_stolen_cookie_of_staff_is_worth_nothing_after(deed: str, app: Flask) -> None:
    agency = make_agency()
    owner = staff_browser(app, AgencyRole.OWNER, agency)[1]
    clerk = make_staff(AgencyRole.CLERK, agency)
    thief = thief_of(app, browser_of(app, clerk))
    assert thief.get("/agency/").status_code == 200
    done = owner.send(f"/agency/team/{member_of(clerk).id}/{deed}", {"reason": WHY, "role": "boarding"})
    assert done.status_code == 303
    assert thief.get("/agency/").headers["Location"].startswith("/login?")
    assert not is_in(thief)


def test_a_reset_that_is_asked_for_with_another_host_leads_here_or_nowhere(app: Flask, settings: Settings) -> None:
    """Reset poisoning: whoever asks in somebody's name puts no address of theirs into the mail."""
    victims = [make_user() for _ in FORWARDED]
    for victim, headers in zip(victims, FORWARDED, strict=True):
        asked = browser_of(app).send("/login/reset", {"address": victim.email}, headers=headers)
        assert asked.status_code == 303, headers
    for host in HOSTS:
        answer = browser_of(app).send("/login/reset", {"address": make_user().email}, headers={"Host": host})
        assert answer.status_code == 400, host
    post = post_of(settings)()
    assert sorted(to for to, _ in post) == sorted(victim.email or "" for victim in victims)
    for _, said in post:
        assert EVIL not in said
        links = re.findall(r"\S+://\S+", said)
        assert links
        assert all(link.startswith(f"{settings.site_url}/") for link in links)
