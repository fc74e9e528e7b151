"""The second factor on pages: set up, asked for, asked for again, removed; who gets where without it, what is kept."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask, request
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from aurapark import clock
from aurapark.accounts import factor_rules, passwords
from aurapark.accounts.factor_models import Passkey, RecoveryCode, TotpSecret
from aurapark.accounts.models import AgencyRole, PlatformRole, SignInThrottle, User
from aurapark.audit import AuditEntry
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.outbox import OutboxRow
from aurapark.web.audience import Audience, AudienceBlueprint
from tests.accounts import Browser, browser_of, change_session, make_staff, make_user, session_of
from tests.pages.traveller import Page
from tests.passkey_device import Device

PASSWORD = "trois mangues bien mûres"
HOME, GIVE, ACCOUNT = "/account/second-factor", "/login/second-factor", "/account"
LONG_AGO = timedelta(minutes=11)


@pytest.fixture(autouse=True)
def light_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten recovery codes are ten hashes; their weight is tested where passwords are."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def app(app: Flask) -> Flask:
    """The site with two pages that ask for a fresh second factor, as payouts will."""
    probe = AudienceBlueprint("probe", __name__, audience=Audience.PLATFORM)
    done: list[dict[str, Any]] = []
    app.extensions["probe"] = done

    @probe.get("/admin/probe", roles={PlatformRole.FINANCE}, step_up=True)
    def look() -> str:
        return "a page behind a second look"

    @probe.post("/admin/probe", roles={PlatformRole.FINANCE}, step_up=True)
    def act() -> str:
        done.append(request.form.to_dict(flat=False))
        return "done"

    app.register_blueprint(probe)
    return app


class Person:
    """Somebody with a browser, who has the secret of their app."""

    def __init__(self, app: Flask, user: User) -> None:
        self.app, self.user_id = app, user.id
        self.browser: Browser = browser_of(app, user)
        self.secret = ""
        self.device = Device(origin="http://localhost:8000")

    @property
    def token(self) -> str:
        return self.browser.token or ""

    def get(self, path: str) -> TestResponse:
        return self.browser.get(path, headers={"Accept-Language": "en"})

    def send(self, path: str, **fields: Any) -> TestResponse:
        return self.browser.send(path, fields, headers={"Accept-Language": "en"})

    def code(self, steps: int = 0) -> str:
        return factor_rules.code_at(self.secret, factor_rules.step_at(clock.now()) + steps)

    def set_up_app(self) -> TestResponse:
        """Scan the code, type the first figures; what was spent is fresh again for the test."""
        page = self.get(f"{HOME}/app").text
        self.secret = re.sub(r"\s", "", re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1])  # type: ignore[index]
        answer = self.send(f"{HOME}/app", code=self.code(), password=PASSWORD)
        in_transaction(lambda: db.session.execute(update(TotpSecret).values(last_step=TotpSecret.last_step - 10)))
        return answer

    def set_up_passkey(self, **lies: Any) -> TestResponse:
        options = self.send(f"{HOME}/passkeys/challenge").text
        answer = self.device.register(options, **lies)
        return self.send(f"{HOME}/passkeys", name="Blue key", credential=answer, password=PASSWORD)

    def use_passkey(self, **lies: Any) -> TestResponse:
        return self.send(GIVE, credential=self.device.answer(self.send(f"{GIVE}/passkey").text, **lies))

    def again(self) -> None:
        """Sign in anew: the password was given, the second factor was not."""
        self.browser = browser_of(self.app, db.session.get_one(User, self.user_id))

    def wait(self) -> None:
        """Let eleven minutes pass since the second factor."""
        change_session(self.token, second_factor_at=func.now() - LONG_AGO)


@pytest.fixture
def awa(app: Flask) -> Person:
    """A traveller."""
    return Person(app, make_user(password_hash=passwords.hash_password(PASSWORD)))


@pytest.fixture
def fin(app: Flask) -> Person:
    """Somebody of the platform's finance, who must have a second factor and has none."""
    return Person(app, make_staff(PlatformRole.FINANCE, password_hash=passwords.hash_password(PASSWORD)))


def where(answer: TestResponse) -> str:
    return answer.headers.get("Location", "").partition("?")[0]


