"""Flutterwave v3: hosted checkout, verification, closing a link. Field names of theirs end at this file's edge.

What is sent once stays sent once: only GETs are repeated. Amounts are whole units as JSON numbers out and Decimal
in; ids are text. `message` is for people and never decides anything.
"""

import ipaddress
import random
import re
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

import requests

from aurapark.log import log_event
from aurapark.payments.breaker import Breaker
from aurapark.payments.gateway import SUCCESSFUL, Charge, Checkout, GatewayError, GatewayRefused, GatewayUncertain
from aurapark.payments.models import Provider

TIMEOUTS = (5.0, 35.0)  # connect, read; they give up after about 28 s and may have acted
GET_TRIES = 3
RETRY_WAIT = 0.4  # seconds, doubled each time, with jitter
NO_RETRY_AFTER = 10.0  # seconds spent on one GET
MOST_PAGES = 5  # of ten rows each, for one tx_ref
PAYMENT_OPTIONS = "card, mobilemoneyfranco"
MOST_TRIES_ON_PAGE = 3
CHARGE_ID = re.compile(r"\d{1,20}", re.ASCII)
LINK_ID = re.compile(r"[A-Za-z0-9_-]{10,100}", re.ASCII)
EMAIL = re.compile(r"[^@\s]{1,64}@(?:[a-z0-9-]{1,63}\.)+(?P<end>[a-z]{2,24})", re.ASCII | re.IGNORECASE)
KNOWN_ENDS = frozenset(
    ["com", "net", "org", "info", "biz", "edu", "gov", "int", "name", "pro", "africa", "app", "cloud", "dev", "email"]
)
NOT_FOUND = (400, 404)  # with their envelope, when a charge is asked for: nobody has tried to pay yet
CLEAR_NO = range(400, 500)
REQUEST_TIMEOUT = 408


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
        self._base_url = base_url.rstrip("/")
        self._checkout_hosts = frozenset(host.lower() for host in checkout_hosts)
        self._mail_domain = mail_domain
        self._timeouts = timeouts
        self._breaker = breaker or Breaker()
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc may stand between us and the gateway unseen
        self._session.headers.update({"Authorization": f"Bearer {secret_key}", "Content-Type": "application/json"})

    def is_up(self) -> bool:
        """Say whether it answered lately."""
        return self._breaker.closed

    def open_checkout(self, checkout: Checkout) -> str:
        """Ask for a hosted page and return its address (POST /payments, never repeated).

        Raises GatewayRefused, and GatewayUncertain when the page may exist but its address cannot be used.
        """
        status, body = self._send("POST", "/payments", json=self._checkout_body(checkout))
        self._require_accepted(status, body)
        fields = _fields(body)
        link = fields.get("link")
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
            charge = _read_charge(row)
            if charge is None or charge.tx_ref != tx_ref or charge.gateway_tx_id in found:
                continue
            if charge.status == SUCCESSFUL:
                charge = self._verify(f"/transactions/{charge.gateway_tx_id}/verify", tx_ref)
            if charge:
                found[charge.gateway_tx_id] = charge
        return sorted(found.values(), key=lambda charge: int(charge.gateway_tx_id))

    def disable_link(self, link: str) -> None:
        """Close a link (POST /payments/link/disable). Raises GatewayRefused when it was closed, GatewayUncertain."""
        status, body = self._send("POST", "/payments/link/disable", json={"link": link})
        self._require_accepted(status, body)

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
        status, body = self._get(path, **how)
        if status in NOT_FOUND and body.get("status") == "error":
            return None
        self._require_accepted(status, body)
        charge = _read_charge(_fields(body))
        if charge is None or charge.tx_ref != tx_ref:
            raise GatewayUncertain("the answer is about no charge of this tx_ref")
        return charge

    def _listed(self, tx_ref: str) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            status, body = self._get("/transactions", params={"tx_ref": tx_ref, "page": page})
            self._require_accepted(status, body)
            shown = body.get("data")
            if not isinstance(shown, list):
                raise GatewayUncertain("the list is no list")
            rows += [row for row in shown if isinstance(row, dict)]
            if page >= _pages(body):
                break
        return rows

    def _require_accepted(self, status: int, body: Mapping[str, Any]) -> None:
        if status in CLEAR_NO and status != REQUEST_TIMEOUT:
            raise GatewayRefused(f"HTTP {status}: {str(body.get('message'))[:100]}")
        if status != 200 or body.get("status") != "success":
            raise GatewayUncertain(f"HTTP {status} with envelope {str(body.get('status'))[:20]}")

    def _get(self, path: str, **how: Any) -> tuple[int, Mapping[str, Any]]:
        """GET, again after a network error, 429 or 5xx while there is time."""
        started = time.monotonic()
        for tried in range(1, GET_TRIES + 1):
            try:
                status, body = self._send("GET", path, **how)
                if status != 429 and status < 500:
                    return status, body
                trouble = GatewayUncertain(f"HTTP {status}")
            except GatewayUncertain as error:
                trouble = error
            if not self._breaker.closed or time.monotonic() - started > NO_RETRY_AFTER or tried == GET_TRIES:
                break
            time.sleep(RETRY_WAIT * 2 ** (tried - 1) * random.uniform(0.5, 1))  # noqa: S311  jitter, not a secret
        raise trouble

    def _send(self, method: str, path: str, **how: Any) -> tuple[int, Mapping[str, Any]]:
        """Send one request; returns status and JSON object (empty for a refusal without one).

        Raises GatewayUncertain when there is no answer or it cannot be read.
        """
        if not self._breaker.closed:
            raise GatewayUncertain("not asked: it did not answer lately")
        started = time.monotonic()
        try:
            response = self._session.request(
                method, self._base_url + path, timeout=self._timeouts, allow_redirects=False, **how
            )
            body = _read_json(response)
        except requests.RequestException as error:
            self._breaker.failed()
            log_event("gateway_silent", call=f"{method} {_pattern(path)}", error=type(error).__name__)
            raise GatewayUncertain(type(error).__name__) from None  # the error's text may hold the whole request
        took = round((time.monotonic() - started) * 1000)
        log_event("gateway_call", call=f"{method} {_pattern(path)}", status=response.status_code, ms=took)
        if body is None or response.status_code >= 500:
            self._breaker.failed()
            raise GatewayUncertain(f"HTTP {response.status_code} that cannot be read")
        self._breaker.answered()
        return response.status_code, body


