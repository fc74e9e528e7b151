"""Travellers and their accounts, as a browser without JavaScript sees them: register, sign in, change, sign out."""

import html
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, text, update

from aurapark.accounts import passwords
from aurapark.accounts.models import (
    AgencyRole,
    LoginSession,
    Membership,
    OneTimeToken,
    PlatformRole,
    SignInThrottle,
    User,
)
from aurapark.accounts.passwords import hash_password
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.accounts import Browser, browser_of, make_staff, make_user, session_of
from tests.office import post_of
from tests.pages.test_doors import copy_of

PASSWORD, OTHER = "une phrase de passe", "encore une phrase"
PHONE = "+237671234567"
CODE = re.compile(r"\b(\d{6})\b")
LINK = re.compile(r"(/login/reset/[\w-]{43})")


@pytest.fixture(scope="module")
def password_hash() -> str:
    """The hash of PASSWORD."""
    return hash_password(PASSWORD)


@pytest.fixture
def traveller(app: Flask, password_hash: str) -> User:
    """Somebody with an e-mail address, a phone and a password."""
    return make_user(email="awa@example.cm", phone=PHONE, phone_verified_at=func.now(), password_hash=password_hash)


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser nobody is signed in with."""
    return browser_of(app)


@pytest.fixture
def post(settings: Settings) -> Callable[[], list[tuple[str, str]]]:
    """Send what is due; returns (to, text) of every message so far, oldest first."""

    return post_of(settings)


def sign_in(
    browser: Browser, address: str = "awa@example.cm", password: str = PASSWORD, **more: str
) -> tuple[int, str]:
    """The status of the answer and where it leads."""
    answer = browser.send("/login", {"address": address, "password": password, **more})
    return answer.status_code, answer.headers.get("Location", "")


def is_in(browser: Browser) -> bool:
    """Whether the account page opens."""
    return browser.get("/account").status_code == 200


def move(table: str, columns: str, by: str) -> None:
    """Let time pass: rows are moved into the past."""
    changes = ", ".join(f"{name} = {name} - interval '{by}'" for name in columns.split())
    in_transaction(lambda: db.session.execute(text(f"UPDATE {table} SET {changes}")))  # noqa: S608  names of this file


def test_signing_in_by_every_writing_of_the_address(traveller: User, app: Flask) -> None:
    for address in ("awa@example.cm", " AWA@Example.CM ", "671234567", "+237 6 71 23 45 67", "00237671234567"):
        browser = browser_of(app)
        assert sign_in(browser, address) == (303, "/account")
        assert is_in(browser)


def test_signing_in_and_failing_to_are_logged_without_the_address(
    traveller: User, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        sign_in(browser_of(app), password=OTHER)
        sign_in(browser_of(app), "nobody@example.cm")
        sign_in(browser_of(app))
    said = [one.getMessage() for one in caplog.records if "sign" in one.getMessage()]
    assert [line.split()[0] for line in said] == ["sign_in_refused", "sign_in_refused", "signed_in"]
    assert f"user={traveller.id}" in said[0]
    assert "@" not in "".join(said)


def test_one_slash_too_many_leads_to_the_account_all_the_same(traveller: User, browser: Browser) -> None:
    assert browser.get("/account/").headers["Location"].startswith("/login?")
    sign_in(browser)
    assert browser.get("/account/").headers["Location"] == "/account"


def test_the_account_page_and_the_header_know_who_is_in(traveller: User, browser: Browser) -> None:
    assert 'href="/login"' in browser.get("/find").text
    sign_in(browser)
    page = browser.get("/account").text
    assert "awa@example.cm" in page
    assert 'href="/account"' in page
    assert browser.get("/login").headers["Location"] == "/account"


@pytest.mark.parametrize(
    ("role", "begins"),
    [
        (AgencyRole.CLERK, "/agency/"),
        (AgencyRole.OWNER, "/account/second-factor?next=%2Fagency%2F"),
        (PlatformRole.SUPPORT, "/account/second-factor?next=%2Fadmin%2F"),
    ],
)
def test_staff_begin_at_their_work(app: Flask, password_hash: str, role: AgencyRole, begins: str) -> None:
    make_staff(role, email="staff@example.cm", password_hash=password_hash)
    assert sign_in(browser_of(app), "staff@example.cm") == (303, begins)


def test_every_refusal_says_the_same(traveller: User, app: Flask) -> None:
    causes = [("nobody@example.cm", {}), ("; drop", {}), ("awa@example.cm", {"password_hash": None})]
    causes += [("awa@example.cm", {"disabled_at": func.now(), "disabled_reason": "left"})]
    pages = set()
    for address, changes in causes:
        if changes:
            change(traveller, **changes)
        browser = browser_of(app)
        answer = browser.send("/login", {"address": address, "password": PASSWORD})
        pages.add(answer.text.replace(address, "").replace(html.escape(address), ""))
        assert answer.status_code == 422
        assert PASSWORD not in answer.text
        assert not is_in(browser)
    assert len({re.sub(r'value="[^"]*"', "", page) for page in pages}) == 1
    assert "ne vont pas ensemble" in pages.pop()


def change(user: User, **values: object) -> None:
    """Change a user behind the back of the site."""
    in_transaction(lambda: db.session.execute(update(User).where(User.id == user.id).values(values)))


ELSEWHERE = (
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/%2fevil.example",
    "\t//evil.example",
    "/%5cevil.example",
    "///evil.example",
    "http:evil.example",
    "/a/../\\evil",
    "evil.example",
    "/x\r\nSet-Cookie: a=b",
)


def test_next_leads_nowhere_else(traveller: User, browser: Browser) -> None:
    for wish in ELSEWHERE:
        assert sign_in(browser, next=wish) == (303, "/account"), wish
        assert browser.get("/login", query_string={"next": wish}).headers["Location"] == "/account"


def test_next_leads_on_through_the_code_too(traveller: User, browser: Browser, post: Callable) -> None:
    asked = browser.send("/login/code", {"address": "awa@example.cm", "next": "/find?a=1"})
    assert asked.headers["Location"] == "/login/code/check?next=/find?a%3D1"
    assert 'name="next" type="hidden" value="/find?a=1"' in browser.get(asked.headers["Location"]).text
    code = CODE.findall(post()[-1][1])[0]
    answer = browser.send("/login/code/check", {"code": f"{code[:3]} {code[3:]}", "next": "/find?a=1"})
    assert answer.headers["Location"] == "/find?a=1"
    assert is_in(browser)


def test_registering_makes_an_account_of_what_was_proved_and_nothing_else(
    app: Flask, browser: Browser, post: Callable
) -> None:
    fields = {"address": "6 71 23 45 67", "name": "Awa Kamga", "new_password": PASSWORD}
    planted = {
        "role": "admin",
        "platform_role": "admin",
        "agency_id": "2",
        "email_verified_at": "2026-01-01",
        "email": "x@y.cm",
    }
    answer = browser.send("/register", {**fields, **planted})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/register/check")
    assert db.session.query(User).count() == 0
    ((to, said),) = post()
    assert to == PHONE
    code = CODE.findall(said)[0]
    assert browser.send("/register/check", {"code": code, **planted}).headers["Location"] == "/account"
    user = db.session.query(User).one()
    assert (user.phone, user.email, user.name, user.platform_role) == (PHONE, None, "Awa Kamga", None)
    assert user.phone_verified_at is not None
    assert user.email_verified_at is None
    assert db.session.query(Membership).count() == 0
    assert is_in(browser)
    assert db.session.query(OneTimeToken).one().details == {}
    assert sign_in(browser_of(app), "671234567")[0] == 303


def test_a_code_counts_in_the_browser_that_asked_for_it_only(app: Flask, browser: Browser, post: Callable) -> None:
    browser.send("/register", {"address": "671234567", "new_password": PASSWORD})
    code = CODE.findall(post()[0][1])[0]
    thief = browser_of(app)
    thief.get("/register")
    assert thief.send("/register/check", {"code": code}).status_code == 422
    assert browser.send("/register/check", {"code": code}).status_code == 303


def test_registering_with_a_known_address_tells_only_its_owner(
    traveller: User, browser: Browser, post: Callable
) -> None:
    answer = browser.send("/register", {"address": "awa@example.cm", "new_password": OTHER})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/register/check")
    ((to, said),) = post()
    assert to == "awa@example.cm"
    assert "/login/reset" in said
    assert not CODE.search(said)
    for code in ("000000", "123456"):
        assert browser.send("/register/check", {"code": code}).status_code == 422
    assert db.session.query(User).count() == 1


WEAK = {
    "court": "8",
    "x" * 129: "128",
    **dict.fromkeys(["Password1", "aurapark2026!", "awakamga@1", "671234567", "motdepasse", "aaaaaaaaaa"], "deviner"),
}


def test_weak_passwords_are_refused_with_words(app: Flask, browser: Browser) -> None:
    for password, words in WEAK.items():
        answer = browser.send("/register", {"address": "671234567", "name": "Awa Kamga", "new_password": password})
        assert answer.status_code == 422, password
        assert words in answer.text, password
    assert db.session.query(OneTimeToken).count() == 0


def test_a_code_is_tried_five_times_and_lives_ten_minutes(traveller: User, app: Flask, post: Callable) -> None:
    for moved, tries, status in (("0 minutes", 4, 303), ("0 minutes", 5, 422), ("11 minutes", 0, 422)):
        browser = browser_of(app)
        browser.send("/login/code", {"address": "awa@example.cm"})
        code = CODE.findall(post()[-1][1])[0]
        wrong = "000000" if code != "000000" else "000001"
        assert {browser.send("/login/code/check", {"code": wrong}).status_code for _ in range(tries)} <= {422}
        move("one_time_token", "created_at expires_at", moved)
        assert browser.send("/login/code/check", {"code": code}).status_code == status


def test_a_code_counts_once(traveller: User, browser: Browser, post: Callable) -> None:
    browser.send("/login/code", {"address": PHONE})
    thief = None
    code = CODE.findall(post()[-1][1])[0]
    thief = copy_of(browser.application, browser)
    assert browser.send("/login/code/check", {"code": code}).status_code == 303
    assert thief.send("/login/code/check", {"code": code}).status_code == 422


def test_three_codes_an_hour_for_a_phone_known_or_not(traveller: User, app: Flask, post: Callable) -> None:
    for address in (PHONE, "+237699999999"):
        browser = browser_of(app)
        asked = [browser.send("/login/code", {"address": address}) for _ in range(4)]
        assert [one.status_code for one in asked] == [303, 303, 303, 429]
        assert 3500 < int(asked[-1].headers["Retry-After"]) <= 3600
        assert browser.send("/register", {"address": address, "new_password": PASSWORD}).status_code == 429
    assert [to for to, _ in post()] == [PHONE] * 3
    move("one_time_token", "created_at expires_at", "1 hour")
    assert browser.send("/login/code", {"address": PHONE}).status_code == 303


def test_staff_get_no_code_and_nobody_can_tell(app: Flask, browser: Browser, post: Callable) -> None:
    clerk = make_staff(AgencyRole.CLERK)
    answer = browser.send("/login/code", {"address": clerk.email})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login/code/check")
    assert post() == []


def test_a_reset_link_sets_the_password_once_and_signs_nobody_in(
    traveller: User, app: Flask, browser: Browser, post: Callable
) -> None:
    elsewhere = browser_of(app, traveller)
    assert browser.send("/login/reset", {"address": "awa@example.cm"}).headers["Location"] == "/login?done=sent"
    link = LINK.findall(post()[-1][1])[0]
    page = browser.get(link)
    assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert browser.send(link, {"new_password": "court"}).status_code == 422
    assert browser.send(link, {"new_password": OTHER}).headers["Location"] == "/login?done=reset"
    assert not is_in(browser)
    assert not is_in(elsewhere)
    assert browser.get(link).status_code == browser.send(link, {"new_password": PASSWORD}).status_code == 410
    assert sign_in(browser)[0] == 422
    assert sign_in(browser, password=OTHER)[0] == 303
    assert "a changé" in post()[-1][1] or "a été changé" in post()[-1][1]


def test_a_reset_is_over_after_thirty_minutes_and_answers_alike(
    traveller: User, browser: Browser, post: Callable
) -> None:
    answers = {
        browser.send("/login/reset", {"address": who}).headers["Location"] for who in ("awa@example.cm", "no@x.cm")
    }
    assert answers == {"/login?done=sent"}
    assert len(post()) == 1
    link = LINK.findall(post()[-1][1])[0]
    move("one_time_token", "created_at expires_at", "31 minutes")
    assert browser.get(link).status_code == 410
    for _ in range(4):
        assert browser.send("/login/reset", {"address": "awa@example.cm"}).headers["Location"] == "/login?done=sent"
    assert len(post()) == 3


def test_no_secret_lies_in_the_database(traveller: User, browser: Browser, post: Callable) -> None:
    browser.send("/login/code", {"address": "awa@example.cm"})
    browser.send("/login/reset", {"address": "awa@example.cm"})
    said = " ".join(words for _, words in post())
    code, link = CODE.findall(said)[0], LINK.findall(said)[0].rpartition("/")[2]
    kept = str(
        db.session.execute(text("SELECT o::text FROM outbox o UNION ALL SELECT t::text FROM one_time_token t")).all()
    )
    assert link not in kept
    assert not re.search(rf"\b{code}\b", kept)
    assert "awa@" not in str(db.session.execute(text("SELECT o::text FROM outbox o")).all())


def test_a_new_password_ends_every_other_session_and_tells(
    traveller: User, app: Flask, browser: Browser, post: Callable
) -> None:
    sign_in(browser)
    elsewhere, thief, old = browser_of(app, traveller), copy_of(app, browser), browser.token or ""
    wrong = {"password": OTHER, "new_password": OTHER}
    assert browser.send("/account/password", wrong).status_code == 422
    assert (
        browser.send("/account/password", {**wrong, "password": PASSWORD}).headers["Location"]
        == "/account?done=password"
    )
    assert (is_in(browser), is_in(elsewhere), is_in(thief)) == (True, False, False)
    assert browser.token != old
    assert session_of(old).revoked_at is not None
    assert post()[-1][0] == "awa@example.cm"
    assert sign_in(browser_of(app), password=OTHER)[0] == 303


def test_a_new_address_is_proved_and_the_old_one_told(traveller: User, browser: Browser, post: Callable) -> None:
    sign_in(browser)
    new = {"address": "New@Example.cm", "password": PASSWORD, "role": "admin"}
    assert browser.send("/account/email", {**new, "password": OTHER}).status_code == 422
    assert browser.send("/account/email", new).headers["Location"] == "/account/email/check"
    assert post()[-1][0] == "new@example.cm"
    assert "awa@example.cm" in browser.get("/account").text
    code = CODE.findall(post()[-1][1])[0]
    assert browser.send("/account/email/check", {"code": code}).headers["Location"] == "/account?done=email"
    assert "new@example.cm" in browser.get("/account").text
    assert post()[-1][0] == "awa@example.cm"


def test_the_address_of_somebody_else_cannot_be_taken(traveller: User, browser: Browser, post: Callable) -> None:
    make_user(email="ben@example.cm")
    sign_in(browser)
    fields = {"address": "ben@example.cm", "password": PASSWORD}
    assert browser.send("/account/email", fields).headers["Location"] == "/account/email/check"
    to, said = post()[-1]
    assert to == "ben@example.cm"
    assert not CODE.search(said)


def test_signing_out_ends_the_session_and_clears_the_cache(traveller: User, app: Flask, browser: Browser) -> None:
    sign_in(browser)
    thief, token = copy_of(app, browser), browser.token or ""
    assert browser.get("/logout").status_code == 405
    assert browser.post("/logout").status_code == 400
    answer = browser.send("/logout")
    assert (answer.headers["Location"], answer.headers["Clear-Site-Data"]) == ("/login?done=out", '"cache"')
    assert session_of(token).ended_because == "sign_out"
    assert (is_in(browser), is_in(thief)) == (False, False)
    with browser.session_transaction() as cookie:
        assert "visitor" not in cookie
        assert "device" in cookie


def test_staff_leave_no_storage_behind(app: Flask) -> None:
    browser = browser_of(app, make_staff(AgencyRole.CLERK))
    assert browser.send("/logout").headers["Clear-Site-Data"] == '"cache", "storage"'


def test_sessions_are_listed_and_ended_by_their_owner_only(traveller: User, app: Flask, browser: Browser) -> None:
    stranger, elsewhere = browser_of(app, make_user()), browser_of(app, traveller)
    sign_in(browser)
    other = session_of(elsewhere.token or "").id
    assert "Firefox, Android" in browser.get("/account/sessions").text
    assert stranger.send(f"/account/sessions/{other}/end").status_code == 404
    assert stranger.send("/account/sessions/999999/end").status_code == 404
    assert is_in(elsewhere)
    assert browser.send(f"/account/sessions/{other}/end").headers["Location"] == "/account/sessions?done=session"
    assert not is_in(elsewhere)
    again = browser_of(app, traveller)
    browser.send("/account/sessions/end-others")
    assert (is_in(browser), is_in(again)) == (True, False)
    again = browser_of(app, traveller)
    browser.send("/account/sessions/end-all")
    assert (is_in(browser), is_in(again), is_in(stranger)) == (False, False, True)


def test_five_failures_delay_everybody_but_a_known_device(traveller: User, app: Flask) -> None:
    known = browser_of(app)
    sign_in(known)
    known.send("/logout")
    guesser = browser_of(app)
    assert [sign_in(guesser, password=f"guess {n} x")[0] for n in range(6)] == [422] * 5 + [429]
    assert sign_in(browser_of(app))[0] == 429
    assert sign_in(browser_of(app), PHONE)[0] == 429
    assert sign_in(known)[0] == 303
    move("sign_in_throttle", "last_at delayed_until", "61 seconds")
    assert sign_in(guesser, password="guess 7 x")[0] == 422
    assert sign_in(guesser)[0] == 429
    move("sign_in_throttle", "last_at delayed_until", "119 seconds")
    assert sign_in(guesser)[0] == 429
    move("sign_in_throttle", "last_at delayed_until", "2 seconds")
    assert sign_in(guesser)[0] == 303
    assert sign_in(browser_of(app))[0] == 303


def test_an_unknown_account_is_slowed_down_in_the_same_words(traveller: User, app: Flask) -> None:
    pages = []
    for address in ("awa@example.cm", "nobody@example.cm"):
        guesser = browser_of(app)
        for number in range(6):
            answer = guesser.send("/login", {"address": address, "password": f"guess {number}"})
        pages.append((answer.status_code, re.sub(r"\d+", "", answer.text)))
    assert pages[0] == pages[1]
    assert pages[0][0] == 429


def test_a_known_device_is_slowed_down_by_its_own_guesses(traveller: User, app: Flask) -> None:
    known = browser_of(app)
    sign_in(known)
    known.send("/logout")
    assert [sign_in(known, password=f"guess {n} x")[0] for n in range(6)] == [422] * 5 + [429]
    assert sign_in(browser_of(app))[0] == 303


def test_the_words_never_show_a_hash(traveller: User, browser: Browser) -> None:
    sign_in(browser)
    assert "argon2" not in browser.get("/account").text
    assert passwords.DECOY not in str(db.session.query(LoginSession).all())
    assert db.session.query(SignInThrottle).filter(SignInThrottle.key.contains("awa")).count() == 0