def count(table: type[Any]) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def actions() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def hidden(page: str, name: str) -> str:
    return unescape(re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)[1])  # type: ignore[index]


def test_looking_at_the_set_up_page_stores_nothing_and_shows_one_secret(awa: Person) -> None:
    first, second = awa.get(f"{HOME}/app"), awa.get(f"{HOME}/app")
    assert first.text == second.text
    assert '<svg role="img"' in first.text
    assert first.headers["Cache-Control"] == "no-store"
    assert count(TotpSecret) == 0
    Page(first, f"{HOME}/app")


def test_setting_up_an_app_gives_a_new_token_and_recovery_codes_once(awa: Person) -> None:
    before = awa.token
    answer = awa.set_up_app()
    codes = re.findall(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>", answer.text)
    assert (answer.status_code, len(codes), count(RecoveryCode)) == (200, 10, 10)
    assert awa.token != before
    assert session_of(before).revoked_at is not None
    assert session_of(awa.token).second_factor_at is not None
    assert awa.get(HOME).text.count("10 left") == 1
    assert codes[0] not in awa.get(HOME).text
    assert actions() == ["user.factor_added"]


@pytest.mark.parametrize("wrong", [{"code": "000000"}, {"password": "no"}, {"password": ""}, {"code": ""}])
def test_an_app_is_not_set_up_without_its_code_and_the_password(awa: Person, wrong: dict[str, str]) -> None:
    page = awa.get(f"{HOME}/app").text
    awa.secret = re.sub(r"\s", "", re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1])  # type: ignore[index]
    answer = awa.send(f"{HOME}/app", **{"code": awa.code(), "password": PASSWORD, **wrong})
    assert (answer.status_code, count(TotpSecret)) == (422, 0)
    assert answer.text.count(factor_rules.in_groups(awa.secret)) == 1
    Page(answer, f"{HOME}/app")


def test_whoever_signs_in_with_a_password_alone_reaches_only_the_question(awa: Person) -> None:
    awa.set_up_app()
    awa.again()
    before = awa.token
    for path in (ACCOUNT, f"{ACCOUNT}/sessions", f"{ACCOUNT}/password", HOME, f"{HOME}/app/remove", f"{HOME}/codes"):
        assert where(awa.get(path)) == GIVE, path
    for path in (f"{HOME}/codes", f"{HOME}/app/remove", f"{HOME}/passkeys/challenge", f"{HOME}/passkeys"):
        answer = awa.send(path, password=PASSWORD)
        assert (answer.status_code, "Confirm that it is you" in answer.text) == (403, True), path
    assert (count(RecoveryCode), count(TotpSecret)) == (10, 1)
    answer = awa.send(GIVE, code=awa.code(), next=f"{ACCOUNT}/sessions")
    assert (answer.status_code, where(answer)) == (303, f"{ACCOUNT}/sessions")
    assert awa.token != before
    assert session_of(before).revoked_at is not None
    assert awa.get(ACCOUNT).status_code == 200


def test_the_old_token_is_worth_nothing_after_the_factor(app: Flask, awa: Person) -> None:
    """Fixation: whoever planted or saw the cookie of the half-signed-in session has nothing."""
    awa.set_up_app()
    awa.again()
    thief = browser_of(app)
    with thief.session_transaction() as cookie:
        cookie["_user_id"] = awa.token
    awa.send(GIVE, code=awa.code())
    assert where(thief.get(ACCOUNT)) == "/login"
    assert where(thief.get(GIVE)) == "/login"


def test_ten_minutes_after_the_password_it_begins_anew(awa: Person) -> None:
    awa.set_up_app()
    awa.again()
    change_session(awa.token, created_at=func.now() - timedelta(minutes=9))
    assert awa.get(GIVE).status_code == 200
    change_session(awa.token, created_at=func.now() - timedelta(minutes=11))
    assert where(awa.get(GIVE)) == "/login"
    assert where(awa.send(GIVE, code=awa.code())) == "/login"


