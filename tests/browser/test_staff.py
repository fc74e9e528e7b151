"""The pages of an agency's staff and of the platform in a real browser: accessible, no wider than a small phone."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from sqlalchemy import text

from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.accounts.passwords import hash_password
from aurapark.agencies.models import Agency
from aurapark.cases.models import CaseKind
from aurapark.cases.service import open_case
from aurapark.checkout import refund_outcome
from aurapark.checkout.dispute_by_hand import open_by_hand
from aurapark.checkout.refund_proposals import propose_refund
from aurapark.checkout.webhooks import store_event
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.payments.models import Provider
from tests import stories
from tests.accounts import make_staff
from tests.browser.stories import Stage
from tests.browser.test_account_pages import PASSWORD
from tests.browser.test_account_pages import check as check_all
from tests.browser.test_pages import new_page as new_page
from tests.browser.test_pages import too_wide
from tests.office import give_factor
from tests.refunding import ask

NEWEST = {"event": "webhook_event", "case": "finance_case"}
SEALED = "INSERT INTO payout_account (agency_id, kind, holder, sealed, ending, created_by, payable_from)"
SEALED += " SELECT :agency, 'mtn_momo', 'Wouri Voyages SARL', 'x', '4567', id, now() + interval '3 days'"
SEALED += " FROM user_account WHERE email = :email"
SOLD = "INSERT INTO agency_day (agency_id, day, channel, route_id, bookings, seats, gross, refunds)"
SOLD += " SELECT :agency, current_date - ago, channel, min(id), 3, 5, 12345678 - ago * 98765, ago"
SOLD += " FROM route, generate_series(0, 90) ago, unnest(ARRAY['web', 'api', 'counter']) channel"
SOLD += " WHERE agency_id = :agency GROUP BY ago, channel ON CONFLICT DO NOTHING"


def check(page: Page, where: str) -> None:
    """French is the longer language and gets every check; English has to fit."""
    if page.get_attribute("html", "lang") == "fr":
        check_all(page, where)
    assert too_wide(page) == [], where


def sign_in(
    page: Page, stage: Stage, role: AgencyRole | PlatformRole, language: str, *, name: str = ""
) -> tuple[int, int]:
    """Somebody with this role signs in and gives their second factor; returns the agency's number and their own."""
    email = f"{name or role}-{language}@example.cm"
    with stage.app.app_context():
        agency = db.session.get_one(Agency, stage.network.agency.id)
        user = make_staff(role, agency, email=email, language=language, password_hash=hash_password(PASSWORD))
        give_factor(user)
        numbers = agency.id, user.id
        db.session.remove()
    page.goto(f"{stage.site.url}/login")
    page.fill("[name=address]", email)
    page.fill("[name=password]", PASSWORD)
    page.locator("main form .primary").click()
    page.wait_for_url("**/second-factor**")
    stage.run("UPDATE login_session SET second_factor_at = now() WHERE user_id = :id", id=numbers[1])
    return numbers


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_of_an_agency_are_accessible_and_fit(stage: Stage, new_page: Callable[..., Page], language: str) -> None:
    page = new_page(320, language, bypass_csp=True)
    agency_id, user_id = sign_in(page, stage, AgencyRole.OWNER, language)
    with stage.app.app_context():
        statement = text("SELECT id FROM agency_member WHERE user_id = :id")
        member_id = db.session.execute(statement, {"id": user_id}).scalar_one()
        db.session.remove()
    stage.run(SEALED, agency=agency_id, email=f"owner-{language}@example.cm")
    page.goto(f"{stage.site.url}/agency/team")
    page.fill("[name=address]", f"somebody-{language}@example.cm")
    page.locator("main form .primary").click()
    page.wait_for_url("**/team?done=invited")
    check(page, "invited")
    stage.run(SOLD, agency=agency_id)
    desk = ["/agency/", f"/agency/departures?day={stage.day}", "/agency/departures", "/agency/reports?days=90"]
    desk += ["/agency/reports?days=7&from=2026-03-01"]
    for path in (*desk, "/agency/audit", f"/agency/team/{member_id}", "/agency/payout-account"):
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    page.locator("main form .primary").click()
    page.wait_for_selector("#problems")
    check(page, "payout account with errors")
    stage.run("UPDATE agency SET state = 'suspended' WHERE id = :id", id=agency_id)
    page.goto(f"{stage.site.url}/agency/")
    check(page, "suspended")
    stage.run("UPDATE agency SET state = 'active' WHERE id = :id", id=agency_id)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_of_the_platform_are_accessible_and_fit(
    stage: Stage, new_page: Callable[..., Page], language: str
) -> None:
    page = new_page(320, language, bypass_csp=True)
    agency_id, user_id = sign_in(page, stage, PlatformRole.ADMIN, language)
    with stage.app.app_context():
        reference = stories.hold(stage.network, str(10 if language == "fr" else 11)).reference
        db.session.remove()
    paths = ["/admin/", "/admin/agencies", f"/admin/agencies/{agency_id}", f"/admin/agencies/{agency_id}/team"]
    paths += [
        "/admin/audit",
        "/admin/users",
        f"/admin/users/{user_id}",
        "/admin/bookings",
        f"/admin/bookings/{reference}",
    ]
    for path in paths:
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    page.goto(f"{stage.site.url}/admin/users/{user_id}")
    page.fill("[name=reason]", "a look at the page")
    page.locator("main form .primary").click()
    page.wait_for_selector("dl.summary")
    check(page, "an account")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_money_desk_is_accessible_and_fits(stage: Stage, new_page: Callable[..., Page], language: str) -> None:
    page = new_page(320, language, bypass_csp=True)
    sign_in(page, stage, PlatformRole.FINANCE, language)
    seats = ("20", "21", "22") if language == "fr" else ("23", "24", "25")
    with stage.app.app_context():
        numbers = money_matters(stage, *seats)
        db.session.remove()
    paths = ["/admin/", "/admin/ledger", "/admin/payments", f"/admin/payments/{numbers['payment']}", "/admin/events"]
    paths += [f"/admin/events/{numbers['event']}", "/admin/refunds", f"/admin/refunds/{numbers['refund']}"]
    paths += ["/admin/cases", f"/admin/cases/{numbers['case']}", "/admin/disputes", "/admin/refunds?state=x"]
    paths += [f"/admin/disputes/{numbers['dispute']}", "/admin/payments?least=a", "/admin/payments?need=stuck"]
    for path in paths:
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    page.goto(f"{stage.site.url}/admin/cases/{numbers['case']}")
    page.locator("main form .primary").click()
    page.wait_for_selector("#problems")
    check(page, "a case without a reason")
    page.fill("[name=reason]", "the payer has it")
    page.select_option("[name=action]", "none")
    page.locator("main form .primary").click()
    page.wait_for_url("**?done=resolved")
    check(page, "a case that is resolved")


