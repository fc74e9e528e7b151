"""Where an agency's money goes: a new account waits three days, whoever should know is told, and it can go back."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from aurapark import clock
from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.accounts.sealing import SealBroken
from aurapark.agencies.decisions import suspend
from aurapark.agencies.models import Agency, AgencyState
from aurapark.agencies.payout_accounts import number_of, payable_account, seal_anew, sealer_for
from aurapark.agencies.payout_models import AccountKind, PayoutAccount
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.accounts import Browser
from tests.factories import make_agency
from tests.office import WHY, forget_factor, identity_of, logged, post_of, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.stories import race

PATH = "/agency/payout-account"
MTN = {"kind": "mtn_momo", "holder": "Wouri Voyages SARL", "number": "6 71 23 45 67", "reason": WHY}
BANK = {
    "kind": "bank",
    "holder": "Wouri SARL",
    "number": "10005 00001 01234567890 42",
    "bank": "Afriland",
    "reason": WHY,
}


@pytest.fixture
def agency(app: Flask) -> Agency:
    return make_agency(phone="+237699887766")


@pytest.fixture
def owner(app: Flask, agency: Agency) -> Browser:
    return staff_browser(app, AgencyRole.OWNER, agency, email="owner@example.cm")[1]


@pytest.fixture
def post(settings: Settings) -> Callable[[], list[tuple[str, str]]]:
    return post_of(settings)


def accounts() -> list[PayoutAccount]:
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.query(PayoutAccount).order_by(PayoutAccount.id))


def pass_days(days: int) -> None:
    """Let days pass for every account; its trigger lets nobody else do so."""

    def work() -> None:
        db.session.execute(text("ALTER TABLE payout_account DISABLE TRIGGER USER"))
        moved = ", ".join(f"{name} = {name} - :by" for name in ("created_at", "payable_from"))
        db.session.execute(text(f"UPDATE payout_account SET {moved}"), {"by": timedelta(days=days)})  # noqa: S608
        db.session.execute(text("ALTER TABLE payout_account ENABLE TRIGGER USER"))

    in_transaction(work)


def test_a_new_account_counts_after_three_days_and_the_old_one_until_then(owner: Browser, agency: Agency) -> None:
    assert owner.send(PATH, MTN).status_code == 303
    assert payable_account(agency.id, clock.now()) is None
    first = accounts()[0]
    assert payable_account(agency.id, first.created_at + timedelta(hours=72, seconds=-1)) is None
    assert payable_account(agency.id, first.created_at + timedelta(hours=72)) == first
    pass_days(4)
    assert owner.send(PATH, BANK).status_code == 303
    first, second = accounts()
    assert payable_account(agency.id, clock.now()) == first
    assert payable_account(agency.id, clock.now() + timedelta(days=3)) == second
    assert payable_account(make_agency().id, clock.now()) is None


def test_a_change_is_taken_back_until_it_counts(owner: Browser, agency: Agency, post: Callable) -> None:
    assert owner.send(f"{PATH}/withdraw", {"reason": WHY}).status_code == 409
    owner.send(PATH, MTN)
    pass_days(4)
    assert owner.send(f"{PATH}/withdraw", {"reason": WHY}).status_code == 409
    owner.send(PATH, BANK)
    owner.send(PATH, {**BANK, "number": "9" * 23})
    first, second, third = accounts()
    assert (second.withdrawn_at is None, third.withdrawn_at is None) == (False, True)
    assert owner.send(f"{PATH}/withdraw", {"reason": WHY}).status_code == 303
    assert payable_account(agency.id, clock.now() + timedelta(days=30)).id == first.id
    assert {one.reason for one in logged("payout_account.withdraw")} == {WHY}
    assert any("9999" in said for to, said in post() if to == "owner@example.cm")


def test_owners_the_contact_and_the_old_phone_are_told(
    app: Flask, owner: Browser, agency: Agency, post: Callable
) -> None:
    staff_browser(app, AgencyRole.OWNER, agency, email="other@example.cm")
    staff_browser(app, AgencyRole.MANAGER, agency, email="manager@example.cm")
    owner.send(PATH, MTN)
    pass_days(4)
    post()
    before = len(post())
    owner.send(PATH, BANK)
    new = post()[before:]
    assert sorted(to for to, _ in new) == ["+237671234567", "+237699887766", "other@example.cm", "owner@example.cm"]
    assert all("9042" in said for _, said in new)
    assert not any("0123456" in said for _, said in new)


def test_the_number_is_sealed_and_shown_by_its_end(
    app: Flask, owner: Browser, agency: Agency, settings: Settings
) -> None:
    owner.send(PATH, MTN)
    account = accounts()[0]
    assert b"671234567" not in account.sealed
    assert number_of(account, sealer_for([settings.secret_key])) == "+237671234567"
    assert "671234567" not in str(db.session.execute(text("SELECT * FROM outbox")).all())
    assert "671234567" not in str([(one.before, one.after) for one in logged("payout_account.change")])
    accountant = staff_browser(app, AgencyRole.ACCOUNTANT, agency)[1]
    for browser in (owner, accountant):
        page = browser.get(PATH).text
        assert "4567" in page
        assert "71234567" not in re.sub(r"\s", "", page)
    for role in PlatformRole:
        answer = staff_browser(app, role)[1].get(f"/admin/agencies/{agency.id}/payout-account")
        assert answer.status_code == (403 if role == PlatformRole.SUPPORT else 200)
        assert ("+237671234567" in answer.text) == (role != PlatformRole.SUPPORT)


def test_who_may_change_it(app: Flask, owner: Browser, agency: Agency) -> None:
    for role in (AgencyRole.MANAGER, AgencyRole.CLERK, AgencyRole.BOARDING, AgencyRole.ACCOUNTANT):
        browser = staff_browser(app, role, agency)[1]
        assert browser.get(PATH).status_code == (200 if role == AgencyRole.ACCOUNTANT else 403)
        assert browser.send(PATH, MTN).status_code == browser.send(f"{PATH}/withdraw").status_code == 403
    forget_factor(owner)
    assert owner.send(PATH, MTN).status_code == 403
    assert accounts() == []


def test_what_is_no_account_is_refused_and_extra_fields_do_nothing(owner: Browser, agency: Agency) -> None:
    wrong = [
        {"kind": "cash"},
        {"number": "123"},
        {"holder": ""},
        {"reason": ""},
        {"kind": "bank"},
        {"number": "x" * 99},
    ]
    wrong += [{**BANK, "bank": ""}, {**BANK, "number": "1" * 22}]
    for change in wrong:
        assert owner.send(PATH, {**MTN, **change}).status_code == 422, change
    extra = {"agency_id": "999", "payable_from": "2020-01-01", "created_by": "1", "withdrawn_at": "x", "sealed": "y"}
    assert owner.send(PATH, {**MTN, **extra}).status_code == 303
    account = accounts()[0]
    assert (account.agency_id, account.created_by) == (agency.id, identity_of(owner).user_id)
    assert account.payable_from - account.created_at == timedelta(hours=72)


def test_a_suspended_agency_changes_nothing_but_takes_back(owner: Browser, agency: Agency) -> None:
    owner.send(PATH, MTN)
    in_transaction(lambda: suspend(agency.id, actor="test", reason=WHY))
    assert owner.send(PATH, BANK).status_code == 403
    assert owner.send(f"{PATH}/withdraw", {"reason": WHY}).status_code == 303
    assert len(accounts()) == 1


def test_an_agency_that_waits_prepares_its_account(app: Flask) -> None:
    agency = make_agency(state=AgencyState.PENDING)
    assert staff_browser(app, AgencyRole.OWNER, agency)[1].send(PATH, MTN).status_code == 303


def test_of_changes_at_once_one_is_under_way(app: Flask, owner: Browser, agency: Agency) -> None:
    """Seen to fail without the lock of the agency: two were under way."""
    from aurapark.agencies.payout_accounts import NewAccount, change_account

    who, sealer = identity_of(owner), sealer_for(["k" * 32])

    def change(number: int) -> None:
        new = NewAccount(AccountKind.MTN_MOMO, "Awa", f"+23767000000{number}")
        terms = {"by": who.user_id, "actor": who.actor, "reason": WHY, "sealer": sealer, "wait": timedelta(days=3)}
        in_transaction(lambda: change_account(agency.id, new, **terms))

    assert race(app, *[lambda n=n: change(n) for n in range(4)]) == [None] * 4
    assert sum(one.withdrawn_at is None for one in accounts()) == 1


def test_the_database_refuses_to_rewrite_an_account(owner: Browser) -> None:
    owner.send(PATH, MTN)
    for statement in (
        "UPDATE payout_account SET holder = 'Eve'",
        "UPDATE payout_account SET payable_from = now()",
        "DELETE FROM payout_account",
    ):
        with pytest.raises(DBAPIError, match="written once"):
            in_transaction(lambda statement=statement: db.session.execute(text(statement)))


def test_a_new_secret_key_takes_over(owner: Browser, settings: Settings) -> None:
    owner.send(PATH, MTN)
    both, new = sealer_for(["n" * 32, settings.secret_key]), sealer_for(["n" * 32])
    with pytest.raises(SealBroken):
        number_of(accounts()[0], new)
    assert in_transaction(lambda: seal_anew(both)) == 1
    assert number_of(accounts()[0], new) == "+237671234567"
    assert in_transaction(lambda: seal_anew(both)) == 0


def test_the_page_is_light(app: Flask, owner: Browser) -> None:
    owner.send(PATH, MTN)
    with counted(app) as statements:
        page = owner.get(PATH, headers={"Accept-Encoding": "gzip"})
    assert page.status_code == 200
    assert len(statements) <= 8, statements
    assert len(page.data) <= 25 * KILOBYTE
