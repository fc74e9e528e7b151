"""Stripe: Checkout Sessions, their charges, closing a session, refunds. Field names of theirs end at this file's edge
and that of its neighbours (`stripe_…`). A charge of the port is a Charge of theirs: each try of the payer is one.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aurapark import clock
from aurapark.breaker import Breaker
from aurapark.payments import stripe_disputes, stripe_refunds
from aurapark.payments.calls import TIMEOUTS
from aurapark.payments.gateway import (
    FAILED,
    PENDING,
    SUCCESSFUL,
    Charge,
    Checkout,
    GatewayDispute,
    GatewayRefund,
    GatewayRefused,
)
from aurapark.payments.gateway import GatewayUncertain as Uncertain
from aurapark.payments.links import page_id
from aurapark.payments.models import Provider
from aurapark.payments.stripe_amounts import to_decimal, to_minor
from aurapark.payments.stripe_calls import StripeCalls, require_id, require_rows

SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{8,200}", re.ASCII)
EMAIL = re.compile(r"[^@\s]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}", re.ASCII)
SHORTEST_SESSION = 1800  # seconds; theirs
CLOCKS_APART = 600  # seconds by which our clock may be behind theirs
SEARCH_LAG = 3600  # seconds after which their search surely shows a payment; the list is exact at once
MOST_PAGES = 5
MOST_TRIES = 5  # pages of charges of one payment
STATES = {"succeeded": SUCCESSFUL, "failed": FAILED, "pending": PENDING}


class Stripe:
    """The gateway port over HTTP. One object per process: it keeps a connection and a breaker."""

    provider = Provider.STRIPE

    def __init__(
        self,
        *,
        base_url: str,
        secret_key: str,
        checkout_hosts: Sequence[str],
        timeouts: tuple[float, float] = TIMEOUTS,
        breaker: Breaker | None = None,
    ) -> None:
        self._calls = StripeCalls(base_url, secret_key, timeouts=timeouts, breaker=breaker)
        self._checkout_hosts = frozenset(host.lower() for host in checkout_hosts)

    def is_up(self) -> bool:
        """Say whether it answered lately."""
        return self._calls.up

    def open_checkout(self, checkout: Checkout) -> str:
        """Ask for a Checkout Session and return its address (never repeated; its idempotency key is the `tx_ref`).

        Raises GatewayRefused, and GatewayUncertain when the session may exist but its address cannot be used.
        """
        session = self._calls.post("/checkout/sessions", _session_fields(checkout), key=f"open:{checkout.tx_ref}")
        link = session.get("url")
        if not isinstance(link, str) or self._session_id(link) != session.get("id"):
            raise Uncertain("the answer carries no link we may show")
        return link

    def list_charges(self, tx_ref: str) -> list[Charge]:
        """Find the payments of this reference and read all their charges from the exact list.

        Sessions of the last hour are read from their list; older payments by their search, which is late by minutes.
        Raises GatewayRefused, GatewayUncertain.
        """
        found = dict.fromkeys([*self._recent_intents(tx_ref), *self._searched_intents(tx_ref)])
        charges = [charge for intent in found for charge in self._charges_of(intent, tx_ref)]
        return [charge for _, charge in sorted(charges, key=lambda dated: (dated[0], dated[1].gateway_tx_id))]

    def disable_link(self, link: str) -> None:
        """Expire a session that is open. Raises GatewayRefused when it is not, GatewayUncertain."""
        session_id = self._session_id(link)
        if session_id is None:
            raise GatewayRefused("no link of theirs")
        self._calls.post(f"/checkout/sessions/{session_id}/expire", {})

    def list_refunds(self, charge_id: str, since: datetime) -> list[GatewayRefund]:
        """Return all refunds of a charge, those that failed too. Raises GatewayRefused, GatewayUncertain."""
        return stripe_refunds.list_refunds(self._calls, charge_id, since)

    def refund(self, charge_id: str, amount: int, currency: str, comment: str) -> GatewayRefund:
        """Ask for one refund, never repeated.

        Raises GatewayRefused, GatewayNotNow, ShortOfFunds: nothing happened. GatewayUncertain: it may have happened.
        """
        return stripe_refunds.open_refund(self._calls, charge_id, amount, currency, comment)

    def get_refund(self, refund_id: str) -> GatewayRefund:
        """Return one refund as it is now. Raises GatewayRefused, GatewayUncertain."""
        return stripe_refunds.get_refund(self._calls, refund_id)

    def get_dispute(self, dispute_id: str, charge_id: str | None) -> GatewayDispute | None:  # noqa: ARG002  the port
        """Return one dispute as it is now. Raises GatewayRefused, GatewayNotNow, GatewayUncertain."""
        return stripe_disputes.get_dispute(self._calls, dispute_id)

    def _session_id(self, link: str) -> str | None:
        """Return the session of a link we may show; theirs carry a fragment that the page needs."""
        found = page_id(link, self._checkout_hosts, fragment=True)
        return found if found and SESSION_ID.fullmatch(found) else None

    def _recent_intents(self, tx_ref: str) -> list[str]:
        query = {"created": {"gte": int(clock.now().timestamp()) - SEARCH_LAG}}
        rows = self._calls.list_rows("/checkout/sessions", query, pages=MOST_PAGES)
        ours = [row for row in rows if row.get("client_reference_id") == tx_ref]
        return [_intent_id(row["payment_intent"]) for row in ours if row.get("payment_intent")]

    def _searched_intents(self, tx_ref: str) -> list[str]:
        quoted = tx_ref.replace("\\", "\\\\").replace("'", "\\'")
        page = self._calls.fetch("/payment_intents/search", {"query": f"metadata['tx_ref']:'{quoted}'", "limit": 100})
        return [require_id(row) for row in require_rows(page)]

    def _charges_of(self, intent: str, tx_ref: str) -> list[tuple[int, Charge]]:
        """Return the charges of one payment with the seconds of their making."""
        query = {"payment_intent": intent, "expand": ["data.balance_transaction"]}
        rows = list(self._calls.list_rows("/charges", query, pages=MOST_TRIES, whole=True))
        return [(int(row.get("created") or 0), _read_charge(row, intent, tx_ref)) for row in rows]


def _session_fields(checkout: Checkout) -> dict[str, Any]:
    about = {"tx_ref": checkout.tx_ref, "booking_ref": checkout.booking_reference, "attempt": checkout.attempt}
    back = f"{checkout.redirect_url}?{urlencode({'tx_ref': checkout.tx_ref})}"
    price = {
        "currency": checkout.currency.lower(),
        "unit_amount": to_minor(checkout.amount, checkout.currency),
        "product_data": {"name": checkout.description},
    }
    email = checkout.email if EMAIL.fullmatch(checkout.email or "") else None
    return {
        "mode": "payment",
        "client_reference_id": checkout.tx_ref,
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": back,
        "cancel_url": f"{back}&status=cancelled",
        "customer_email": email,
        "expires_at": int(clock.now().timestamp()) + max(checkout.session_seconds, SHORTEST_SESSION) + CLOCKS_APART,
        "adaptive_pricing": {"enabled": False},
        "metadata": about,
        "payment_intent_data": {"metadata": about, "description": checkout.description},
    }


def _read_charge(row: Mapping[str, Any], intent: str, tx_ref: str) -> Charge:
    """Return a row of theirs in our words. Raises GatewayUncertain when it is not certainly one of this reference."""
    charge = read_charge(row)
    if charge.tx_ref != tx_ref or _intent_id(row.get("payment_intent")) != intent:
        raise Uncertain("the answer is about no charge of this tx_ref")
    return charge


def read_charge(row: Mapping[str, Any]) -> Charge:
    """Return a row of theirs in our words; without a reference of ours its `tx_ref` is empty.

    Raises GatewayUncertain when it cannot be read.
    """
    about, amount = row.get("metadata"), to_decimal(row.get("amount"), row.get("currency"))
    tx_ref = about.get("tx_ref") if isinstance(about, dict) else None
    if amount is None:
        raise Uncertain("a charge that cannot be read")
    currency, status = str(row["currency"]).upper(), str(row.get("status"))
    if status == "succeeded" and row.get("captured") is not True:
        status = "pending"  # authorised: no money has moved
    fee, settled = _settlement(row.get("balance_transaction"), currency)
    return Charge(
        gateway_tx_id=require_id(row),
        tx_ref=tx_ref if isinstance(tx_ref, str) else "",
        status=STATES.get(status, status),
        amount=amount,
        currency=currency,
        fee=fee,
        settled=settled,
    )


def _settlement(movement: Any, currency: str) -> tuple[Any, Any]:
    """Return fee and net of their own books, when those are kept in the currency of the charge."""
    if not isinstance(movement, dict) or str(movement.get("currency")).upper() != currency:
        return None, None
    return to_decimal(movement.get("fee"), currency), to_decimal(movement.get("net"), currency)


def _intent_id(given: Any) -> str:
    """Return the id of a payment, written as its id or as the object itself."""
    return require_id(given if isinstance(given, dict) else {"id": given})
