"""Hosted payment links: opened by `POST /payments`, closed by the payer, the merchant or the end of the session."""

import json
import logging
import re
import secrets
import time
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from zlib import crc32

from aurapark.devstack.sandbox import faults
from aurapark.devstack.sandbox.answers import Refused
from aurapark.devstack.sandbox.bench import Bench, stamp, to_json
from aurapark.devstack.sandbox.money import number, read_amount
from aurapark.devstack.sandbox.store import Database, Row, insert

log = logging.getLogger("aurapark.sandbox")

CURRENCIES = {
    "XAF", "XOF", "NGN", "GHS", "KES", "UGX", "TZS", "RWF", "ZMW", "ZAR", "MWK", "SLL", "EGP", "ETB", "MAD",
    "USD", "EUR", "GBP", "CAD",
}  # fmt: skip
OPTIONS = ("card", "mobilemoneyfranco")
METHODS = {"mobilemoneyfranco": ("mtn", "orange"), "card": ("card",)}
RESERVED = {"test", "invalid", "localhost"}
DEFAULT_SESSION_MINUTES = 30
MAX_SESSION_MINUTES = 1440
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
LINK_PATH = "/v3/hosted/pay/"
MISSING = "One or more required parameters missing"
BAD_MAIL = "customer.email: Customer email must be a valid email"


def open_link(bench: Bench, db: Database, body: Any) -> str:
    """Open a link for a payment request and return its id. Raises Refused with their words."""
    wanted = body if isinstance(body, dict) else {}
    customer = wanted.get("customer")
    if not isinstance(customer, dict) or not all(
        (wanted.get("tx_ref"), wanted.get("amount"), wanted.get("redirect_url"), customer.get("email"))
    ):
        raise Refused(MISSING)
    tx_ref = str(wanted["tx_ref"]).strip()
    amount = read_amount(wanted["amount"])
    if amount is None:
        raise Refused("amount must be a number greater than 0")
    currency = _read_currency(wanted.get("currency"))
    _require_web_address(wanted["redirect_url"])
    _require_mail(db, str(customer["email"]), tx_ref)
    _require_new(db, tx_ref)

    link_id = _new_link_id(bench.clock.now())
    minutes, max_attempts = _read_configurations(wanted.get("configurations"))
    texts = wanted.get("customizations")
    texts = texts if isinstance(texts, dict) else {}
    insert(
        db,
        "link",
        {
            "link_id": link_id,
            "tx_ref": tx_ref,
            "amount": to_json(number(amount)),
            "currency": currency,
            "redirect_url": wanted["redirect_url"],
            "methods": to_json(_methods(wanted.get("payment_options"), currency)),
            "customer": to_json(read_customer(customer, bench.clock.now())),
            "title": str(texts.get("title") or bench.settings.merchant),
            "description": str(texts.get("description") or ""),
            "meta": to_json(wanted.get("meta") if isinstance(wanted.get("meta"), dict) else None),
            "flags": to_json(_flags(wanted)),
            "max_attempts": max_attempts,
            "opened_at": bench.clock.now(),
            "ends_at": bench.clock.after(minutes * 60),
        },
    )
    log.info("link_opened tx_ref=%s", tx_ref)
    bench.wake.set()
    return link_id


def address(bench: Bench, link_id: str) -> str:
    """Return the web address of a link."""
    return f"{bench.settings.public_url}{LINK_PATH}{link_id}"


def find_link(db: Database, link_id: str) -> Row | None:
    """Return the link with this id, or None."""
    row: Row | None = db.execute("SELECT * FROM link WHERE link_id = ?", (link_id,)).fetchone()
    return row


def find_link_of(db: Database, tx_ref: str) -> Row | None:
    """Return the newest link of a tx_ref, or None."""
    row: Row | None = db.execute(
        "SELECT * FROM link WHERE tx_ref = ? ORDER BY opened_at DESC, link_id DESC LIMIT 1", (tx_ref,)
    ).fetchone()
    return row


def disable(db: Database, link: Any) -> None:
    """Close a link for good; a prompt already on a phone lives on. Raises Refused."""
    row = find_link(db, str(link or "").rsplit("/", 1)[-1])
    if row is None:
        raise Refused("Invalid payment link")
    if row["state"] != "open":
        raise Refused("This payment link is currently inactive")
    set_state(db, row["link_id"], "disabled")


def set_state(db: Database, link_id: str, state: str) -> None:
    """Move a link to another state."""
    db.execute("UPDATE link SET state = ? WHERE link_id = ?", (state, link_id))


