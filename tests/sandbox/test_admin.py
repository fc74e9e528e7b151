"""Observability and control: what a test can see, and who cannot reach it."""

import inspect
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from aurapark.devstack import sandbox as package
from aurapark.devstack.sandbox import faults
from aurapark.devstack.sandbox.settings import Settings, from_environment
from tests.sandbox.conftest import Merchant, Receiver


def test_every_request_is_listed_without_the_key(merchant: Merchant) -> None:
    charge_id = merchant.paid()
    merchant.verify(charge_id)
    merchant.refund(charge_id, amount=100)
    merchant.key = "wrong-key"
    merchant.get("/transactions", page=2)
    listed = merchant.sandbox.admin.requests()
    seen = [(call["method"], call["endpoint"], call["authorized"], call["done"], call["status"]) for call in listed]
    assert seen == [
        ("POST", "payments", True, True, 200),
        ("GET", "verify", True, True, 200),
        ("POST", "refund", True, True, 200),
        ("GET", "transactions", False, False, 401),
    ]
    assert [call["tx_ref"] for call in listed] == ["AP-1", "AP-1", "AP-1", None]
    assert json.loads(listed[2]["body"]) == {"amount": 100}
    assert listed[3]["query"] == "page=2"
    text = json.dumps(listed)
    assert merchant.sandbox.settings.secret_key not in text
    assert "wrong-key" not in text


def test_requests_can_be_filtered_and_forgotten(merchant: Merchant) -> None:
    admin = merchant.sandbox.admin
    merchant.paid("AP-1")
    merchant.paid("AP-2")
    merchant.verify_by_reference("AP-2")
    assert len(admin.requests(tx_ref="AP-2")) == 2
    assert len(admin.requests(endpoint="payments")) == 2
    last = admin.requests()[-1]["request_id"]
    merchant.get("/balances")
    assert [call["endpoint"] for call in admin.requests(since=last)] == ["balances"]
    admin.forget_requests()
    assert admin.requests() == []


def test_a_lost_connection_is_listed_with_status_0(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("unavailable", endpoint="payments")
    merchant.open()
    call = merchant.sandbox.admin.requests()[0]
    assert (call["fault"], call["done"], call["status"]) == ("unavailable", False, 503)


def test_reset_forgets_everything(merchant: Merchant) -> None:
    admin = merchant.sandbox.admin
    admin.fault("unavailable", endpoint="*", times=None)
    merchant.sandbox.admin.make_charge("AP-1", 500)
    admin.reset()
    assert (admin.charges(), admin.faults(), admin.requests(), admin.deliveries()) == ([], [], [], [])
    assert merchant.get("/balances/XAF").json()["data"]["available_balance"] == 10_000_000


def test_a_foreign_page_cannot_command_it(merchant: Merchant) -> None:
    address = f"{merchant.sandbox.address}/_sandbox/reset"
    assert requests.post(address, data="x=1", timeout=5).status_code == 415
    rebound = requests.get(f"{merchant.sandbox.address}/_sandbox/", headers={"Host": "evil.example"}, timeout=5)
    assert rebound.status_code == 400


def test_nonsense_is_answered_with_words(merchant: Merchant) -> None:
    address = f"{merchant.sandbox.address}/_sandbox"
    for path, body in (
        ("pay", {"tx_ref": "nobody"}),
        ("pay", {}),
        ("charges", {}),
        ("charges", {"tx_ref": "A", "amount": 5, "status": "paid"}),
        ("webhooks", {"refund_id": 5}),
        ("webhooks", {"charge_id": 5}),
        ("charges/5/succeed", {}),
        ("clock", {"advance": "x"}),
        ("webhooks", {}),
        ("faults", []),
    ):
        answer = requests.post(f"{address}/{path}", json=body, timeout=5)
        assert answer.status_code in (400, 404), path
        assert answer.json()["error"], path


def test_the_clock_can_be_scaled(make_sandbox: Callable[..., Any], receiver: Receiver) -> None:
    receiver.answers[:] = [500, 500]
    with make_sandbox(clock_scale=18000) as sandbox:  # half an hour passes in a tenth of a second
        Merchant(sandbox).paid()
        receiver.wait_for(3, seconds=3)


def test_many_at_once_make_as_many_links_and_charges(merchant: Merchant) -> None:
    def buy(number: int) -> None:
        merchant.link(f"AP-{number}")
        requests.post(f"{merchant.sandbox.address}/_sandbox/pay", json={"tx_ref": f"AP-{number}"}, timeout=10)

    threads = [threading.Thread(target=buy, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    charges = merchant.sandbox.admin.charges()
    assert len({charge["id"] for charge in charges}) == len({charge["tx_ref"] for charge in charges}) == 30
    merchant.sandbox.admin.wait_until_idle()
    assert {delivery["state"] for delivery in merchant.sandbox.admin.deliveries()} == {"delivered"}


def test_settings_come_from_the_environment() -> None:
    settings = from_environment({"SITE_URL": "http://localhost:9000/", "SANDBOX_PORT": "9001", "AURAPARK_VAR": "/x"})
    assert settings.webhook_url == "http://localhost:9000/api/payments/webhook/flutterwave"
    assert (settings.public_url, settings.state_dir) == ("http://localhost:9001", Path("/x/sandbox"))
    assert from_environment({}) == Settings()


def test_it_borrows_nothing_from_the_application() -> None:
    folder = Path(inspect.getfile(package)).parent
    for source in folder.glob("*.py"):
        for line in source.read_text().splitlines():
            if re.match(r"\s*(from|import) (aurapark|workers)", line):
                assert line.strip().startswith("from aurapark.devstack.sandbox"), f"{source.name}: {line}"


def test_every_fault_is_explained_and_tried() -> None:
    here = Path(__file__).parent
    tests = "".join(path.read_text() for path in here.glob("test_*.py"))
    manual = (Path(inspect.getfile(package)).parent / "README.md").read_text()
    assert [name for name in faults.NAMES if f'"{name}"' not in tests] == []
    assert [name for name in faults.NAMES if f"`{name}`" not in manual] == []
