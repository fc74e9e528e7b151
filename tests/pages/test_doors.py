"""The closed door: who gets to a page of which audience, on routes made for the test, and what it costs."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, true, update

from aurapark.accounts import second_factor
from aurapark.accounts.access import current_identity, go_on, require_identity, sign_in
from aurapark.accounts.models import AgencyRole, Membership, PlatformRole, SessionEnd, User
from aurapark.accounts.rules import NEED_SECOND_FACTOR
from aurapark.accounts.sessions import end_sessions
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.web.audience import Audience, AudienceBlueprint, list_routes
from tests.accounts import Browser, browser_of, change_session, make_staff, make_user, session_of
from tests.factories import Network
from tests.pages.test_budgets import counted

STAFF = [*AgencyRole, *PlatformRole]


@pytest.fixture
def doors(app: Flask) -> Flask:
    """The application with a page for each kind of door."""
    account = AudienceBlueprint("probe_account", __name__, audience=Audience.ACCOUNT)
    agency = AudienceBlueprint("probe_agency", __name__, audience=Audience.AGENCY)
    platform = AudienceBlueprint("probe_platform", __name__, audience=Audience.PLATFORM)
    guest = AudienceBlueprint("probe_guest", __name__, audience=Audience.GUEST)
    account.get("/probe/account")(lambda: str(require_identity().user_id))
    account.get("/probe/factor", endpoint="factor", before_factor=True)(lambda: "factor")
    agency.get("/probe/agency", roles={AgencyRole.MANAGER, AgencyRole.CLERK})(lambda: str(require_identity().agency_id))
    agency.post("/probe/agency", endpoint="write", roles={AgencyRole.CLERK})(lambda: "done")
    platform.get("/probe/platform", roles={PlatformRole.ADMIN})(lambda: "platform")
    platform.get("/probe/money", endpoint="money", roles={PlatformRole.FINANCE}, step_up=True)(lambda: "money")

    @guest.get("/probe/guest")
    def look() -> str:
        found = current_identity()
        return str(found.user_id) if found else "guest"

    @guest.post("/probe/sign-in/<int:user_id>")
    def enter(user_id: int) -> str:
        sign_in(user_id)
        return "in"

    @account.post("/probe/factor-given")
    def factor_given() -> str:
        go_on(second_factor=True)
        return "given"

    for blueprint in (account, agency, platform, guest):
        app.register_blueprint(blueprint)
    return app


@pytest.fixture
def with_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has set up a second factor."""
    monkeypatch.setattr(second_factor, "is_set_up", lambda _user_id: true())


def visit(browser: Browser, path: str) -> tuple[int, str]:
    """The status of a page, and where it leads or what it says."""
    response = browser.get(path)
    return response.status_code, response.headers.get("Location", response.text[:20])


def test_whoever_is_not_signed_in_goes_to_the_sign_in_page_and_on_from_there(doors: Flask) -> None:
    nobody = browser_of(doors)
    assert visit(nobody, "/probe/account?day=1") == (303, "/login?next=%2Fprobe%2Faccount%3Fday%3D1")
    assert visit(nobody, "/probe/agency") == (303, "/login?next=%2Fprobe%2Fagency")
    assert visit(nobody, "/probe/platform") == (303, "/login?next=%2Fprobe%2Fplatform")
    assert nobody.send("/probe/agency").headers["Location"] == "/login"
    for method in ("head", "options"):
        assert getattr(nobody, method)("/probe/agency").status_code == 303
    assert "Set-Cookie" not in nobody.get("/probe/account").headers


def test_each_role_gets_where_its_route_names_it(doors: Flask, with_factor: None) -> None:
    manager_and_clerk = (AgencyRole.MANAGER, AgencyRole.CLERK)
    for role in STAFF:
        staff = make_staff(role)
        browser = browser_of(doors, staff, second_factor=True)
        at_agency = isinstance(role, AgencyRole)
        agency, write = [200 if role in named else 403 for named in (manager_and_clerk, (AgencyRole.CLERK,))]
        platform = 200 if role == PlatformRole.ADMIN else 403
        assert browser.get("/probe/agency").status_code == (agency if at_agency else 404), role
        assert browser.send("/probe/agency").status_code == (write if at_agency else 404), role
        assert browser.get("/probe/platform").status_code == (404 if at_agency else platform), role
        assert visit(browser, "/probe/account") == (200, str(staff.id))


def test_a_page_that_is_not_ones_own_looks_like_one_that_does_not_exist(doors: Flask) -> None:
    traveller = browser_of(doors, make_user())
    for path in ("/probe/agency", "/probe/platform"):
        hidden, missing = traveller.get(path), traveller.get("/probe/nothing")
        assert (hidden.status_code, hidden.text) == (404, missing.text.replace("/probe/nothing", path))
        assert hidden.headers["Cache-Control"] == "no-store"


