"""Stripe's lists of charges, refunds, payouts and disputes: 100 rows a page after a cursor, newest first, ids as text.

A payout is what we call a settlement. What it took from our balance is read from its balance transactions: charges less
refunds and disputes, as they were booked; everything else it holds (their fees) is what they kept.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from aurapark.log import log_event
from aurapark.payments.gateway import Charge, GatewayDispute, GatewayRefund, GatewayUncertain
from aurapark.payments.gateway_lists import ListedSettlement
from aurapark.payments.stripe import read_charge
from aurapark.payments.stripe_amounts import to_decimal
from aurapark.payments.stripe_calls import StripeCalls, require_id
from aurapark.payments.stripe_disputes import read_dispute
from aurapark.payments.stripe_refunds import read_refund
from aurapark.payments.transfers import GatewayTransfer

MOST_PAGES = 5_000
PAID = "paid"
BOOKED = ("charge", "payment", "refund", "payment_refund", "refund_failure", "payment_failure_refund", "adjustment")

T = TypeVar("T")
Row = Mapping[str, Any]


class StripeLists:
    """The lists over HTTP. `calls` keeps a connection and a breaker of its own: a long list never stops a sale."""

    def __init__(self, calls: StripeCalls) -> None:
        self._calls = calls

    def list_transactions(self, from_day: date, to_day: date) -> list[Charge]:
        """Return all tries of these days (GET /charges). Raises GatewayRefused, GatewayUncertain."""
        more = {"expand": ["data.balance_transaction"]}
        return _readable(self._rows("/charges", from_day, to_day, more), read_charge)

    def list_gateway_refunds(self, from_day: date, to_day: date) -> list[GatewayRefund]:
        """Return all refunds of these days (GET /refunds). Raises GatewayRefused, GatewayUncertain."""
        return _readable(self._rows("/refunds", from_day, to_day), read_refund)

    def list_disputes(self, from_day: date, to_day: date) -> list[GatewayDispute]:
        """Return all disputes of these days (GET /disputes). Raises GatewayRefused, GatewayUncertain."""
        return _readable(self._rows("/disputes", from_day, to_day), read_dispute)

    def list_settlements(self, from_day: date, to_day: date) -> list[ListedSettlement]:
        """Return all payouts begun on these days (GET /payouts). Raises GatewayRefused, GatewayUncertain."""
        payouts = _readable(self._rows("/payouts", from_day, to_day), _read_payout)
        return [self._with_taken(payout) for payout in payouts]

    def list_transfers(self, from_day: date, to_day: date) -> list[GatewayTransfer]:  # noqa: ARG002  the port's names
        """Return nothing: agencies are not paid through Stripe."""
        return []

    def _rows(self, path: str, from_day: date, to_day: date, more: Row | None = None) -> Iterable[Row]:
        end = datetime.combine(to_day + timedelta(days=1), time(), UTC)
        start = datetime.combine(from_day, time(), UTC)
        query = {"created": {"gte": int(start.timestamp()), "lt": int(end.timestamp())}, **(more or {})}
        return self._calls.list_rows(path, query, pages=MOST_PAGES, whole=True)

    def _with_taken(self, payout: ListedSettlement) -> ListedSettlement:
        if not (payout.done and payout.bookable):
            return payout
        taken = self._taken(payout.settlement_id, payout.currency)
        return replace(payout, bookable=False) if taken is None else replace(payout, taken=taken)

    def _taken(self, payout_id: str, currency: str) -> Decimal | None:
        """Return what a payout took from what we have booked; None when some of it was in another currency."""
        query = {"payout": payout_id, "expand": ["data.source"]}
        taken = Decimal(0)
        for row in self._calls.list_rows("/balance_transactions", query, pages=MOST_PAGES, whole=True):
            amount, source = to_decimal(row.get("amount"), row.get("currency")), row.get("source")
            if amount is None:
                raise GatewayUncertain("a balance transaction that cannot be read")
            if row.get("type") not in BOOKED:
                continue
            theirs = source.get("currency") if isinstance(source, dict) else None
            if str(row["currency"]).upper() != currency or str(theirs or currency).upper() != currency:
                return None
            taken += amount
        return taken


def _read_payout(row: Row) -> ListedSettlement:
    """Read a payout. Which transactions are in it is known for automatic ones alone, and once they have finished it."""
    net = to_decimal(row.get("amount"), row.get("currency"))
    if net is None:
        raise GatewayUncertain("a payout that cannot be read")
    done = row.get("status") == PAID and row.get("reconciliation_status") != "in_progress"
    currency, automatic = str(row["currency"]).upper(), row.get("automatic") is True
    payout_id = require_id(row)
    return ListedSettlement(
        settlement_id=payout_id, currency=currency, taken=net, net=net, done=done, bookable=automatic
    )


def _readable(rows: Iterable[Row], read: Callable[[Row], T]) -> list[T]:
    """Return each row once, oldest first. One that cannot be read is told to people and holds up no other."""
    found: dict[str, T] = {}
    for row in rows:
        try:
            found[require_id(row)] = read(row)
        except GatewayUncertain as error:
            log_event("gateway_row_unreadable", level=logging.ERROR, id=str(row.get("id"))[:30], why=error)
    return list(found.values())[::-1]
