"""Our client against the bodies recorded in flutterwave.md, and against answers nobody should believe."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from aurapark.breaker import FAILURES, OPEN_SECONDS, Breaker
from aurapark.payments.flutterwave import is_checkout_link
from aurapark.payments.gateway import Charge, GatewayRefused, GatewayUncertain
from tests.gateway.conftest import Player, checkout, make_client

CARD: dict[str, Any] = {
    "status": "success",
    "message": "Transaction fetched successfully",
    "data": {
        "id": 8415006,
        "tx_ref": "txref-DI0NzMx13",
        "flw_ref": "FLW-MOCK-3b10a512c4dae649e580a7e5747cfd2c",
        "amount": 2500,
        "currency": "NGN",
        "charged_amount": 2500,
        "app_fee": 35,
        "merchant_fee": 0,
        "processor_response": "Please enter the OTP sent to your mobile number 080****** and email te**@rave**.com",
        "status": "successful",
        "payment_type": "card",
        "card": {
            "first_6digits": "418742",
            "last_4digits": "4246",
            "token": "flw-t1nf-937086f0365b7334de60da246def40df",
        },
        "meta": {"__CheckoutInitAddress": "https://..."},
        "amount_settled": 2462.37,
    },
}
MOBILE: dict[str, Any] = {
    "status": "success",
    "message": "Transaction fetched successfully",
    "data": {
        "id": 9396012,
        "tx_ref": "AP-1",
        "amount": 1000,
        "currency": "XAF",
        "charged_amount": 1000,
        "app_fee": 20,
        "status": "successful",
        "payment_type": "mobilemoneysn",
        "meta": None,
        "amount_settled": 980,
    },
}
LISTED: dict[str, Any] = {
    "status": "success",
    "message": "Transactions fetched",
    "meta": {"page_info": {"total": 1, "current_page": 1, "total_pages": 1}},
    "data": [
        {
            "id": "989226",
            "tx_ref": "AP-1",
            "flw_ref": "N/A",
            "amount": 1000,
            "currency": "NGN",
            "app_fee": None,
            "status": "pending",
            "amount_settled": None,
            "account_id": "73362",
        }
    ],
}
NOBODY = {"status": "error", "message": "No transaction was found for this id", "data": None}
NONE_LISTED = {"status": "success", "message": "Transactions fetched", "meta": {}, "data": []}
BY_REFERENCE, LIST = "/transactions/verify_by_reference", "/transactions"


def changed(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    body["data"].update(fields)
    return body


def charges(player: Player, by_reference: Any, listed: Any, tx_ref: str = "AP-1", status: int = 200) -> list[Charge]:
    player.answers |= {BY_REFERENCE: (status, by_reference), LIST: (200, listed)}
    return make_client(player.base_url).list_charges(tx_ref)


def test_the_recorded_card_charge(player: Player) -> None:
    (charge,) = charges(player, CARD, NONE_LISTED, "txref-DI0NzMx13")
    assert (charge.gateway_tx_id, charge.status, charge.amount, charge.currency) == (
        "8415006",
        "successful",
        2500,
        "NGN",
    )
    assert (charge.fee, charge.settled) == (Decimal(35), Decimal("2462.37"))


def test_the_recorded_mobile_money_charge(player: Player) -> None:
    (charge,) = charges(player, MOBILE, NONE_LISTED)
    assert charge == Charge(
        gateway_tx_id="9396012",
        tx_ref="AP-1",
        status="successful",
        amount=Decimal(1000),
        currency="XAF",
        fee=Decimal(20),
        settled=Decimal(980),
    )


def test_the_recorded_list_with_ids_as_text(player: Player) -> None:
    (charge,) = charges(player, NOBODY, LISTED, status=400)
    assert (charge.gateway_tx_id, charge.status, charge.fee) == ("989226", "pending", None)


def test_a_success_of_the_list_is_verified_by_its_own_id(player: Player) -> None:
    listed = copy.deepcopy(LISTED)
    listed["data"][0].update(id="9396012", status="successful")
    player.answers["/transactions/9396012/verify"] = (200, changed(MOBILE, status="pending"))
    (charge,) = charges(player, NOBODY, listed, status=404)
    assert charge.status == "pending"
    assert "GET /v3/transactions/9396012/verify" in player.asked


def test_the_same_charge_in_both_answers_is_one(player: Player) -> None:
    listed = copy.deepcopy(LISTED)
    listed["data"][0].update(id="9396012", status="successful")
    assert len(charges(player, MOBILE, listed)) == 1


@pytest.mark.parametrize("charge_id", ["../../payments", "12/refund", "1?x=1", "@host", "", None, "1" * 21, "١٢"])
def test_an_id_that_is_no_number_goes_into_no_address(player: Player, charge_id: Any) -> None:
    listed = copy.deepcopy(LISTED)
    listed["data"][0].update(id=charge_id, status="successful")
    assert charges(player, NOBODY, listed, status=400) == []
    assert len(player.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success", "data": None},
        {"status": "success", "data": []},
        {"status": "success", "data": "x"},
        {"status": "success"},
        {"status": "error", "data": None},
        {"status": "successful", "data": MOBILE["data"]},
        changed(MOBILE, amount=None),
        changed(MOBILE, amount=True),
        changed(MOBILE, amount="abc"),
        changed(MOBILE, amount="NaN"),
        changed(MOBILE, amount={"x": 1}),
        changed(MOBILE, id=None),
        changed(MOBILE, id=-5),
        changed(MOBILE, currency=None),
        changed(MOBILE, tx_ref="AP-2"),
        changed(MOBILE, tx_ref="ap-1"),
        [],
        "null",
        "",
        "<html></html>",
        '{"status":"success","data":{"id":1',
        b"\xff\xfe",
        "[" * 100_000,
    ],
)
def test_an_answer_that_cannot_be_believed_is_no_answer(player: Player, answer: Any) -> None:
    with pytest.raises(GatewayUncertain):
        charges(player, answer, NONE_LISTED)


@pytest.mark.parametrize(("status", "body"), [(400, "<html></html>"), (403, NOBODY), (401, NOBODY), (404, "")])
def test_not_found_needs_their_envelope(player: Player, status: int, body: Any) -> None:
    with pytest.raises(GatewayRefused):
        charges(player, body, NONE_LISTED, status=status)


def test_the_order_is_that_of_the_numbers(player: Player) -> None:
    listed = copy.deepcopy(LISTED)
    listed["data"] = [{**LISTED["data"][0], "id": number} for number in ("100", "99", "9")]
    assert [charge.gateway_tx_id for charge in charges(player, NOBODY, listed, status=400)] == ["9", "99", "100"]


GOOD = "flwlnk-01hynrt7cd1fpm6gtef6khn93g"


@pytest.mark.parametrize(
    "link",
    [
        f"https://checkout.flutterwave.com/v3/hosted/pay/{GOOD}",
        f"https://CHECKOUT.flutterwave.com/v3/hosted/pay/{GOOD}",
        "https://checkout.flutterwave.com/v3/hosted/pay/6f9f7cc2c6d7a8d1f0e2",
        f"http://localhost:8001/pay/{GOOD}",
    ],
)
def test_links_that_may_be_shown(link: str) -> None:
    assert is_checkout_link(link, frozenset({"checkout.flutterwave.com", "localhost:8001"}))


@pytest.mark.parametrize(
    "link",
    [
        "",
        "javascript:alert(1)",
        f"http://checkout.flutterwave.com/v3/hosted/pay/{GOOD}",
        f"https://evil.example/v3/hosted/pay/{GOOD}",
        f"https://checkout.flutterwave.com.evil.example/v3/{GOOD}",
        f"https://checkout.flutterwave.com@evil.example/{GOOD}",
        f"https://user@checkout.flutterwave.com/{GOOD}",
        f"https://checkout.flutterwave.com:444/{GOOD}",
        f"https://checkout.flutterwave.com:x/{GOOD}",
        f"//checkout.flutterwave.com/{GOOD}",
        f"https://evil.example\\@checkout.flutterwave.com/{GOOD}",
        f"https://checkout.flutterwave.com/{GOOD}\r\nSet-Cookie: a=b",
        f"https://checkout.flutterwave.com/{GOOD}?next=evil",
        "https://checkout.flutterwave.com/v3/hosted/pay/",
        "https://checkout.flutterwave.com/v3/hosted/pay/flwl",
        "https://checkout.flutterwave.com",
        f"http://localhost/pay/{GOOD}",
        f"http://localhost:8002/pay/{GOOD}",
        f"http://[::1/{GOOD}",
    ],
)
def test_links_that_may_not(link: str) -> None:
    assert not is_checkout_link(link, frozenset({"checkout.flutterwave.com", "localhost:8001"}))


@pytest.mark.parametrize("link", ["https://evil.example/flwlnk-0123456789abcdef", 17, None, ["x"]])
def test_a_link_that_may_not_be_shown_is_an_uncertain_opening(player: Player, link: Any) -> None:
    player.answers["/payments"] = (200, {"status": "success", "message": "Hosted Link", "data": {"link": link}})
    with pytest.raises(GatewayUncertain):
        make_client(player.base_url).open_checkout(checkout())


@pytest.mark.parametrize("status", [408, 302, 201])
def test_other_statuses_of_an_opening_are_uncertain(player: Player, status: int) -> None:
    player.answers["/payments"] = (status, {"status": "success", "data": {"link": "x"}})
    with pytest.raises(GatewayUncertain):
        make_client(player.base_url).open_checkout(checkout())
    assert len(player.asked) == 1


def test_the_breaker_opens_for_a_while_and_one_more_failure_opens_it_again() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(FAILURES - 1):
        breaker.failed()
    assert breaker.closed
    breaker.failed()
    assert not breaker.closed
    now[0] = OPEN_SECONDS + 1
    assert breaker.closed
    breaker.failed()
    assert not breaker.closed
    now[0] = 2 * OPEN_SECONDS + 2
    breaker.answered()
    breaker.failed()
    assert breaker.closed