def test_whom_the_door_refuses_is_logged(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    clerk, traveller = make_staff(AgencyRole.CLERK), make_user()
    with caplog.at_level("INFO"):
        assert browser_of(app, clerk).get("/agency/audit").status_code == 403
        assert browser_of(app, traveller).get("/admin/users").status_code == 404
    said = [one.getMessage() for one in caplog.records if "door_closed" in one.getMessage()]
    assert [
        f"user={user.id} role={role}" in line
        for user, role, line in zip((clerk, traveller), ("clerk", "none"), said, strict=True)
    ] == [True, True], said


def test_a_membership_that_ended_opens_nothing(doors: Flask) -> None:
    clerk = make_staff(AgencyRole.CLERK)
    browser = browser_of(doors, clerk)
    assert browser.get("/probe/agency").status_code == 200
    in_transaction(lambda: db.session.execute(update(Membership).values(ended_at=func.now())))
    assert browser.get("/probe/agency").status_code == 404


def test_who_needs_a_second_factor_reaches_only_its_page(doors: Flask) -> None:
    for role in [*STAFF, None]:
        browser = browser_of(doors, make_staff(role) if role else make_user())
        needed = role in NEED_SECOND_FACTOR
        account = visit(browser, "/probe/account")
        assert (account == (303, "/account/second-factor?next=%2Fprobe%2Faccount")) == needed, role
        assert (visit(browser, "/probe/guest") == (200, "guest")) == needed
        assert visit(browser, "/probe/factor") == (200, "factor")
        if needed:
            assert browser.get("/probe/agency").status_code == browser.get("/probe/platform").status_code == 303


def test_who_has_a_second_factor_gives_it_before_any_page_knows_them(doors: Flask, with_factor: None) -> None:
    browser = browser_of(doors, make_user())
    assert visit(browser, "/probe/account") == (303, "/login/second-factor?next=%2Fprobe%2Faccount")
    assert visit(browser, "/probe/guest") == (200, "guest")
    assert visit(browser, "/probe/factor") == (200, "factor")


def test_a_step_up_asks_for_a_second_factor_of_the_last_ten_minutes(doors: Flask, with_factor: None) -> None:
    finance = browser_of(doors, make_staff(PlatformRole.FINANCE), second_factor=True)
    assert visit(finance, "/probe/money") == (200, "money")
    change_session(finance.token or "", second_factor_at=func.now() - func.make_interval(0, 0, 0, 0, 0, 11))
    assert visit(finance, "/probe/money") == (303, "/login/second-factor?next=%2Fprobe%2Fmoney")


def test_a_route_of_staff_that_names_no_role_stops_the_start() -> None:
    blueprint = AudienceBlueprint("probe", __name__, audience=Audience.AGENCY)
    for wrong in ({}, {"roles": set()}, {"roles": {PlatformRole.ADMIN}}):
        with pytest.raises(TypeError, match="say which of"):
            blueprint.get("/probe", **wrong)(lambda: "")
    with pytest.raises(TypeError, match="has no roles"):
        AudienceBlueprint("probe", __name__, audience=Audience.GUEST).get("/", roles={AgencyRole.CLERK})(lambda: "")
    with pytest.raises(TypeError, match="second factor"):
        blueprint.get("/probe", roles={AgencyRole.CLERK}, before_factor=True)(lambda: "")


def test_one_view_cannot_be_declared_for_different_people() -> None:
    blueprint = AudienceBlueprint("probe", __name__, audience=Audience.AGENCY)

    def view() -> str:
        return ""

    blueprint.get("/probe", roles={AgencyRole.CLERK})(view)
    with pytest.raises(TypeError, match="twice"):
        blueprint.get("/probe/again", roles={AgencyRole.OWNER})(view)


def test_a_route_nobody_has_declared_opens_to_nobody(app: Flask) -> None:
    app.add_url_rule("/probe/bare", "bare", lambda: "open")
    assert browser_of(app, make_user()).get("/probe/bare").status_code == 404


def test_routes_say_which_roles_they_let_in(doors: Flask) -> None:
    money = next(route for route in list_routes(doors) if route["endpoint"] == "probe_platform.money")
    assert (money["audience"], money["roles"], money["step_up"]) == ("platform", ["finance"], True)


def test_a_token_that_was_there_before_signing_in_is_worth_nothing_after(doors: Flask) -> None:
    """Session fixation: the old token, also a live one of somebody else, ends with the sign-in."""
    first, second = make_user(), make_user()
    browser = browser_of(doors, first)
    fixed = browser.token or ""
    with browser.session_transaction() as cookie:
        cookie["visitor"], cookie["csrf_token"], cookie["planted"] = "v" * 23, "c" * 40, "x"
    assert browser.send(f"/probe/sign-in/{second.id}").status_code == 200
    with browser.session_transaction() as cookie:
        assert cookie["visitor"] == "v" * 23
        assert "planted" not in cookie
        assert cookie.get("csrf_token") != "c" * 40
    assert browser.token != fixed
    assert session_of(fixed).ended_because == SessionEnd.REPLACED
    assert visit(browser, "/probe/account") == (200, str(second.id))


def test_a_new_token_at_the_second_factor(doors: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = browser_of(doors, make_user())
    old, replay = browser.token or "", copy_of(doors, browser)
    started = session_of(old).created_at
    assert browser.send("/probe/factor-given").text == "given"
    new = session_of(browser.token or "")
    assert new.created_at == started
    assert new.second_factor_at is not None
    assert session_of(old).ended_because == SessionEnd.REPLACED
    assert visit(replay, "/probe/account")[0] == 303


def copy_of(app: Flask, browser: Browser) -> Browser:
    """A thief's browser with a copy of the cookie."""
    thief = browser_of(app)
    with browser.session_transaction() as cookie:
        kept = dict(cookie)
    with thief.session_transaction() as cookie:
        cookie.update(kept)
    return thief


def disable(user: User) -> None:
    """Disable somebody without ending their sessions."""
    values = {"disabled_at": func.now(), "disabled_reason": "left"}
    in_transaction(lambda: db.session.execute(update(User).where(User.id == user.id).values(values)))


ENDINGS: dict[str, Callable[[User, str], object]] = {
    "all ended": lambda user, _token: in_transaction(lambda: end_sessions(user.id, because=SessionEnd.ROLE_CHANGED)),
    "disabled": lambda user, _token: disable(user),
    "idle": lambda _user, token: change_session(token, last_seen_at=func.now() - func.make_interval(0, 0, 0, 7)),
    "absolute": lambda _user, token: change_session(token, created_at=func.now() - func.make_interval(0, 0, 0, 30)),
}


def test_a_cookie_is_worth_nothing_after_each_ending(doors: Flask) -> None:
    for name, ending in ENDINGS.items():
        user = make_user()
        browser = browser_of(doors, user)
        assert visit(browser, "/probe/account")[0] == 200
        ending(user, browser.token or "")
        assert visit(browser, "/probe/account")[0] == 303, name
        assert visit(browser, "/probe/guest") == (200, "guest")


LIMITS = {  # minutes idle and in all, as the specification has them
    None: (7 * 24 * 60, 30 * 24 * 60),
    AgencyRole.CLERK: (120, 720),
    AgencyRole.BOARDING: (120, 720),
    **dict.fromkeys([AgencyRole.ACCOUNTANT, AgencyRole.OWNER, AgencyRole.MANAGER, *PlatformRole], (30, 720)),
}


def test_limits_follow_the_role(doors: Flask, with_factor: None) -> None:
    for role, limits in LIMITS.items():
        browser = browser_of(doors, make_staff(role) if role else make_user(), second_factor=True)
        for column, minutes in zip(("last_seen_at", "created_at"), limits, strict=True):
            for off, status in ((-1, 200), (1, 303)):
                moment = func.now() - func.make_interval(0, 0, 0, 0, 0, minutes + off)
                present = {"last_seen_at": func.now(), "created_at": func.now()}
                change_session(browser.token or "", **{**present, column: moment})
                assert visit(browser, "/probe/account")[0] == status, (role, column, off)


def test_last_seen_is_written_at_most_once_a_minute(doors: Flask) -> None:
    browser = browser_of(doors, make_user())
    token = browser.token or ""
    seen = session_of(token).last_seen_at
    browser.get("/probe/account")
    assert session_of(token).last_seen_at == seen
    change_session(token, last_seen_at=func.now() - func.make_interval(0, 0, 0, 0, 0, 2))
    browser.get("/probe/account")
    assert session_of(token).last_seen_at > seen


def test_who_is_signed_in_costs_one_statement_and_nobody_none(doors: Flask) -> None:
    browser, nobody = browser_of(doors, make_user()), browser_of(doors)
    for path, person, cost in (
        ("/probe/account", browser, 1),
        ("/probe/guest", nobody, 0),
        ("/probe/account", nobody, 0),
    ):
        with counted(doors) as statements:
            person.get(path)
        assert len(statements) == cost, statements


def test_public_pages_know_nobody_and_set_no_cookie(doors: Flask, network: Network) -> None:
    signed_in, nobody = browser_of(doors, make_user()), browser_of(doors)
    costs = []
    for browser in (signed_in, nobody):
        with counted(doors) as statements:
            response = browser.get("/")
        assert "Set-Cookie" not in response.headers
        costs.append(len(statements))
    assert costs[0] == costs[1]


def test_a_cookie_means_nothing_to_the_api(doors: Flask) -> None:
    browser = browser_of(doors, make_user())
    with counted(doors) as statements:
        assert browser.get("/api/nothing").status_code == 404
    assert statements == []
