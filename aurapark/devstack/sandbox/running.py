"""A sandbox for tests: started on a free port for the length of a `with`, and a hand on its admin API."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from aurapark.devstack.sandbox.server import RunningServer
from aurapark.devstack.sandbox.settings import Settings

NOWHERE = "http://localhost:9/"  # the discard port: webhooks of a test that listens to none fail at once


class Admin:
    """The admin API as methods. Each raises requests.HTTPError, with the sandbox's words, when it is refused."""

    def __init__(self, address: str) -> None:
        self._address = f"{address}/_sandbox"
        self._session = requests.Session()
        self._session.trust_env = False

    def pay(self, tx_ref: str | None = None, *, link: str | None = None, **how: Any) -> dict[str, Any]:
        """Act as the payer of a tx_ref or link: method, outcome, amount, currency, delay, phone, card, otp.

        Returns `charge` (None after cancel), `link_state` and `redirect_url` (None while the page stays).
        """
        return self._post("pay", tx_ref=tx_ref, link=link, **how)

    def fault(self, name: str, **how: Any) -> int:
        """Set a fault: endpoint or event, tx_ref, times (1; None is always), skip, and the fault's own parameters."""
        return int(self._post("faults", name=name, **how)["fault_id"])

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults set, with `fired` and `remaining`."""
        return self._get("faults")["faults"]  # type: ignore[no-any-return]

    def forget_faults(self) -> None:
        """Go back to the ordinary behaviour."""
        self._call("DELETE", "faults", json={})

    def requests(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the API calls received, oldest first; filters: endpoint, tx_ref, method, since."""
        return self._get("requests", **filters)["requests"]  # type: ignore[no-any-return]

    def forget_requests(self) -> None:
        """Start a new list of requests."""
        self._call("DELETE", "requests", json={})

    def links(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the hosted links; filters: tx_ref, limit."""
        return self._get("links", **filters)["links"]  # type: ignore[no-any-return]

    def charges(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the charges in the verify shape, oldest first; filters: tx_ref, limit."""
        return self._get("charges", **filters)["charges"]  # type: ignore[no-any-return]

    def refunds(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the refunds, oldest first; filters: tx_ref, limit."""
        return self._get("refunds", **filters)["refunds"]  # type: ignore[no-any-return]

    def transfers(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the transfers, oldest first; filters: tx_ref (the reference), limit."""
        return self._get("transfers", **filters)["transfers"]  # type: ignore[no-any-return]

    def return_transfer(self, transfer_id: int) -> None:
        """Let a transfer that succeeded come back as failed."""
        self._post(f"transfers/{transfer_id}/return")

    def deliveries(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the webhooks with every try; filters: tx_ref, limit."""
        return self._get("deliveries", **filters)["deliveries"]  # type: ignore[no-any-return]

    def make_charge(self, tx_ref: str, amount: float, **more: Any) -> dict[str, Any]:
        """Make a charge out of the blue: currency, status, method, created_at, email, name, phone, webhook."""
        return self._post("charges", tx_ref=tx_ref, amount=amount, **more)["charge"]  # type: ignore[no-any-return]

    def import_charges(self, rows: list[dict[str, Any]]) -> list[int]:
        """Make many charges without webhooks and return their ids; a tx_ref that has a charge keeps it."""
        return self._post("charges/bulk", charges=rows)["ids"]  # type: ignore[no-any-return]

    def succeed(self, charge_id: int) -> dict[str, Any]:
        """Turn a pending or failed charge into a successful one."""
        return self._post(f"charges/{charge_id}/succeed")["charge"]  # type: ignore[no-any-return]

    def send_webhook(self, **what: Any) -> list[int]:
        """Send a webhook by hand: charge_id, refund_id, transfer_id, test=True, or body with hash and tx_ref."""
        return self._post("webhooks", **what)["delivery_ids"]  # type: ignore[no-any-return]

    def send_webhooks_to(self, url: str) -> None:
        """Send webhooks to another address from now on, until a reset."""
        self._post("webhook-url", url=url)

    def balance(self, currency: str = "XAF") -> dict[str, str]:
        """Return the parts of a balance as decimal texts."""
        return self._get("balance", currency=currency)

    def set_balance(self, amount: float, currency: str = "XAF") -> None:
        """Make the available balance this amount."""
        self._post("balance", amount=amount, currency=currency)

    def advance(self, seconds: float) -> None:
        """Let so many sandbox seconds pass at once and what became due happen."""
        self._post("clock", advance=seconds)
        self.wait_until_idle()

    def wait_until_idle(self, *, timeout: float = 10.0) -> None:
        """Wait until nothing is due or on its way. Raises TimeoutError."""
        give_up = time.monotonic() + timeout
        while self._get("due")["due"]:
            if time.monotonic() > give_up:
                raise TimeoutError("the sandbox still has work that is due")
            time.sleep(0.01)

    def reset(self) -> None:
        """Forget everything; ids are never given out again."""
        self._post("reset")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._call("GET", path, params=query)

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        response = self._session.request(method, f"{self._address}/{path}", timeout=60, **how)
        if not response.ok:
            raise requests.HTTPError(f"{response.status_code}: {response.text}", response=response)
        answer: dict[str, Any] = response.json()
        return answer


class RunningSandbox:
    """A sandbox that runs: `base_url` (ends in /v3), `address`, `settings`, `admin`."""

    def __init__(self, settings: Settings) -> None:
        self._server = RunningServer(settings)
        self._server.start()
        self.settings = self._server.settings
        self.address = self.settings.public_url
        self.base_url = f"{self.address}/v3"
        self.admin = Admin(self.address)

    def stop(self) -> None:
        """Stop it; its state folder keeps what it knows."""
        self.admin.close()
        self._server.stop()

    def __enter__(self) -> "RunningSandbox":
        """Return the sandbox, already running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()


@contextmanager
def running_sandbox(state_dir: Path, *, webhook_url: str = NOWHERE, **settings: Any) -> Iterator[RunningSandbox]:
    """Run a sandbox in this process, on a free port, until the `with` ends.

    The same `state_dir` given again continues where the last one stopped. `settings` are fields of Settings.
    """
    chosen = replace(Settings(port=0, prompt_seconds=0), state_dir=state_dir, webhook_url=webhook_url, **settings)
    with RunningSandbox(chosen) as sandbox:
        yield sandbox
