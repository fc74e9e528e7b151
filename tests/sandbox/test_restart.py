"""What was open when the sandbox stopped is still open when it starts again, and nothing happens twice."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from aurapark.devstack.sandbox.running import Admin
from aurapark.devstack.sandbox.store import FolderInUse
from tests.sandbox.conftest import Merchant, Receiver

ROOT = Path(__file__).resolve().parents[2]


def test_a_payment_open_at_the_stop_goes_on(make_sandbox: Callable[..., Any], receiver: Receiver) -> None:
    with make_sandbox() as sandbox:
        Merchant(sandbox).link()
        sandbox.admin.pay("AP-1", outcome="late", delay=0.5)
    time.sleep(0.6)
    with make_sandbox() as sandbox:
        assert receiver.wait_for(1)[0].status == "successful"
        sandbox.admin.wait_until_idle()
        assert Merchant(sandbox).verify_by_reference().json()["data"]["status"] == "successful"
    with make_sandbox() as sandbox:
        sandbox.admin.wait_until_idle()
    assert len(receiver.received) == 1


def test_retries_refunds_faults_and_the_clock_survive(make_sandbox: Callable[..., Any], receiver: Receiver) -> None:
    receiver.answers[:] = [500]
    with make_sandbox() as sandbox:
        refund = Merchant(sandbox).refund(Merchant(sandbox).paid()).json()["data"]
        receiver.wait_for(1)
        sandbox.admin.wait_until_idle()
        sandbox.admin.fault("rate_limited", endpoint="balances")
        sandbox.admin.advance(5)
    with make_sandbox() as sandbox:
        merchant = Merchant(sandbox)
        assert merchant.get("/balances").status_code == 429
        sandbox.admin.advance(6)
        assert merchant.get(f"/refunds/{refund['id']}").json()["data"]["status"] == "completed-momo"
        sandbox.admin.advance(1800)
    assert [webhook.body["event"] for webhook in receiver.received].count("charge.completed") == 2


def test_a_webhook_on_its_way_at_the_stop_is_sent_again(make_sandbox: Callable[..., Any], receiver: Receiver) -> None:
    receiver.before_answer = lambda _: time.sleep(2.5)
    with make_sandbox() as sandbox:
        Merchant(sandbox).paid()
        receiver.wait_for(1)
    receiver.before_answer = lambda _: None
    with make_sandbox() as sandbox:
        receiver.wait_for(2)
        sandbox.admin.wait_until_idle()
        assert sandbox.admin.deliveries()[0]["state"] == "delivered"


def test_two_sandboxes_never_share_a_folder(make_sandbox: Callable[..., Any]) -> None:
    with make_sandbox(), pytest.raises(FolderInUse), make_sandbox():
        pass
    with make_sandbox():
        pass


def test_ids_are_never_given_out_again(make_sandbox: Callable[..., Any]) -> None:
    with make_sandbox() as sandbox:
        first = Merchant(sandbox).paid()
        sandbox.admin.reset()
        second = Merchant(sandbox).paid()
        sandbox.admin.import_charges([{"tx_ref": "OLD", "amount": 500, "id": second + 1_000_000}])
        sandbox.admin.reset()
    with make_sandbox() as sandbox:
        assert Merchant(sandbox).paid("AP-2") > second + 1_000_000 > first


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """`python -m aurapark.devstack.sandbox` with settings from the environment."""

    def __init__(self, folder: Path, receiver: Receiver, **environment: str) -> None:
        self.port = free_port()
        given = {
            "SANDBOX_STATE_DIR": str(folder),
            "SANDBOX_PORT": str(self.port),
            "SITE_URL": receiver.url.removesuffix("/webhook"),
            **environment,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aurapark.devstack.sandbox"],
            cwd=ROOT,
            env=os.environ | given,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        self.base_url = f"http://localhost:{self.port}/v3"
        self.admin = Admin(f"http://localhost:{self.port}")

    def end(self, signal_number: int) -> int:
        self.admin.close()
        self.process.send_signal(signal_number)
        self.process.communicate(timeout=10)
        return self.process.returncode


def test_killed_in_the_middle_and_started_again(tmp_path: Path, receiver: Receiver) -> None:
    key = "FLWSECK_TEST-11111111111111111111111111111111-X"
    running = Process(tmp_path, receiver, FLUTTERWAVE_SECRET_KEY=key, SANDBOX_CLOCK_SCALE="60")
    assert running.first_line.startswith("sandbox_ready")
    order = {
        "tx_ref": "AP-1",
        "amount": 6500,
        "currency": "XAF",
        "redirect_url": "http://localhost:8000/",
        "customer": {"email": "a@example.com"},
    }
    opened = requests.post(
        f"{running.base_url}/payments", json=order, headers={"Authorization": f"Bearer {key}"}, timeout=5
    )
    assert opened.status_code == 200
    running.admin.pay("AP-1", delay=60)  # one second at this scale
    assert running.end(signal.SIGKILL) == -signal.SIGKILL

    again = Process(tmp_path, receiver, FLUTTERWAVE_SECRET_KEY=key)
    assert receiver.wait_for(1)[0].body["data"]["tx_ref"] == "AP-1"
    assert again.end(signal.SIGTERM) == 0


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = subprocess.run(
            [sys.executable, "-m", "aurapark.devstack.sandbox"],
            cwd=ROOT,
            env=os.environ | {"SANDBOX_STATE_DIR": str(tmp_path), "SANDBOX_PORT": str(taken.getsockname()[1])},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("sandbox: cannot listen on 127.0.0.1:")
