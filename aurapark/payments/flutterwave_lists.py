"""Flutterwave's lists of transactions, refunds and settlements: 10 or 20 rows a page, newest first, ids as text.

Pages shift while rows arrive, so that rows come twice: each is kept once, by its id, as it was read last.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from aurapark.log import log_event
from aurapark.payments.calls import read_number
from aurapark.payments.flutterwave import read_charge
from aurapark.payments.flutterwave_calls import GATEWAY_ID, Calls
from aurapark.payments.flutterwave_disputes import read_dispute
from aurapark.payments.flutterwave_refunds import read_refund
from aurapark.payments.flutterwave_transfers import read_transfer
from aurapark.payments.gateway import Charge, GatewayDispute, GatewayRefund, GatewayUncertain
from aurapark.payments.gateway_lists import ListedSettlement
from aurapark.payments.transfers import GatewayTransfer

MOST_PAGES = 5_000
DONE = "completed"

T = TypeVar("T")
Row = Mapping[str, Any]


class FlutterwaveLists:
    """The lists over HTTP. `calls` keeps a connection and a breaker of its own: a long list never stops a sale."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list_transactions(self, from_day: date, to_day: date) -> list[Charge]:
        """Return all tries of these days (GET /transactions). Raises GatewayRefused, GatewayUncertain."""
        return _once(self._rows("/transactions", from_day, to_day), _readable_charge, lambda one: one.gateway_tx_id)

    def list_gateway_refunds(self, from_day: date, to_day: date) -> list[GatewayRefund]:
        """Return all refunds of these days (GET /refunds). Raises GatewayRefused, GatewayUncertain."""
        return _once(self._rows("/refunds", from_day, to_day), read_refund, lambda one: one.refund_id)

    def list_settlements(self, from_day: date, to_day: date) -> list[ListedSettlement]:
        """Return all settlements of these days (GET /settlements). Raises GatewayRefused, GatewayUncertain."""
        return _once(self._rows("/settlements", from_day, to_day), _read_settlement, lambda one: one.settlement_id)

    def list_transfers(self, from_day: date, to_day: date) -> list[GatewayTransfer]:
        """Return all transfers of these days (GET /transfers). Raises GatewayRefused, GatewayUncertain."""
        return _once(self._rows("/transfers", from_day, to_day), read_transfer, lambda one: one.transfer_id)

    def list_disputes(self, from_day: date, to_day: date) -> list[GatewayDispute]:
        """Return all disputes of these days (GET /chargebacks). Raises GatewayRefused, GatewayUncertain."""
        return _once(self._rows("/chargebacks", from_day, to_day), read_dispute, lambda one: one.dispute_id)

    def _rows(self, path: str, from_day: date, to_day: date) -> Iterable[Row]:
        query = {"from": from_day.isoformat(), "to": to_day.isoformat()}
        return self._calls.list_rows(path, query, pages=MOST_PAGES, whole=True)


def _once(rows: Iterable[Row], read: Callable[[Row], T], id_of: Callable[[T], str]) -> list[T]:
    """Return each row once, oldest first. One that cannot be read is told to people and holds up no other."""
    found: dict[str, T] = {}
    for row in rows:
        try:
            one = read(row)
        except GatewayUncertain as error:
            log_event("gateway_row_unreadable", level=logging.ERROR, id=str(row.get("id"))[:20], why=error)
            continue
        found[id_of(one)] = one
    return [found[key] for key in sorted(found, key=int)]


def _readable_charge(row: Row) -> Charge:
    charge = read_charge(row)
    if charge is None:
        raise GatewayUncertain("a charge that cannot be read")
    return charge


def _read_settlement(row: Row) -> ListedSettlement:
    """Read what was taken from our balance: charges as the payers were asked, less refunds and disputes taken before.

    A fee that payers bore (`merchant_fee`) is in their gross and never was ours.
    """
    settlement_id, currency, net = str(row.get("id")), row.get("currency"), read_number(row.get("net_amount"))
    gross = read_number(row.get("gross_amount"))
    if not GATEWAY_ID.fullmatch(settlement_id) or not isinstance(currency, str) or net is None or gross is None:
        raise GatewayUncertain("a settlement that cannot be read")
    less = sum((_number(row, name) for name in ("merchant_fee", "refund", "chargeback")), Decimal(0))
    done = row.get("status") == DONE
    return ListedSettlement(settlement_id=settlement_id, currency=currency, taken=gross - less, net=net, done=done)


def _number(row: Row, name: str) -> Decimal:
    return read_number(row.get(name)) or Decimal(0)
