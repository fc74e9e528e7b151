"""The staff of an agency: invitations, roles, leaving, and that nobody reaches into another agency."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from aurapark.accounts.members import change_role, end_membership
from aurapark.accounts.models import AgencyRole, Membership, OneTimeToken, PlatformRole, SessionEnd, User
from aurapark.accounts.passwords import hash_password
from aurapark.accounts.role_errors import LastOwner, MayNotGrant
from aurapark.agencies.models import Agency
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.office.invitations import MOST_AN_HOUR
from aurapark.office.scope import Staff
from aurapark.timetable.models import Trip, TripStop
from tests.accounts import Browser, browser_of, make_staff, make_user, session_of
from tests.factories import Network, make_agency
from tests.office import WHY, forget_factor, identity_of, logged, member_of, post_of, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.stories import race

LINK = re.compile(r"/login/invitation/[\w-]{43}")
PASSWORD = "une phrase de passe"


@pytest.fixture
def agency(app: Flask) -> Agency:
    return make_agency()


@pytest.fixture
def owner(app: Flask, agency: Agency) -> Browser:
    """The browser of an owner who has just given a second factor."""
    return staff_browser(app, AgencyRole.OWNER, agency)[1]


@pytest.fixture
def post(settings: Settings) -> Callable[[], list[tuple[str, str]]]:
    return post_of(settings)


def invite(owner: Browser, address: str, role: str = "clerk", **more: str) -> int:
    return owner.send("/agency/team/invitations", {"address": address, "role": role, **more}).status_code


def link_in(messages: list[tuple[str, str]]) -> str:
    return LINK.findall(messages[-1][1])[0]


def test_the_start_page_says_who_and_which_agency_to_every_role(app: Flask, agency: Agency) -> None:
    for role in AgencyRole:
        page = staff_browser(app, role, agency)[1].get("/agency/")
        assert page.status_code == 200
        assert agency.name in page.text
        assert ("/agency/team" in page.text) == (role in ("owner", "manager"))


def test_somebody_new_is_invited_sets_a_password_and_works_here(
    app: Flask, owner: Browser, agency: Agency, post: Callable
) -> None:
    assert invite(owner, "new@example.cm", "manager") == 303
    assert "new@example.cm" in owner.get("/agency/team").text
    to, said = post()[-1]
    assert to == "new@example.cm"
    assert agency.name in said
    link, guest = link_in([(to, said)]), browser_of(app)
    asked = guest.get(link)
    assert agency.name in asked.text
    assert asked.headers["Referrer-Policy"] == "no-referrer"
    extra = {"role": "owner", "agency_id": "1", "email": "x@y.cm", "platform_role": "admin"}
    answer = guest.send(link, {"name": "Awa Kamga", "new_password": PASSWORD, **extra})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/agency/")
    assert guest.token is None  # it signs nobody in
    user = db.session.scalars(select(User).where(User.email == "new@example.cm")).one()
    assert (user.name, user.platform_role, user.email_verified_at is not None) == ("Awa Kamga", None, True)
    assert (member_of(user).role, member_of(user).agency_id) == (AgencyRole.MANAGER, agency.id)
    assert guest.send(link, {"name": "Eve", "new_password": PASSWORD}).status_code == 410
    signed_in = guest.send("/login", {"address": "new@example.cm", "password": PASSWORD, "next": "/agency/"})
    assert signed_in.headers["Location"].startswith("/account/second-factor")  # not passed by the link
    assert guest.get("/agency/").status_code == 303
    entry = logged("role.grant")[0]
    assert (entry.actor, entry.entity, entry.entity_id) == (f"user:{user.id}", "agency", str(agency.id))
    assert entry.after == {"user": user.id, "role": "manager"}


def test_an_account_that_is_there_keeps_its_password_and_loses_its_sessions(
    app: Flask, owner: Browser, agency: Agency, post: Callable
) -> None:
    known = make_user(phone="+237671234567", phone_verified_at=func.now(), password_hash=hash_password(PASSWORD))
    theirs = browser_of(app, known)
    before = known.password_hash
    assert invite(owner, "6 71 23 45 67") == 303
    link = link_in(post())
    assert "new_password" not in theirs.get(link).text
    assert theirs.send(link, {"new_password": "taken over now", "name": "Eve"}).status_code == 303
    assert member_of(known).agency_id == agency.id
    assert db.session.get_one(User, known.id).password_hash == before
    assert session_of(theirs.token or "").ended_because == SessionEnd.ROLE_CHANGED


def test_nobody_learns_from_an_invitation_who_has_an_account(app: Flask, owner: Browser) -> None:
    make_staff(AgencyRole.CLERK, email="busy@example.cm")
    make_staff(PlatformRole.ADMIN, email="boss@example.cm")
    pages = []
    for address in ("busy@example.cm", "boss@example.cm", "nobody@example.cm"):
        assert invite(owner, address) == 303
        pages.append(owner.get("/agency/team").text)
        in_transaction(lambda: db.session.execute(text("UPDATE one_time_token SET used_at = now()")))
    plain = {re.sub(r"\w+@example.cm|/\d+/|\d\d(:| h |.h.)\d\d|value=\"[^\"]*\"", "", page) for page in pages}
    assert len(plain) == 1


def test_whoever_works_elsewhere_or_for_the_platform_cannot_accept(app: Flask, owner: Browser, post: Callable) -> None:
    busy = make_staff(AgencyRole.CLERK, email="busy@example.cm", password_hash="x")
    boss = make_staff(PlatformRole.SUPPORT, email="boss@example.cm", password_hash="x")
    for user in (busy, boss):
        invite(owner, user.email or "")
        assert browser_of(app).send(link_in(post())).status_code == 409
    assert db.session.query(Membership).filter_by(user_id=boss.id).count() == 0


def test_an_invitation_is_over_when_withdrawn_sent_again_late_or_its_sender_gone(
    app: Flask, agency: Agency, owner: Browser, post: Callable
) -> None:
    second, second_browser = staff_browser(app, AgencyRole.OWNER, agency)
    links, guest = [], browser_of(app)
    invite(second_browser, "a@example.cm")
    links.append(link_in(post()))
    token_id = db.session.scalar(select(func.max(OneTimeToken.id)))
    assert owner.send(f"/agency/team/invitations/{token_id}/again").status_code == 303
    assert guest.get(links[0]).status_code == 410
    links.append(link_in(post()))
    assert guest.get(links[1]).status_code == 200
    token_id = db.session.scalar(select(func.max(OneTimeToken.id)))
    assert owner.send(f"/agency/team/invitations/{token_id}/withdraw").status_code == 303
    assert guest.get(links[1]).status_code == 410
    assert owner.send(f"/agency/team/invitations/{token_id}/withdraw").status_code == 404
    invite(second_browser, "b@example.cm")
    sent = link_in(post())
    in_transaction(lambda: end_membership(agency.id, member_of(second).id, by=identity_of(owner), reason=WHY))
    assert guest.send(sent, {"name": "Awa Kamga", "new_password": PASSWORD}).status_code == 410
    invite(owner, "c@example.cm")
    late = link_in(post())
    by = "interval '31 min'"
    moved = f"UPDATE one_time_token SET created_at = created_at - {by}, expires_at = expires_at - {by}"  # noqa: S608
    in_transaction(lambda: db.session.execute(text(moved)))
    assert guest.get(late).status_code == 410


def test_invitations_are_limited_by_address_and_by_agency(owner: Browser) -> None:
    assert [invite(owner, "a@example.cm") for _ in range(4)] == [303, 303, 303, 429]
    codes = [invite(owner, f"u{number}@example.cm") for number in range(MOST_AN_HOUR - 2)]
    assert codes == [303] * (MOST_AN_HOUR - 3) + [429]


def test_who_may_do_what_about_the_team(app: Flask, agency: Agency) -> None:
    clerk = make_staff(AgencyRole.CLERK, agency)
    member_id = member_of(clerk).id
    for role in AgencyRole:
        browser = staff_browser(app, role, agency)[1]
        owns = role == AgencyRole.OWNER
        assert browser.get("/agency/team").status_code == (200 if role in ("owner", "manager") else 403)
        assert browser.get(f"/agency/team/{member_id}").status_code == (200 if owns else 403)
        for deed in ("role", "end", "sessions/end", "second-factor/reset"):
            answer = browser.send(f"/agency/team/{member_id}/{deed}", {"reason": ""})
            assert answer.status_code == (422 if owns else 403), (role, deed)
        assert invite(browser, "") == (422 if owns else 403)


def test_power_over_roles_asks_for_a_fresh_second_factor(app: Flask, agency: Agency, owner: Browser) -> None:
    member_id = member_of(make_staff(AgencyRole.CLERK, agency)).id
    forget_factor(owner)
    for deed in ("role", "end", "second-factor/reset"):
        answer = owner.send(f"/agency/team/{member_id}/{deed}", {"role": "manager", "reason": WHY})
        assert (answer.status_code, answer.headers.get("Location")) == (403, None), deed
    assert invite(owner, "a@example.cm") == 403
    assert db.session.query(OneTimeToken).count() == 0
    assert owner.send(f"/agency/team/{member_id}/sessions/end", {"reason": WHY}).status_code == 303


def test_another_agencys_people_and_nobody_answer_alike(app: Flask, agency: Agency, owner: Browser) -> None:
    other = make_agency()
    foreign = member_of(make_staff(AgencyRole.CLERK, other)).id
    stranger = staff_browser(app, AgencyRole.OWNER, other)[1]
    invite(stranger, "theirs@example.cm")
    token_id = db.session.scalar(select(func.max(OneTimeToken.id)))
    answers = set()
    for member_id in (foreign, 999_999, 10**30):
        for deed in ("role", "end", "sessions/end", "second-factor/reset"):
            sent = owner.send(f"/agency/team/{member_id}/{deed}", {"role": "owner", "reason": WHY})
            answers.add((sent.status_code, sent.text.replace(sent.request.path, "")))
        seen = owner.get(f"/agency/team/{member_id}")
        answers.add((seen.status_code, seen.text.replace(seen.request.path, "")))
    for invitation_id in (token_id, 999_999):
        for deed in ("again", "withdraw"):
            sent = owner.send(f"/agency/team/invitations/{invitation_id}/{deed}")
            answers.add((sent.status_code, sent.text.replace(sent.request.path, "")))
    assert {status for status, _ in answers} == {404}
    assert len({re.sub(r'value="[^"]*"', "", page) for _, page in answers}) == 1
    assert "theirs@example.cm" not in owner.get("/agency/team").text


def test_a_new_role_ends_every_session_at_once_and_is_logged(app: Flask, agency: Agency, owner: Browser) -> None:
    clerk, browser = staff_browser(app, AgencyRole.CLERK, agency)
    code = OneTimeToken(purpose="sign_in", user_id=clerk.id, sent_to="a@b.cm", nonce="n", secret_hash="h")
    code.expires_at = func.now() + func.make_interval(0, 0, 0, 0, 1)
    in_transaction(lambda: db.session.add(code))
    assert browser.get("/agency/").status_code == 200
    fields = {"role": "manager", "reason": WHY, "agency_id": "7", "user_id": "1", "platform_role": "admin"}
    assert owner.send(f"/agency/team/{member_of(clerk).id}/role", fields).status_code == 303
    assert browser.get("/agency/").status_code == 303
    assert session_of(browser.token or "").ended_because == SessionEnd.ROLE_CHANGED
    entry = logged("role.change")[0]
    assert (entry.actor, entry.reason) == (identity_of(owner).actor, WHY)
    assert entry.before == {"user": clerk.id, "role": "clerk"}
    assert entry.after == {"user": clerk.id, "role": "manager"}
    db.session.refresh(code)
    assert code.used_at is not None


def test_an_owner_steps_down_and_goes_on_but_nobody_raises_themselves(app: Flask, agency: Agency) -> None:
    mine, browser = staff_browser(app, AgencyRole.OWNER, agency)
    member_id = member_of(mine).id
    alone = browser.send(f"/agency/team/{member_id}/role", {"role": "clerk", "reason": WHY})
    assert alone.status_code == 409
    assert browser.send(f"/agency/team/{member_id}/end", {"reason": WHY}).status_code == 409
    staff_browser(app, AgencyRole.OWNER, agency)
    assert browser.send(f"/agency/team/{member_id}/role", {"role": "owner", "reason": WHY}).status_code == 403
    before = browser.token
    assert browser.send(f"/agency/team/{member_id}/role", {"role": "manager", "reason": WHY}).status_code == 303
    assert browser.token != before
    assert browser.get("/agency/").status_code == 200
    assert browser.get(f"/agency/team/{member_id}").status_code == 403
    with pytest.raises(MayNotGrant):
        in_transaction(lambda: change_role(agency.id, member_id, AgencyRole.OWNER, by=identity_of(browser), reason=WHY))


def test_a_disabled_owner_does_not_count_as_one(app: Flask, agency: Agency, owner: Browser) -> None:
    other = make_staff(AgencyRole.OWNER, agency)
    gone = {"disabled_at": func.now(), "disabled_reason": "x"}
    in_transaction(lambda: db.session.execute(update(User).where(User.id == other.id).values(gone)))
    me = identity_of(owner)
    mine = db.session.query(Membership).filter_by(user_id=me.user_id).one().id
    with pytest.raises(LastOwner):
        in_transaction(lambda: end_membership(agency.id, mine, by=me, reason=WHY))


def test_two_owners_who_remove_each_other_leave_one(app: Flask) -> None:
    """Seen to fail without the lock: both went."""
    for _ in range(3):
        agency = make_agency()
        people = [staff_browser(app, AgencyRole.OWNER, agency) for _ in range(2)]
        (first, mine), (second, yours) = ((member_of(user).id, identity_of(browser)) for user, browser in people)
        works = [
            lambda a=agency.id, m=second, by=mine: in_transaction(lambda: end_membership(a, m, by=by, reason=WHY)),
            lambda a=agency.id, m=first, by=yours: in_transaction(lambda: end_membership(a, m, by=by, reason=WHY)),
        ]
        outcomes = race(app, *works)
        assert sum(one is None for one in outcomes) == 1
        assert sum(isinstance(one, MayNotGrant | LastOwner) for one in outcomes) == 1
        live = db.session.query(Membership).filter_by(agency_id=agency.id, ended_at=None).count()
        assert live == 1


def test_a_second_factor_is_reset_for_staff_not_for_oneself(app: Flask, agency: Agency) -> None:
    mine, owner = staff_browser(app, AgencyRole.OWNER, agency)
    clerk, browser = staff_browser(app, AgencyRole.MANAGER, agency)
    own = owner.send(f"/agency/team/{member_of(mine).id}/second-factor/reset", {"reason": WHY})
    assert own.status_code == 403
    reset = owner.send(f"/agency/team/{member_of(clerk).id}/second-factor/reset", {"reason": WHY})
    assert reset.status_code == 303
    assert browser.get("/agency/").headers["Location"].startswith("/login")
    assert logged("user.factor_reset")[0].reason == WHY


def test_what_is_an_agencys_is_reached_through_it(app: Flask, network: Network) -> None:
    from aurapark.errors import NotFound

    mine, other = Staff(None, network.agency), Staff(None, make_agency())  # type: ignore[arg-type]
    assert mine.own(Trip, network.trip.id).id == network.trip.id
    for staff, trip_id in ((other, network.trip.id), (mine, 999_999), (mine, 10**30), (mine, 0)):
        with pytest.raises(NotFound):
            staff.own(Trip, trip_id)
    with pytest.raises(TypeError):
        mine.own(TripStop, 1)


def test_pages_of_the_team_are_light(app: Flask, agency: Agency, owner: Browser) -> None:
    for _ in range(12):
        make_staff(AgencyRole.CLERK, agency)
    member_id = db.session.scalar(select(func.max(Membership.id)))
    for path in ("/agency/", "/agency/team", f"/agency/team/{member_id}"):
        with counted(app) as statements:
            page = owner.get(path, headers={"Accept-Encoding": "gzip"})
        assert page.status_code == 200
        assert len(statements) <= 8, statements
        assert len(page.data) <= 25 * KILOBYTE