def test_five_wrong_codes_make_it_wait_the_right_one_too_in_any_browser(awa: Person) -> None:
    awa.set_up_app()
    awa.again()
    for _ in range(5):
        assert awa.send(GIVE, code="000000").status_code == 422
    answer = awa.send(GIVE, code=awa.code())
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 50) == (429, True)
    awa.again()
    assert awa.send(GIVE, code=awa.code()).status_code == 429
    past = update(SignInThrottle).values(delayed_until=func.now() - timedelta(seconds=1))
    in_transaction(lambda: db.session.execute(past))
    assert awa.send(GIVE, code=awa.code()).status_code == 303


@pytest.mark.parametrize("wish", ["//evil.example", "https://evil.example", "/\\evil.example", "/account%0d%0aX: y"])
def test_going_on_leads_to_this_site_only(awa: Person, wish: str) -> None:
    awa.set_up_app()
    awa.again()
    assert where(awa.send(GIVE, code=awa.code(), next=wish)) == ACCOUNT


def test_a_recovery_code_opens_once_and_its_owner_is_told(awa: Person) -> None:
    code = re.findall(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>", awa.set_up_app().text)[6]
    awa.again()
    assert awa.send(GIVE, code=f" {code.lower()} ").status_code == 303
    assert "9 left" in awa.get(HOME).text
    awa.again()
    assert awa.send(GIVE, code=code).status_code == 422
    assert "user.recovery_code_used" in actions()
    told = [row.payload["account"] for row in db.session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
    assert told == ["factor_added", "recovery_code_used"]


def test_a_passkey_opens_and_its_answer_counts_once(awa: Person) -> None:
    assert awa.set_up_passkey().status_code == 200
    awa.again()
    options = awa.send(f"{GIVE}/passkey").text
    answer = awa.device.answer(options)
    assert json.loads(options)["rpId"] == "localhost"
    assert awa.send(GIVE, credential=answer).status_code == 303
    awa.again()
    assert awa.send(GIVE, credential=answer).status_code == 422
    awa.send(f"{GIVE}/passkey")
    assert awa.send(GIVE, credential=answer).status_code == 422
    assert awa.use_passkey().status_code == 303


def test_a_passkey_of_another_origin_does_not_register_or_open(awa: Person) -> None:
    assert awa.set_up_passkey(origin="https://evil.example").status_code == 422
    assert awa.set_up_passkey(rp_id="evil.example").status_code == 422
    assert count(Passkey) == 0
    awa.set_up_passkey()
    awa.again()
    assert awa.use_passkey(origin="https://evil.example").status_code == 422
    assert awa.use_passkey(rp_id="evil.example").status_code == 422


def test_the_host_of_the_request_does_not_name_the_relying_party(awa: Person) -> None:
    answer = awa.browser.send(f"{HOME}/passkeys/challenge", {}, base_url="http://127.0.0.1")
    assert answer.status_code in (303, 400, 403) or json.loads(answer.text)["rp"]["id"] == "localhost"
    assert json.loads(awa.send(f"{HOME}/passkeys/challenge").text)["rp"]["id"] == "localhost"


@pytest.mark.parametrize("role", [AgencyRole.OWNER, AgencyRole.MANAGER, *PlatformRole])
def test_a_role_that_needs_a_factor_reaches_only_its_set_up(app: Flask, role: AgencyRole | PlatformRole) -> None:
    who = Person(app, make_staff(role, password_hash=passwords.hash_password(PASSWORD)))
    assert where(who.get(ACCOUNT)) == HOME
    assert where(who.get("/admin/probe")) == HOME
    page = who.get(f"{HOME}?next=/account/sessions")
    assert page.status_code == 200
    assert "/logout" in page.text
    who.set_up_app()
    assert who.get(ACCOUNT).status_code == 200


def test_the_last_factor_of_such_a_role_stays(fin: Person) -> None:
    fin.set_up_app()
    answer = fin.send(f"{HOME}/app/remove", password=PASSWORD)
    assert (answer.status_code, count(TotpSecret)) == (422, 1)
    fin.set_up_passkey()
    before = fin.token
    assert where(fin.send(f"{HOME}/app/remove", password=PASSWORD)) == HOME
    assert fin.token != before
    assert count(TotpSecret) == 0
    assert actions() == ["user.factor_added", "user.factor_added", "user.factor_removed"]


def test_removing_asks_for_the_password_and_a_fresh_factor(awa: Person) -> None:
    awa.set_up_app()
    assert awa.send(f"{HOME}/app/remove", password="wrong").status_code == 422
    awa.wait()
    assert where(awa.get(f"{HOME}/app/remove")) == GIVE
    assert awa.send(f"{HOME}/app/remove", password=PASSWORD).status_code == 403
    assert count(TotpSecret) == 1
    awa.send(GIVE, code=awa.code())
    awa.send(f"{HOME}/app/remove", password=PASSWORD)
    assert (count(TotpSecret), count(RecoveryCode)) == (0, 0)


def test_somebody_elses_passkey_is_not_found(app: Flask, awa: Person) -> None:
    other = Person(app, make_user(password_hash=passwords.hash_password(PASSWORD)))
    other.set_up_passkey()
    theirs = db.session.scalars(select(Passkey.id)).one()
    awa.set_up_app()
    for answer in (
        awa.get(f"{HOME}/passkeys/{theirs}/remove"),
        awa.send(f"{HOME}/passkeys/{theirs}/remove", password=PASSWORD),
        awa.get(f"{HOME}/passkeys/{theirs + 100}/remove"),
    ):
        assert answer.status_code == 404
    assert count(Passkey) == 1


def test_a_page_behind_a_second_look_comes_back_by_its_address(fin: Person) -> None:
    fin.set_up_app()
    assert fin.get("/admin/probe").text == "a page behind a second look"
    fin.wait()
    answer = fin.get("/admin/probe?period=11")
    assert answer.headers["Location"] == f"{GIVE}?next=%2Fadmin%2Fprobe%3Fperiod%3D11"
    question = fin.get(answer.headers["Location"])
    assert hidden(question.text, "next") == "/admin/probe?period=11"
    before = fin.token
    assert (
        fin.send(GIVE, code=fin.code(), next="/admin/probe?period=11").headers["Location"] == "/admin/probe?period=11"
    )
    assert fin.token != before
    assert fin.get("/admin/probe?period=11").status_code == 200


def test_a_form_that_came_too_late_is_kept_and_sent_by_another_press_only(app: Flask, fin: Person) -> None:
    done = app.extensions["probe"]
    fin.set_up_app()
    fin.wait()
    typed = {
        "amount": "4000",
        "note": "O'Neil <b>&",
        "seat": ["12", "13"],
        "password": "secret words",
        "code": "123456",
    }
    answer = fin.send("/admin/probe?period=11", **typed)
    assert (answer.status_code, done) == (403, [])
    assert "secret words" not in answer.text
    Page(answer, "/admin/probe")
    onward = {name: hidden(answer.text, name) for name in ("next", "send_to", "kept")}
    wrong = fin.send(GIVE, code="000000", **onward)
    assert (wrong.status_code, hidden(wrong.text, "kept")) == (422, onward["kept"])
    page = Page(fin.send(GIVE, code=fin.code(), **onward), GIVE)
    assert (page.status, done) == (200, [])
    again = page.form("/admin/probe")
    sent = [(field.get("name"), field.get("value")) for field in page.all("form")[0].iter("input")]
    assert sent[1:] == [("amount", "4000"), ("note", "O'Neil <b>&"), ("seat", "12"), ("seat", "13")]
    assert fin.send("/admin/probe?period=11", amount=again["amount"], seat=["12", "13"]).text == "done"
    assert len(done) == 1


def test_erasing_comes_back_after_the_question_and_asks_for_the_password_again(awa: Person) -> None:
    awa.set_up_app()
    awa.wait()
    answer = awa.send(f"{ACCOUNT}/erase", password=PASSWORD)
    assert answer.status_code == 403
    assert PASSWORD not in answer.text
    onward = {name: hidden(answer.text, name) for name in ("next", "send_to", "kept")}
    page = Page(awa.send(GIVE, code=awa.code(), **onward), GIVE)
    assert page.form(f"{ACCOUNT}/erase").keys() == {"csrf_token"}
    assert 'name="password"' in awa.send(f"{ACCOUNT}/erase").text
    assert awa.send(f"{ACCOUNT}/erase", password=PASSWORD).headers["Location"] == "/login?done=erased"


@pytest.mark.parametrize("target", ["/logout", f"{ACCOUNT}/sessions/end-all", "//evil.example", "/nowhere", "/find"])
def test_a_kept_form_goes_nowhere_but_behind_the_question(fin: Person, target: str) -> None:
    fin.set_up_app()
    fin.wait()
    answer = fin.send(GIVE, code=fin.code(), send_to=target, kept='[["a", "b"]]')
    assert (answer.status_code, where(answer)) == (303, ACCOUNT)


@pytest.mark.parametrize("kept", ["", "{", "[1]", '[["a"]]', "null", '"x"', '{"a": 1}'])
def test_a_kept_form_that_is_none_is_dropped(fin: Person, kept: str) -> None:
    fin.set_up_app()
    fin.wait()
    assert fin.send(GIVE, code=fin.code(), send_to="/admin/probe", kept=kept).status_code in (200, 303)


def test_who_has_no_password_must_have_signed_in_lately(app: Flask) -> None:
    who = Person(app, make_user(password_hash=None))
    assert 'name="password"' not in who.get(f"{HOME}/app").text
    change_session(who.token, created_at=func.now() - LONG_AGO)
    assert who.set_up_app().status_code == 422
    change_session(who.token, created_at=func.now())
    assert who.set_up_app().status_code == 200


def test_new_recovery_codes_end_the_old_ones(awa: Person) -> None:
    old = re.findall(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>", awa.set_up_app().text)
    answer = awa.send(f"{HOME}/codes", password=PASSWORD)
    new = re.findall(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>", answer.text)
    assert (len(new), set(new) & set(old)) == (10, set())
    awa.again()
    assert awa.send(GIVE, code=old[0]).status_code == 422
    assert awa.send(GIVE, code=new[0]).status_code == 303


def test_no_secret_is_logged_or_sent(awa: Person, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        codes = re.findall(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>", awa.set_up_app().text)
        awa.again()
        used = awa.code()
        awa.send(GIVE, code="314159")
        awa.send(GIVE, code=used)
        awa.again()
        awa.send(GIVE, code=codes[0])
    db.session.rollback()
    sent = str([(row.payload, row.dedupe_key) for row in db.session.scalars(select(OutboxRow))])
    audited = str([(row.before, row.after, row.reason) for row in db.session.scalars(select(AuditEntry))])
    for secret in (awa.secret, factor_rules.in_groups(awa.secret), used, "314159", *codes, codes[0].replace("-", "")):
        assert secret not in caplog.text + sent + audited
    assert "second_factor_refused" in caplog.text
    assert "second_factor_given" in caplog.text


def test_pages_are_strict_html_in_both_languages(awa: Person) -> None:
    awa.set_up_app()
    awa.set_up_passkey()
    key = db.session.scalars(select(Passkey.id)).one()
    paths = [HOME, f"{HOME}/passkeys", f"{HOME}/codes", f"{HOME}/app/remove", f"{HOME}/passkeys/{key}/remove", GIVE]
    for language in ("fr", "en"):
        for path in paths:
            answer = awa.browser.get(path, headers={"Accept-Language": language})
            assert (answer.status_code, Page(answer, path).root.get("lang")) == (200, language), path


def test_other_browsers_owe_the_factor_too_from_then_on(app: Flask, awa: Person) -> None:
    user = db.session.get_one(User, awa.user_id)
    young, old = browser_of(app, user), browser_of(app, user)
    change_session(old.token or "", created_at=func.now() - timedelta(hours=1))
    awa.set_up_app()
    assert where(young.get(ACCOUNT)) == GIVE
    assert where(old.get(ACCOUNT)) == "/login"


def test_who_is_not_signed_in_signs_in_first(app: Flask) -> None:
    nobody = browser_of(app)
    for path in (GIVE, HOME, f"{HOME}/app"):
        assert where(nobody.get(path)) == "/login"
    for path in (GIVE, f"{GIVE}/passkey", f"{HOME}/app", f"{HOME}/passkeys", f"{HOME}/passkeys/challenge"):
        assert where(nobody.send(path)) == "/login"
