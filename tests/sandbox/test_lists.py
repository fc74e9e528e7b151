"""What a merchant reconciles with: charges, gateway settlements, fees, events, balances."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.sandbox.conftest import Merchant

DAY = 86400


def import_days(merchant: Merchant) -> list[int]:
    """23 charges on three days of January, the last moment of a day among them."""
    rows = [{"tx_ref": f"D1-{n}", "amount": 1000, "created_at": f"2026-01-01T10:00:{n:02d}Z"} for n in range(11)]
    rows += [{"tx_ref": f"D2-{n}", "amount": 2000, "created_at": f"2026-01-02T23:59:{n + 48:02d}Z"} for n in range(11)]
    rows += [{"tx_ref": "D3-0", "amount": 3000, "created_at": "2026-01-03T00:00:00Z", "status": "failed"}]
    return merchant.sandbox.admin.import_charges(rows)


def test_rows_have_string_ids_and_a_flat_customer(merchant: Merchant) -> None:
    charge_id = merchant.paid()
    answer = merchant.get("/transactions").json()
    assert (answer["status"], answer["message"]) == ("success", "Transactions fetched")
    assert answer["meta"] == {"page_info": {"total": 1, "current_page": 1, "total_pages": 1}}
    row = answer["data"][0]
    assert (row["id"], type(row["account_id"]), row["customer_name"]) == (str(charge_id), str, "A. Ngo")
    assert row["customer_email"].endswith("payer@example.com")
    assert "customer" not in row
    assert "token" not in json.dumps(row)


def test_ten_a_page_newest_first(merchant: Merchant) -> None:
    numbers = import_days(merchant)
    pages = [merchant.get("/transactions", page=page).json() for page in (1, 2, 3, 4)]
    assert [len(page["data"]) for page in pages] == [10, 10, 3, 0]
    assert pages[1]["meta"]["page_info"] == {"total": 23, "current_page": 2, "total_pages": 3}
    assert [row["id"] for page in pages for row in page["data"]] == [str(number) for number in reversed(numbers)]


def test_pages_shift_while_rows_arrive(merchant: Merchant) -> None:
    import_days(merchant)
    first = merchant.get("/transactions").json()["data"]
    merchant.sandbox.admin.make_charge("NEW", 500)
    assert merchant.get("/transactions", page=2).json()["data"][0] == first[-1]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"from": "2026-01-01", "to": "2026-01-01"}, 11),
        ({"from": "2026-01-02", "to": "2026-01-02"}, 11),
        ({"from": "2026-01-02", "to": "2026-01-03"}, 12),
        ({"to": "2026-01-02"}, 22),
        ({"from": "2026-01-04"}, 0),
        ({"status": "failed"}, 1),
        ({"tx_ref": "D2-3"}, 1),
        ({"currency": "NGN"}, 0),
    ],
)
def test_filters(merchant: Merchant, query: dict[str, str], count: int) -> None:
    import_days(merchant)
    assert merchant.get("/transactions", **query).json()["meta"]["page_info"]["total"] == count


def test_a_date_that_is_none_is_refused(merchant: Merchant) -> None:
    assert merchant.get("/transactions", **{"from": "yesterday"}).status_code == 400


def test_bulk_import_is_quick_and_can_be_repeated(merchant: Merchant) -> None:
    rows = [{"tx_ref": f"B-{n}", "amount": 4000 + n, "created_at": "2026-02-01T00:00:00Z"} for n in range(5000)]
    started = time.monotonic()
    numbers = merchant.sandbox.admin.import_charges(rows)
    assert time.monotonic() - started < 10
    assert len(set(numbers)) == 5000
    assert merchant.sandbox.admin.import_charges(rows) == numbers
    assert merchant.sandbox.admin.deliveries() == []
    assert merchant.verify(numbers[7]).json()["data"]["amount"] == 4007


def test_gateway_settlements_add_up(merchant: Merchant) -> None:
    numbers = import_days(merchant)
    listed = merchant.get("/settlements").json()
    assert listed["meta"]["page_info"] == {"total": 2, "current_page": 1, "total_pages": 1, "page_size": 20}
    newest = listed["data"][0]
    assert (newest["gross_amount"], newest["app_fee"], newest["net_amount"]) == (22000, 440, 21560)
    assert (newest["meta"], newest["is_local"], newest["transaction_count"]) == (numbers[11:22], 1, 11)
    detail = merchant.get(f"/settlements/{newest['id']}").json()["data"]
    assert (json.loads(detail["meta"]), detail["is_local"]) == (numbers[11:22], True)
    assert sum(line["settlement_amount"] for line in detail["transactions"]) == 21560
    assert merchant.get("/settlements/1").status_code == 400
    assert merchant.get("/settlements").json()["data"] == listed["data"]


def test_refunds_are_taken_off_a_settlement_and_off_the_balance(merchant: Merchant) -> None:
    admin = merchant.sandbox.admin
    merchant.paid()
    merchant.refund(merchant.paid("AP-2"), amount=2000)
    admin.advance(10)
    today = datetime.now(UTC)
    admin.advance(((today + timedelta(days=1)).replace(hour=0, minute=1) - today).total_seconds())
    settlement = merchant.get("/settlements").json()["data"][0]
    assert (settlement["refund"], settlement["net_amount"]) == (2000, 2 * 6370 - 2000)
    parts = admin.balance()
    assert (parts["charges"], parts["refunds"], parts["settlements"]) == ("12740", "2000", "10740")
    assert parts["available"] == parts["opening"]


def test_fee_and_events_and_balances(merchant: Merchant) -> None:
    fee = merchant.get("/transactions/fee", amount=10, currency="XAF", payment_type="mobilemoney").json()["data"]
    assert (fee["charge_amount"], fee["fee"], fee["currency"]) == (10, 0.2, "XAF")
    events = merchant.get(f"/transactions/{merchant.paid()}/events").json()["data"]
    assert [event["action"] for event in events] == ["tried", "successful"]
    assert merchant.get("/balances/XAF").json()["data"]["available_balance"] == 10_006_370
    assert [row["currency"] for row in merchant.get("/balances").json()["data"]] == ["XAF"]