def is_checkout_link(link: str, hosts: frozenset[str]) -> bool:
    """Say whether we may send somebody to this address: https (http on a loopback host), a host of the settings,
    nothing but a path, and that path ends in an id."""
    if re.search(r"[\s\\\x00-\x1f]", link):
        return False
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "") + (f":{port}" if port else "")
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    bare = not (parts.username or parts.password or parts.query or parts.fragment)
    return secure and bare and host in hosts and bool(LINK_ID.fullmatch(parts.path.rpartition("/")[2]))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_json(response: requests.Response) -> dict[str, Any] | None:
    """Return the envelope, None when it is none; a refusal needs no readable body to be a refusal."""
    try:
        body = response.json(parse_float=Decimal)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    return {} if response.status_code in CLEAR_NO else None


def _fields(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = body.get("data")
    if not isinstance(found, dict):
        raise GatewayUncertain("success without content")
    return found


def _read_charge(row: Mapping[str, Any]) -> Charge | None:
    """Return a row of theirs in our words, None when it has no usable id, reference or amount."""
    charge_id, amount = str(row.get("id")), _decimal(row.get("amount"))
    tx_ref, currency = row.get("tx_ref"), row.get("currency")
    if not CHARGE_ID.fullmatch(charge_id) or amount is None:
        return None
    if not isinstance(tx_ref, str) or not isinstance(currency, str):
        return None
    return Charge(
        gateway_tx_id=charge_id,
        tx_ref=tx_ref,
        status=str(row.get("status")),
        amount=amount,
        currency=currency,
        fee=_decimal(row.get("app_fee")),
        settled=_decimal(row.get("amount_settled")),
    )


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _pages(body: Mapping[str, Any]) -> int:
    meta = body.get("meta")
    page_info = meta.get("page_info") if isinstance(meta, dict) else None
    pages = page_info.get("total_pages") if isinstance(page_info, dict) else None
    return pages if isinstance(pages, int) else 1


def _pattern(path: str) -> str:
    return re.sub(r"/\d+", "/id", path)
