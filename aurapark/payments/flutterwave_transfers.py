"""Transfers at Flutterwave v3: sending money to a wallet or a bank, finding it again by our reference, and its words.

Their list has a filter `reference` whose effect nobody documents: the list is read whole and looked through here.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from aurapark.breaker import Breaker
from aurapark.payments.calls import TIMEOUTS, read_number
from aurapark.payments.flutterwave_calls import GATEWAY_ID, Calls, fields, require_accepted
from aurapark.payments.gateway import GatewayRefused, GatewayUncertain
from aurapark.payments.models import Provider
from aurapark.payments.transfers import Beneficiary, GatewayTransfer, TransferOrder, TransferOutcome

MOST_PAGES = 500
MOBILE_MONEY, COUNTRY = "FMM", "CM"
LONGEST_NARRATION = 100
OUTCOMES = {"SUCCESSFUL": TransferOutcome.SUCCEEDED, "FAILED": TransferOutcome.FAILED}


class FlutterwaveTransfers:
    """Transfers over HTTP, with a connection and a breaker of their own: a payout never stops a sale."""

    provider = Provider.FLUTTERWAVE

    def __init__(
        self,
        base_url: str,
        secret_key: str,
        *,
        timeouts: tuple[float, float] = TIMEOUTS,
        breaker: Breaker | None = None,
    ) -> None:
        self._calls = Calls(base_url, secret_key, timeouts=timeouts, breaker=breaker)

    def is_up(self) -> bool:
        """Say whether it answered lately."""
        return self._calls.up

    def can_pay(self, amount: int, currency: str, *, to_bank: bool) -> bool:
        """Compare what is available (GET /balances) with the amount and what they say it costs (GET /transfers/fee)."""
        status, body = self._calls.get(f"/balances/{currency}")
        require_accepted(status, body)
        available = read_number(fields(body).get("available_balance"))
        if available is None:
            raise GatewayUncertain("a balance that cannot be read")
        return available >= amount + self._fee(amount, currency, to_bank=to_bank)

    def list_transfers(self, since: date) -> list[GatewayTransfer]:
        """Read the list from a day on (GET /transfers); rows that come twice, because pages shift, are kept once."""
        rows = self._calls.list_rows("/transfers", {"from": since.isoformat()}, pages=MOST_PAGES, whole=True)
        found = {one.transfer_id: one for one in map(read_transfer, rows)}
        return [found[key] for key in sorted(found, key=int)]

    def send(self, order: TransferOrder) -> GatewayTransfer:
        """POST one transfer. The answer is believed only when it is about this reference, amount and currency."""
        body = {
            "account_bank": self._bank_code(order.to),
            "account_number": order.to.number.removeprefix("+"),
            "beneficiary_name": order.to.holder,
            "amount": order.amount,
            "currency": order.currency,
            "debit_currency": order.currency,
            "reference": order.reference,
            "narration": order.narration[:LONGEST_NARRATION],
        }
        status, answer = self._calls.send("POST", "/transfers", json=body)
        require_accepted(status, answer)
        sent = read_transfer(fields(answer))
        if (sent.reference, sent.amount, sent.currency) != (order.reference, Decimal(order.amount), order.currency):
            raise GatewayUncertain("the answer is about another transfer")
        return sent

    def get_transfer(self, transfer_id: str) -> GatewayTransfer:
        """GET one transfer by its own id."""
        if not GATEWAY_ID.fullmatch(transfer_id):
            raise GatewayRefused("no id of theirs")
        status, body = self._calls.get(f"/transfers/{transfer_id}")
        require_accepted(status, body)
        transfer = read_transfer(fields(body))
        if transfer.transfer_id != transfer_id:
            raise GatewayUncertain("the answer is about another transfer")
        return transfer

    def _fee(self, amount: int, currency: str, *, to_bank: bool) -> Decimal:
        kind = "account" if to_bank else "mobilemoney"
        query = {"amount": amount, "currency": currency, "type": kind}
        status, body = self._calls.get("/transfers/fee", params=query)
        require_accepted(status, body)
        rows = body.get("data")
        row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
        fee = read_number(row.get("fee"))
        if fee is None:
            raise GatewayUncertain("a fee that cannot be read")
        return fee

    def _bank_code(self, to: Beneficiary) -> str:
        """Return their code of the bank, found by its name; nothing is sent where that is not certain."""
        if to.bank is None:
            return MOBILE_MONEY
        status, body = self._calls.get(f"/banks/{COUNTRY}")
        require_accepted(status, body)
        rows = body.get("data")
        listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        codes = {str(row.get("code")) for row in listed if _plain(str(row.get("name"))) == _plain(to.bank)}
        if len(codes) != 1:
            raise GatewayRefused("their list of banks has not exactly one of this name")
        return codes.pop()


def read_transfer(row: Mapping[str, Any]) -> GatewayTransfer:
    """Return a row of theirs in our words. Raises GatewayUncertain when it cannot be read: no row may be overlooked."""
    transfer_id, reference, currency = str(row.get("id")), row.get("reference"), row.get("currency")
    amount, status = read_number(row.get("amount")), str(row.get("status")).upper()[:40]
    if not GATEWAY_ID.fullmatch(transfer_id) or amount is None or not isinstance(reference, str):
        raise GatewayUncertain("a transfer that cannot be read")
    return GatewayTransfer(
        transfer_id=transfer_id,
        reference=reference,
        amount=amount,
        currency=str(currency),
        fee=read_number(row.get("fee")) or Decimal(0),
        outcome=OUTCOMES.get(status, TransferOutcome.SENT),
        status=status,
        why=str(row.get("complete_message") or "")[:200],
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()
