"""The hosted page without JavaScript: forms, redirects, and the pages of links that are closed."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.sandbox.conftest import Merchant, Receiver

PASSING = {"method": "mtn", "phone": "670000000"}


def look(link: str, language: str = "en") -> requests.Response:
    return requests.get(link, headers={"Accept-Language": language}, allow_redirects=False, timeout=5)


def press(link: str, outcome: str, **fields: str) -> requests.Response:
    return requests.post(link, data={"outcome": outcome, **fields}, allow_redirects=False, timeout=5)


def way_back(link: str) -> dict[str, list[str]]:
    answer = look(link)
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def charges(merchant: Merchant) -> list[tuple[str, str]]:
    return [(charge["status"], charge["processor_response"]) for charge in merchant.sandbox.admin.charges()]


@pytest.mark.parametrize("method", ["mtn", "orange"])
def test_approve_on_the_phone(merchant: Merchant, method: str) -> None:
    link = merchant.link(redirect_url="http://localhost:8000/back?lang=fr")
    assert press(link, "approve", method=method, phone="237 670 000 000").status_code == 303
    charge = merchant.sandbox.admin.charges()[0]
    assert (charge["status"], charge["method"], charge["customer"]["phone_number"]) == (
        "successful",
        method,
        "237670000000",
    )
    assert look(link).headers["Location"] == (
        f"http://localhost:8000/back?lang=fr&status=successful&tx_ref=AP-1&transaction_id={charge['id']}"
    )


def test_approval_takes_the_prompt_seconds(make_sandbox: Callable[..., Any]) -> None:
    with make_sandbox(prompt_seconds=30) as sandbox:
        link = Merchant(sandbox).link()
        press(link, "approve", **PASSING)
        page = look(link)
        assert (page.status_code, "Confirm on the phone" in page.text) == (200, True)
        assert sandbox.admin.charges()[0]["status"] == "pending"
        sandbox.admin.advance(30)
        assert way_back(link)["status"] == ["successful"]


def test_card_at_once(merchant: Merchant) -> None:
    link = merchant.link()
    press(link, "approve", method="card", card_number="4556 0527 0417 2643", otp="12345")
    assert way_back(link)["status"] == ["successful"]
    assert merchant.sandbox.admin.charges()[0]["card"]["type"] == "VISA"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"method": "card", "card_number": "5258585922666506"}, "Insufficient Funds"),
        ({"method": "card", "card_number": "5143010522339965"}, "Do Not Honour"),
        ({"method": "card", "card_number": "5590131743294314"}, "Suspected Fraud"),
        ({"method": "card", "card_number": "5399834697894723"}, "Incorrect PIN"),
        ({"method": "card", "card_number": "5531886652142950", "otp": "5548"}, "Invalid OTP"),
        ({"method": "card", "card_number": "5531886652142950", "otp": "6648"}, "Insufficient Funds"),
        ({"method": "mtn", "phone": "237121212121"}, "Mocked a Failed Transaction"),
        ({"method": "orange", "phone": "+237 010101011"}, "Mocked a Failed Transaction"),
    ],
)
def test_what_fails_fails_although_approved(merchant: Merchant, fields: dict[str, str], reason: str) -> None:
    link = merchant.link()
    press(link, "approve", **fields)
    assert charges(merchant) == [("failed", reason)]
    page = look(link)
    assert (page.status_code, reason in page.text) == (200, True)


@pytest.mark.parametrize(
    "fields", [{"method": "card", "card_number": "4111111111111111"}, {"method": "mtn", "phone": "12"}]
)
def test_what_cannot_be_read_is_no_attempt(merchant: Merchant, fields: dict[str, str]) -> None:
    answer = press(merchant.link(), "approve", **fields)
    assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (422, True)
    assert charges(merchant) == []


def test_refusals_keep_the_page_open_until_the_attempts_are_used_up(merchant: Merchant, receiver: Receiver) -> None:
    link = merchant.link()
    for left in ("2", "1"):
        press(link, "refuse", **PASSING)
        shown = look(link)
        assert f"<dd>{left}</dd>" in shown.text
    press(link, "refuse", **PASSING)
    back = way_back(link)
    assert (back["status"], "transaction_id" in back) == (["failed"], False)
    assert len(receiver.wait_for(3)) == 3


def test_success_after_a_refusal_on_the_same_link(merchant: Merchant) -> None:
    link = merchant.link()
    press(link, "refuse", **PASSING)
    press(link, "approve", **PASSING)
    ids = [charge["id"] for charge in merchant.sandbox.admin.charges()]
    assert way_back(link)["transaction_id"] == [str(ids[1])]


def test_cancel_goes_back_without_transaction_id(merchant: Merchant) -> None:
    link = merchant.link()
    answer = press(link, "cancel")
    assert answer.headers["Location"].endswith("/payments/flutterwave/return?status=cancelled&tx_ref=AP-1")
    closed = look(link)
    assert (closed.status_code, "Payment cancelled" in closed.text) == (410, True)
    assert charges(merchant) == []


@pytest.mark.parametrize(("delay", "seconds"), [("30", 30), ("300", 300), ("1200", 1200), ("after", 960)])
def test_answer_late(merchant: Merchant, delay: str, seconds: int) -> None:
    press(merchant.link(), "late", delay=delay, **PASSING)
    merchant.sandbox.admin.advance(seconds - 5)
    assert merchant.sandbox.admin.charges()[0]["status"] != "successful"
    merchant.sandbox.admin.advance(6)
    assert merchant.sandbox.admin.charges()[0]["status"] == "successful"


def test_never_answer_ends_with_the_session(merchant: Merchant) -> None:
    link = merchant.link()
    press(link, "never", **PASSING)
    merchant.sandbox.admin.advance(899)
    assert charges(merchant)[0][0] == "pending"
    merchant.sandbox.admin.advance(2)
    assert charges(merchant)[0][0] == "failed"
    assert way_back(link) == {"status": ["failed"], "tx_ref": ["AP-1"]}


def test_another_try_while_one_waits_can_pay_twice(merchant: Merchant) -> None:
    link = merchant.link()
    press(link, "late", delay="300", **PASSING)
    assert "Confirm on the phone" in look(link).text
    assert 'href="' in look(f"{link}?method=").text
    press(link, "approve", method="card", card_number="5531886652142950")
    merchant.sandbox.admin.advance(300)
    assert [status for status, _ in charges(merchant)] == ["successful", "successful"]


def test_the_session_is_over_before_anybody_came(merchant: Merchant) -> None:
    link = merchant.link()
    merchant.sandbox.admin.advance(901)
    page = look(link)
    assert (page.status_code, "The payment session is over" in page.text) == (410, True)
    assert "status=failed" in page.text


def test_disabled_and_unknown_links_have_their_pages(merchant: Merchant) -> None:
    link = merchant.link()
    merchant.call("POST", "/payments/link/disable", json={"link": link})
    disabled, unknown = look(link), look(f"{link}x")
    assert (disabled.status_code, "Link disabled" in disabled.text) == (410, True)
    assert (unknown.status_code, "Unknown link" in unknown.text) == (404, True)
    press(link, "approve", **PASSING)
    assert charges(merchant) == []


def test_an_unknown_payment_option_is_dropped_without_a_word(merchant: Merchant) -> None:
    page = look(merchant.link(payment_options="card, mobilemoneycm"))
    assert "Bank card" in page.text
    assert "MTN MoMo" not in page.text
    none = look(merchant.link("AP-2", payment_options="mobilemoneycm"))
    assert "The merchant left no way to pay" in none.text


def test_other_words_on_the_way_back(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("redirect_status", tx_ref="AP-1")
    link = merchant.link()
    press(link, "approve", **PASSING)
    assert way_back(link)["status"] == ["completed"]


def test_the_redirect_may_never_come(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("no_redirect", times=None)
    link = merchant.link()
    press(link, "approve", **PASSING)
    page = look(link)
    assert (page.status_code, "Payment successful" in page.text) == (200, True)


def test_language_follows_the_address_then_the_browser_then_french(merchant: Merchant) -> None:
    link = merchant.link()
    assert '<html lang="fr">' in look(link, "").text
    assert '<html lang="fr">' in look(link, "de").text
    assert '<html lang="en">' in look(link, "en-GB,fr;q=0.5").text
    assert '<html lang="fr">' in look(f"{link}?lang=fr", "en").text
    assert "Bac à sable\N{NO-BREAK SPACE}: aucun argent réel" in look(link, "fr").text
    assert "6\N{NO-BREAK SPACE}500\N{NO-BREAK SPACE}XAF" in look(link, "fr").text


def test_the_page_lets_nothing_foreign_in(merchant: Merchant) -> None:
    texts = {"title": "<script>alert(1)</script>", "description": '"><img src=x>'}
    page = look(merchant.link(customizations=texts))
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://localhost:8000" in policy
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)


def test_the_front_page_lists_the_payments(merchant: Merchant) -> None:
    link = merchant.link()
    page = look(f"{merchant.sandbox.address}/")
    assert (page.status_code, link in page.text) == (200, True)