def way_back(db: Database, link: Row) -> str | None:
    """Return where the payer is sent now, or None while the page stays."""
    answers = {"status": link["state"], "tx_ref": link["tx_ref"]}
    if link["state"] == "paid":
        if faults.take(db, ("no_redirect",), tx_ref=link["tx_ref"]):
            return None
        word = faults.take(db, ("redirect_status",), tx_ref=link["tx_ref"])
        answers["status"] = word.params.get("value", "completed") if word else "successful"
        charge = db.execute(
            "SELECT min(charge_id) AS id FROM charge WHERE link_id = ? AND status = 'successful'", (link["link_id"],)
        ).fetchone()
        answers["transaction_id"] = str(charge["id"])
    elif link["state"] not in ("cancelled", "failed"):
        return None
    return _with_query(link["redirect_url"], answers)


def read_customer(customer: dict[str, Any], now: float) -> dict[str, Any]:
    """Return the customer as charges carry it: phone_number, and the e-mail rewritten as in test mode."""
    email = str(customer.get("email") or "payer@example.com")
    return {
        "id": 1_000_000 + crc32(email.encode()) % 9_000_000,
        "name": str(customer.get("name") or "Anonymous customer"),
        "phone_number": str(customer["phonenumber"]) if customer.get("phonenumber") else None,
        "email": f"ravesb_333b1e91da8be57d5cdf_{email}",
        "created_at": stamp(now),
    }


def _read_currency(value: Any) -> str:
    currency = str(value or "NGN")
    if currency not in CURRENCIES:
        raise Refused(f"Invalid currency {currency}")
    return currency


def _require_web_address(value: Any) -> None:
    parts = urlsplit(value) if isinstance(value, str) else None
    if not parts or parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:\[\]-]+", parts.netloc):
        raise Refused("redirect_url must be a valid URL")


def _require_mail(db: Database, email: str, tx_ref: str) -> None:
    found = re.fullmatch(r"[^\s@<>\"']+@(?:[\w-]+\.)+([A-Za-z][\w-]*)", email)
    reserved = {"example"} if faults.take(db, ("refuse_example_mail",), tx_ref=tx_ref) else set()
    if not found or found[1].lower() in RESERVED | reserved:
        raise Refused(BAD_MAIL)


def _require_new(db: Database, tx_ref: str) -> None:
    if find_link_of(db, tx_ref) and faults.take(db, ("duplicate_tx_ref",), tx_ref=tx_ref):
        raise Refused("Duplicate transaction reference")


def _read_configurations(value: Any) -> tuple[float, int | None]:
    nested = value if isinstance(value, dict) else {}
    minutes = read_amount(nested.get("session_duration"))
    attempts = read_amount(nested.get("max_retry_attempt"))
    return (
        min(float(minutes or DEFAULT_SESSION_MINUTES), MAX_SESSION_MINUTES),
        int(attempts) if attempts and attempts >= 1 else None,
    )


def _options(value: Any) -> list[str]:
    return [option.strip() for option in str(value).split(",") if option.strip()]


def _methods(payment_options: Any, currency: str) -> list[str]:
    wanted = _options(payment_options) if payment_options else list(OPTIONS)
    usable = ("mobilemoneyfranco", "card") if currency in ("XAF", "XOF") else ("card",)
    return [method for option in usable if option in wanted for method in METHODS[option]]


def _flags(wanted: dict[str, Any]) -> list[str]:
    """Name what they would let pass in silence and a merchant would regret."""
    flags = [f"unknown payment option {option}" for option in _options(wanted.get("payment_options") or "")
             if option not in OPTIONS]  # fmt: skip
    flags += [f"{name} at top level is ignored" for name in ("session_duration", "max_retry_attempt") if name in wanted]
    if not wanted.get("currency"):
        flags.append("no currency: NGN")
    return flags


def _new_link_id(now: float) -> str:
    value = (int(now * 1000) << 80) | secrets.randbits(80)
    return "flwlnk-" + "".join(CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def _with_query(url: str, answers: dict[str, str]) -> str:
    parts = urlsplit(url)
    added = urlencode(answers, quote_via=quote)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def read_json(row: Row, column: str) -> Any:
    """Return the value of a column that holds JSON."""
    return json.loads(row[column])


def new_flw_ref(payment_type: str) -> str:
    """Return a reference of theirs for one attempt."""
    if payment_type == "card":
        return f"FLW-MOCK-{secrets.token_hex(16)}"
    return f"FLWTK{secrets.randbelow(90000) + 10000}MCK{int(time.time() * 1000)}"