def money_matters(stage: Stage, disputed: str, refunded: str, failed: str) -> dict[str, int]:
    """One of each thing that the money desk looks at."""
    sales = [stories.confirm(stage.network, seat) for seat in (disputed, refunded, failed)]
    payments = [stories.payments_of(sale)[0] for sale in sales]
    refund = ask(sales[2], 1000)
    refused = "UPDATE refund SET state = 'sending', posts = 1, sending_at = now() WHERE id = :id"
    in_transaction(lambda: db.session.execute(text(refused), {"id": refund.id}))
    in_transaction(lambda: refund_outcome.refused(refund.id, "NO_SUCH_ACCOUNT_AT_THE_OPERATOR"))
    propose_refund(payments[1].id, 500, actor="user:9", reason="the seat was broken")
    dispute = open_by_hand(payments[0].tx_ref, actor="user:9", reason="mail of the gateway")
    details = {"amount": "4000", "currency": "XAF", "tx_ref": payments[0].tx_ref}
    in_transaction(lambda: open_case(CaseKind.CHARGE_MISSING, "charge", f"flutterwave/{payments[0].id}", details))
    told = {"data": {"tx_ref": payments[1].tx_ref, "id": payments[1].id, "customer": {"name": "Awa Ngo"}}}
    store_event(Provider.FLUTTERWAVE, json.dumps({"event": "charge.completed", **told}).encode())
    numbers = {"payment": payments[1].id, "refund": refund.id, "dispute": dispute.id}
    newest = {name: text(f"SELECT max(id) FROM {table}") for name, table in NEWEST.items()}  # noqa: S608
    return {**numbers, **{name: db.session.scalar(statement) or 0 for name, statement in newest.items()}}
