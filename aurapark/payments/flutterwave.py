"""Flutterwave v3: hosted checkout, verification, closing a link, refunds. Field names of theirs end at this file's edge
and that of its neighbours (`flutterwave_…`). Amounts are whole units as JSON numbers out and Decimal in; ids are text.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aurapark.breaker import Breaker
from aurapark.payments import flutterwave_disputes, flutterwave_refunds
from aurapark.payments.calls import TIMEOUTS, read_number
from aurapark.payments.flutterwave_calls import GATEWAY_ID, Calls, fields, require_accepted
from aurapark.payments.gateway import (
    SUCCESSFUL,
    Charge,
    Checkout,
    GatewayDispute,
    GatewayError,
    GatewayRefund,
    GatewayUncertain,
)
from aurapark.payments.links import page_id
from aurapark.payments.models import Provider

MOST_PAGES = 5  # of ten rows each, for one tx_ref
PAYMENT_OPTIONS = "card, mobilemoneyfranco"
MOST_TRIES_ON_PAGE = 3
LINK_ID = re.compile(r"[A-Za-z0-9_-]{10,100}", re.ASCII)
EMAIL = re.compile(r"[^@\s]{1,64}@(?:[a-z0-9-]{1,63}\.)+(?P<end>[a-z]{2,24})", re.ASCII | re.IGNORECASE)
KNOWN_ENDS = frozenset(
    ["com", "net", "org", "info", "biz", "edu", "gov", "int", "name", "pro", "africa", "app", "cloud", "dev", "email"]
)
NOT_FOUND = (400, 404)  # with their envelope, when a charge is asked for: nobody has tried to pay yet


class Flutterwave:
    """The gateway port over HTTP. One object per process: it keeps a connection and a breaker."""

    provider = Provider.FLUTTERWAVE

    def __init__(
        self,
        *,
        base_url: str,
        secret_key: str,
        checkout_hosts: Sequence[str],
        mail_domain: str,
        timeouts: tuple[float, float] = TIMEOUTS,
        breaker: Breaker | None = None,
    ) -> None:
        self._calls = Calls(base_url, secret_key, timeouts=timeouts, breaker=breaker)
        self._checkout_hosts = frozenset(host.lower() for host in checkout_hosts)
        self._mail_domain = mail_domain

    def is_up(self) -> bool:
        """Say whether it answered lately."""
        return self._calls.up

    def open_checkout(self, checkout: Checkout) -> str:
        """Ask for a hosted page and return its address (POST /payments, never repeated).

        Raises GatewayRefused, and GatewayUncertain when the page may exist but its address cannot be used.
        """
        status, body = self._calls.send("POST", "/payments", json=self._checkout_body(checkout))
        require_accepted(status, body)
        link = fields(body).get("link")
        if not isinstance(link, str) or not is_checkout_link(link, self._checkout_hosts):
            raise GatewayUncertain("the answer carries no link we may show")
        return link

    def list_charges(self, tx_ref: str) -> list[Charge]:
        """Ask by reference and by the list: one tx_ref can hold several tries, and which one the first way shows is
        not known. A success counts only after it was verified by its own id.

        Raises GatewayRefused, GatewayUncertain.
        """
        found: dict[str, Charge] = {}
        latest = self._verify("/transactions/verify_by_reference", tx_ref, params={"tx_ref": tx_ref})
        if latest:
            found[latest.gateway_tx_id] = latest
        try:
            rows = self._listed(tx_ref)
        except GatewayError:
            if latest and latest.status == SUCCESSFUL:
                return [latest]  # money that was verified counts, whatever the second question comes to
            raise
        for row in rows:
            charge = read_charge(row)
            if charge is None or charge.tx_ref != tx_ref or charge.gateway_tx_id in found:
                continue
            if charge.status == SUCCESSFUL:
                charge = self._verify(f"/transactions/{charge.gateway_tx_id}/verify", tx_ref)
            if charge:
                found[charge.gateway_tx_id] = charge
        return sorted(found.values(), key=lambda charge: int(charge.gateway_tx_id))

    def disable_link(self, link: str) -> None:
        """Close a link (POST /payments/link/disable). Raises GatewayRefused when it was closed, GatewayUncertain."""
        status, body = self._calls.send("POST", "/payments/link/disable", json={"link": link})
        require_accepted(status, body)

    def list_refunds(self, charge_id: str, since: datetime) -> list[GatewayRefund]:
        """Return all refunds of a charge, those that failed too (GET /refunds).

        Raises GatewayRefused, GatewayUncertain.
        """
        return flutterwave_refunds.list_refunds(self._calls, charge_id, since)

    def refund(self, charge_id: str, amount: int, currency: str, comment: str) -> GatewayRefund:
        """Ask for one refund (POST /transactions/{id}/refund, never repeated).

        Raises GatewayRefused, GatewayNotNow, ShortOfFunds: nothing happened. GatewayUncertain: it may have happened.
        """
        return flutterwave_refunds.open_refund(self._calls, charge_id, amount, currency, comment)

    def get_refund(self, refund_id: str) -> GatewayRefund:
        """Return one refund as it is now (GET /refunds/{id}). Raises GatewayRefused, GatewayUncertain."""
        return flutterwave_refunds.get_refund(self._calls, refund_id)

    def get_dispute(self, dispute_id: str, charge_id: str | None) -> GatewayDispute | None:
        """Return one dispute as it is now (GET /chargebacks). Raises GatewayRefused, GatewayUncertain."""
        return flutterwave_disputes.get_dispute(self._calls, dispute_id, charge_id)

    def _checkout_body(self, checkout: Checkout) -> dict[str, Any]:
        customer = {"email": self._email(checkout), "phonenumber": checkout.phone.lstrip("+")}
        if checkout.name:
            customer["name"] = checkout.name
        return {
            "tx_ref": checkout.tx_ref,
            "amount": checkout.amount,
            "currency": checkout.currency,
            "redirect_url": checkout.redirect_url,
            "payment_options": PAYMENT_OPTIONS,
            "customer": customer,
            "customizations": {"title": "AuraPark", "description": checkout.description},
            "meta": {"booking_ref": checkout.booking_reference, "attempt": checkout.attempt},
            "configurations": {
                "session_duration": -(-checkout.session_seconds // 60),
                "max_retry_attempt": MOST_TRIES_ON_PAGE,
            },
        }

    def _email(self, checkout: Checkout) -> str:
        """Return the payer's address when its domain is a public one, else one of ours: they refuse all others."""
        given = EMAIL.fullmatch(checkout.email or "")
        if given and (len(given["end"]) == 2 or given["end"].lower() in KNOWN_ENDS):
            return given[0]
        return f"{checkout.booking_reference.lower()}@{self._mail_domain}"

    def _verify(self, path: str, tx_ref: str, **how: Any) -> Charge | None:
        """Return a charge that is certainly of this tx_ref, None when there is none."""
        status, body = self._calls.get(path, **how)
        if status in NOT_FOUND and body.get("status") == "error":
            return None
        require_accepted(status, body)
        charge = read_charge(fields(body))
        if charge is None or charge.tx_ref != tx_ref:
            raise GatewayUncertain("the answer is about no charge of this tx_ref")
        return charge

    def _listed(self, tx_ref: str) -> list[Mapping[str, Any]]:
        return list(self._calls.list_rows("/transactions", {"tx_ref": tx_ref}, pages=MOST_PAGES))


def is_checkout_link(link: str, hosts: frozenset[str]) -> bool:
    """Say whether we may send somebody to this address: a page on one of these hosts whose path ends in an id."""
    return bool(LINK_ID.fullmatch(page_id(link, hosts) or ""))


def read_charge(row: Mapping[str, Any]) -> Charge | None:
    """Return a row of theirs in our words, None when it has no usable id, reference or amount."""
    charge_id, amount = str(row.get("id")), read_number(row.get("amount"))
    tx_ref, currency = row.get("tx_ref"), row.get("currency")
    if not GATEWAY_ID.fullmatch(charge_id) or amount is None:
        return None
    if not isinstance(tx_ref, str) or not isinstance(currency, str):
        return None
    return Charge(
        gateway_tx_id=charge_id,
        tx_ref=tx_ref,
        status=str(row.get("status")),
        amount=amount,
        currency=currency,
        fee=read_number(row.get("app_fee")),
        settled=read_number(row.get("amount_settled")),
    )
