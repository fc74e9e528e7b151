"""The data-protection page says what is true, in both languages, and every page leads to it."""

from datetime import timedelta

from flask import Flask

from aurapark import outbox
from aurapark.accounts import sweeps
from aurapark.limits import service as limits
from aurapark.payments import idempotency
from aurapark.travellers import rules
from aurapark.web import language, switches, visitor
from tests.pages.traveller import Traveller


def test_every_page_leads_to_it(traveller: Traveller) -> None:
    for url in ("/", "/find", "/nope", "/privacy"):
        assert "/privacy" in {link.get("href") for link in traveller.get(url).all("a")}, url


def test_it_stands_in_both_languages(app: Flask) -> None:
    english, french = (Traveller(app.test_client(), language=one).get("/privacy") for one in ("en", "fr"))
    assert (english.status, french.status) == (200, 200)
    assert "Flutterwave" in english.text
    assert "2024/017" in english.text
    assert "2024/017" in french.text
    assert french.one("h1").text == "Vos données"
    assert "Set-Cookie" not in english.response.headers


def test_the_times_it_names_are_those_of_the_code(traveller: Traveller) -> None:
    """A time that changes in the code must change on the page too."""
    said = traveller.get("/privacy").text
    assert timedelta(days=30) == visitor.LIFETIME
    assert language.YEAR_SECONDS == switches.YEAR_SECONDS == 365 * 24 * 3600
    assert "30 days; language and colours 1 year" in said
    assert timedelta(days=1) == limits.KEEP
    assert "Kept: 1 day." in said
    assert timedelta(days=30) == rules.KEEP_UNPAID == rules.KEEP_NETWORK
    assert timedelta(days=3 * 365) == rules.KEEP_PAID
    assert "unpaid 30 days, paid 3 years" in said
    assert timedelta(days=90) == rules.KEEP_EVENTS == sweeps.SESSIONS
    assert "their text 90 days" in said
    assert timedelta(days=400) == outbox.KEPT
    assert "400 days" in said
    assert timedelta(hours=72) == idempotency.KEPT
    assert "Kept: 72 hours." in said
