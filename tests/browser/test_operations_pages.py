"""Jobs, outbox, doctor, holidays and words of messages in a real browser: accessible, no wider than a small phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from sqlalchemy import text

from aurapark.accounts.models import PlatformRole
from aurapark.extensions import db
from aurapark.jobs.models import Source
from aurapark.jobs.runs import run_job
from aurapark.reconciliation.rounds import go_round
from tests.browser.stories import Stage
from tests.browser.test_pages import new_page as new_page
from tests.browser.test_staff import check, sign_in

DEAD = "INSERT INTO outbox (kind, dedupe_key, payload, state, attempts, last_error) VALUES"
DEAD += " ('sms', '7K3QF9:ticket:' || :language, '{\"booking\": \"7K3QF9\"}', 'dead', 41, 'Refused')"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_operations_desk_is_accessible_and_fits(stage: Stage, new_page: Callable[..., Page], language: str) -> None:
    page = new_page(320, language, bypass_csp=True)
    sign_in(page, stage, PlatformRole.ADMIN, language, name="operations")
    stage.run(DEAD, language=language)
    stage.run("UPDATE doctor_report SET next_at = now()")
    with stage.app.app_context():
        settings = stage.app.config["AURAPARK"]
        run_job("forget-runs", settings, Source.COMMAND)
        go_round(settings)
        number = db.session.execute(text("SELECT max(id) FROM outbox WHERE state = 'dead'")).scalar_one()
        db.session.remove()
    paths = ["/admin/jobs", "/admin/jobs/forget-runs", "/admin/jobs/doctor?outcome=x", "/admin/outbox?kind=x"]
    paths += ["/admin/outbox?state=dead", f"/admin/outbox/{number}", "/admin/doctor", "/admin/holidays", "/admin/audit"]
    paths += ["/admin/holidays?year=1000", "/admin/templates", "/admin/templates/sms/ticket", "/admin/agencies?state=x"]
    for path in paths:
        page.goto(f"{stage.site.url}{path}")
        assert page.get_attribute("html", "lang") == language
        check(page, path)
    page.goto(f"{stage.site.url}/admin/templates/mail/cancelled")
    check(page, "words of a mail")
    page.locator("main textarea").first.fill("{nothing}")
    page.locator("main form .primary").click()
    page.wait_for_selector("#problems")
    check(page, "words that are wrong")
    page.goto(f"{stage.site.url}/admin/holidays")
    year = 2040 if language == "fr" else 2041
    page.fill("[name=known-year]", str(year))
    page.fill("[name=known-reason]", "the next year")
    page.locator("main form[action='/admin/holidays/known'] button").click()
    page.wait_for_url("**&done=known")
    check(page, "holidays of a year")
    page.locator("main dl a").first.click()
    page.wait_for_selector("[name=name_fr]")
    check(page, "a holiday")
