"""Typed settings, read once from the environment. The application refuses to start when one is wrong.

In development missing secrets are generated into var/, and the addresses of the embedded servers come from
var/embedded.json, which `aurapark run` writes while they live.
"""

import json
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_SECRET_KEY = "FLWSECK_TEST-5a11dbe77e57a11dbe77e57a11dbe77e-X"  # nosec B105  # noqa: S105  the sandbox's, published on purpose
SANDBOX_WEBHOOK_SECRET = "sandbox-webhook-secret"  # nosec B105  # noqa: S105  the sandbox's
THREE_DAYS = 72 * 3600  # seconds
MIN_SECRET_BYTES = 32
MIN_TOKEN_LENGTH = 16
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SMS_SENDER_LENGTH = 11
DEVELOPMENT_NAME = "AuraPark (development, no company)"


class SettingsError(Exception):
    """One line per wrong setting, each saying what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of the application. Times are seconds unless the name says otherwise."""

    env: str
    log_format: str
    metrics_token: str
    metrics_networks: tuple[str, ...]
    var: Path
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    ticket_signing_key: str
    site_url: str
    port: int
    web_workers: int
    web_threads: int
    sandbox_port: int
    database_url: str
    database_owner_url: str
    redis_url: str
    payment_gateway: str
    flutterwave_base_url: str
    flutterwave_checkout_hosts: tuple[str, ...]
    flutterwave_secret_key: str
    flutterwave_webhook_secret: str
    flutterwave_signature_secret: str
    stripe_base_url: str
    stripe_checkout_hosts: tuple[str, ...]
    stripe_secret_key: str
    stripe_webhook_secret: str
    hold_seconds: int
    payment_session_seconds: int
    payment_grace_seconds: int
    payout_account_wait_seconds: int
    sweep_seconds: int
    retry_base_seconds: int
    lease_seconds: int
    max_seats: int
    commission_percent: int
    jobs_secret: str
    mail_url: str
    mail_from: str
    tickets_mail_domain: str
    sms_url: str
    operator_mail: str
    operator_language: str
    legal_name: str
    legal_address: str
    legal_rccm: str
    legal_niu: str
    proxy_count: int
    rate_limits: bool

    @property
    def production(self) -> bool:
        """Say whether this is production: it changes what is refused and printed, never how a request is served."""
        return self.env == "production"

    @property
    def https(self) -> bool:
        """Say whether people reach the site over https."""
        return self.site_url.startswith("https://")

    @property
    def checkout_hosts(self) -> tuple[str, ...]:
        """Return the hosts of the chosen gateway's pages."""
        return self.stripe_checkout_hosts if self.payment_gateway == "stripe" else self.flutterwave_checkout_hosts

    @property
    def site_host(self) -> str:
        """Return the host of SITE_URL, without its port."""
        return urlsplit(self.site_url).hostname or ""


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process: the environment, and in development `.env` below it.

    Raises SettingsError that names every wrong setting.
    """
    given = dict(os.environ if environment is None else environment)
    if environment is None and given.get("AURAPARK_ENV", "development") != "production":
        given = {**{k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None}, **given}
    return _Reader(given).settings()


class _Reader:
    """Reads one environment, collecting what is wrong."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = {name: value.strip() for name, value in given.items()}
        self.wrong: list[str] = []

    def settings(self) -> Settings:
        env = self.word("AURAPARK_ENV", "development", ("development", "production"))
        production = env == "production"
        var = Path(self.given.get("AURAPARK_VAR") or ROOT / "var").resolve()
        port = self.number("PORT", 8000, 1, 65535)
        sandbox_port = self.number("SANDBOX_PORT", 8001, 1, 65535)
        site_url = self.url("SITE_URL", f"http://localhost:{port}", ("https",) if production else ("http", "https"))
        embedded = {} if production else _read_json(var / "embedded.json")
        database_url = self.server("DATABASE_URL", embedded.get("database_url"), "postgresql+psycopg")
        sandbox = "" if production else f"http://localhost:{sandbox_port}/v3"
        hosts = "checkout.flutterwave.com" + ("" if production else f",localhost:{sandbox_port}")
        gateway = self.word("PAYMENT_GATEWAY", "flutterwave", ("flutterwave", "stripe"))
        settings = Settings(
            env=env,
            log_format=self.word("LOG_FORMAT", "json" if production else "text", ("json", "text")),
            metrics_token=self.token("METRICS_TOKEN"),
            metrics_networks=self.networks("METRICS_NETWORKS", "127.0.0.0/8,::1/128"),
            var=var,
            secret_key=self.secret("SECRET_KEY", production, var, _new_secret),
            secret_key_fallbacks=self.names("SECRET_KEY_FALLBACKS", ""),
            ticket_signing_key=self.secret("TICKET_SIGNING_KEY", production, var, _new_signing_key),
            site_url=site_url,
            port=port,
            web_workers=self.number("WEB_WORKERS", 2, 1, 64),
            web_threads=self.number("WEB_THREADS", 4, 1, 64),
            sandbox_port=sandbox_port,
            database_url=database_url,
            database_owner_url=self.given.get("DATABASE_OWNER_URL") or database_url,
            redis_url=self.server("REDIS_URL", embedded.get("redis_url"), "redis", "rediss", "unix"),
            payment_gateway=gateway,
            flutterwave_base_url=self.url(
                "FLUTTERWAVE_BASE_URL",
                sandbox or "https://api.flutterwave.com/v3",
                ("https",) if production else ("http", "https"),
            ),
            flutterwave_checkout_hosts=self.names("FLUTTERWAVE_CHECKOUT_HOSTS", hosts),
            flutterwave_secret_key=self.flutterwave_key(production, chosen=gateway == "flutterwave"),
            flutterwave_webhook_secret=self.of_gateway(
                "FLUTTERWAVE_WEBHOOK_SECRET",
                "" if production else SANDBOX_WEBHOOK_SECRET,
                chosen=gateway == "flutterwave",
            ),
            flutterwave_signature_secret=self.given.get("FLUTTERWAVE_SIGNATURE_SECRET", ""),
            stripe_base_url=self.url(
                "STRIPE_BASE_URL", "https://api.stripe.com/v1", ("https",) if production else ("http", "https")
            ),
            stripe_checkout_hosts=self.names("STRIPE_CHECKOUT_HOSTS", "checkout.stripe.com"),
            stripe_secret_key=self.stripe_key(production, chosen=gateway == "stripe"),
            stripe_webhook_secret=self.of_gateway("STRIPE_WEBHOOK_SECRET", "", chosen=gateway == "stripe"),
            hold_seconds=self.number("HOLD_SECONDS", 900, 1, 86400),
            payment_session_seconds=self.number("PAYMENT_SESSION_SECONDS", 900, 1, 86400),
            payment_grace_seconds=self.number("PAYMENT_GRACE_SECONDS", 600, 0, 86400),
            payout_account_wait_seconds=self.number(
                "PAYOUT_ACCOUNT_WAIT_SECONDS", THREE_DAYS, THREE_DAYS if production else 0, 10 * THREE_DAYS
            ),
            sweep_seconds=self.number("SWEEP_SECONDS", 5, 1, 3600),
            retry_base_seconds=self.number("RETRY_BASE_SECONDS", 10, 1, 3600),
            lease_seconds=self.number("LEASE_SECONDS", 120, 1, 86400),
            max_seats=self.number("MAX_SEATS", 6, 1, 10),
            commission_percent=self.number("PLATFORM_COMMISSION_PERCENT", 10, 0, 100),
            jobs_secret=self.jobs_secret(production),
            mail_url=self.sink("MAIL_URL", f"file:{var / 'mail'}", ("file", "smtp", "smtps")),
            mail_from=self.given.get("MAIL_FROM") or "AuraPark <tickets@aurapark.example>",
            tickets_mail_domain=self.given.get("TICKETS_MAIL_DOMAIN") or "tickets.aurapark.example",
            sms_url=self.sms_provider(production, f"file:{var / 'sms'}"),
            operator_mail=self.given.get("OPERATOR_MAIL", ""),
            operator_language=self.word("OPERATOR_LANGUAGE", "fr", ("fr", "en")),
            legal_name=self.given.get("LEGAL_NAME") or ("AuraPark" if production else DEVELOPMENT_NAME),
            legal_address=self.given.get("LEGAL_ADDRESS", ""),
            legal_rccm=self.given.get("LEGAL_RCCM", ""),
            legal_niu=self.given.get("LEGAL_NIU", ""),
            proxy_count=self.number("PROXY_COUNT", 0, 0, 10),
            rate_limits=self.word("RATE_LIMITS", "on", ("on", "off")) == "on",
        )
        if production and not settings.rate_limits:
            self.wrong.append("RATE_LIMITS: production does not run without limits; remove the setting")
        if self.wrong:
            raise SettingsError("\n".join(self.wrong))
        return settings

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self.given.get(name) or str(default)
        if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
            self.wrong.append(f"{name}: {text!r} is not a whole number from {low} to {high}")
            return default
        return int(text)

    def word(self, name: str, default: str, words: tuple[str, ...]) -> str:
        text = self.given.get(name) or default
        if text not in words:
            self.wrong.append(f"{name}: {text!r} is not one of {', '.join(words)}")
        return text

    def names(self, name: str, default: str) -> tuple[str, ...]:
        text = self.given.get(name) or default
        return tuple(part.strip() for part in text.split(",") if part.strip())

    def token(self, name: str) -> str:
        text = self.given.get(name, "")
        if text and len(text) < MIN_TOKEN_LENGTH:
            self.wrong.append(f"{name}: needs at least {MIN_TOKEN_LENGTH} characters; a new one: {_new_secret()}")
        return text

    def networks(self, name: str, default: str) -> tuple[str, ...]:
        for part in self.names(name, default):
            try:
                ip_network(part)
            except ValueError:
                self.wrong.append(f"{name}: {part!r} is no network such as 10.0.0.0/8 or ::1/128")
        return self.names(name, default)

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        text = (self.given.get(name) or default).rstrip("/")
        if urlsplit(text).scheme not in schemes or not urlsplit(text).hostname:
            self.wrong.append(f"{name}: {text!r} is not an address that begins with {'// or '.join(schemes)}://")
        return text

    def server(self, name: str, running: str | None, *schemes: str) -> str:
        text = self.given.get(name) or running or ""
        if not text:
            self.wrong.append(f"{name}: not set, and no `make run` is running here; start it, or set {name}")
        elif urlsplit(text).scheme not in schemes:
            self.wrong.append(f"{name}: must begin with {'// or '.join(schemes)}://")
        return text

    def sink(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        """Read the address of a way out; it may hold a password, so that nothing of it is repeated."""
        text = self.given.get(name) or default
        try:
            parts = urlsplit(text)
            named = unquote((parts.username or "") + (parts.password or ""))
            reachable = parts.scheme == "file" or (bool(parts.hostname) and parts.port != 0 and named.isascii())
        except ValueError:
            reachable = False
        if not reachable or parts.scheme not in schemes:
            listed = " or ".join(f"{scheme}:" for scheme in schemes)
            self.wrong.append(f"{name}: no address that begins with {listed} and names a host, a password in ASCII")
        return text

    def sms_provider(self, production: bool, default: str) -> str:
        schemes = ("file", "bulksms") if production else ("file", "bulksms", "bulksms+http")
        text = self.sink("SMS_URL", default, schemes)
        if text.startswith("bulksms") and not re.search(r"//[^:@/]+:[^@/]+@", text):
            self.wrong.append("SMS_URL: has no token; bulksms://TOKEN-ID:TOKEN-SECRET@api.bulksms.com?from=NAME")
        if len(sender := parse_qs(text.partition("?")[2]).get("from", ["x"])[0]) > SMS_SENDER_LENGTH:
            self.wrong.append(f"SMS_URL: from={sender!r} is longer than {SMS_SENDER_LENGTH} letters")
        return text

    def of_gateway(self, name: str, default: str, *, chosen: bool) -> str:
        text = self.given.get(name) or default
        if chosen and not text:
            self.wrong.append(f"{name}: not set; copy it from the gateway's dashboard")
        return text

    def secret(self, name: str, production: bool, var: Path, make: Callable[[], str]) -> str:
        text = self.given.get(name, "")
        if not text and not production:
            return _kept_secret(var / "secrets.json", name, make)
        if len(text.encode()) < MIN_SECRET_BYTES:
            self.wrong.append(f"{name}: needs at least {MIN_SECRET_BYTES} bytes; a new one: {make()}")
        elif name == "TICKET_SIGNING_KEY" and not _is_signing_key(text):
            self.wrong.append(f"{name}: is no Ed25519 private key in base64; a new one: {make()}")
        return text

    def jobs_secret(self, production: bool) -> str:
        text = self.given.get("JOBS_SECRET", "")
        if production and text and len(text.encode()) < MIN_SECRET_BYTES:
            self.wrong.append(f"JOBS_SECRET: needs at least {MIN_SECRET_BYTES} bytes; a new one: {_new_secret()}")
        return text

    def flutterwave_key(self, production: bool, *, chosen: bool) -> str:
        key = self.of_gateway("FLUTTERWAVE_SECRET_KEY", "" if production else SANDBOX_SECRET_KEY, chosen=chosen)
        if key.startswith("FLWPUBK"):
            self.wrong.append("FLUTTERWAVE_SECRET_KEY: this is the public key; the secret one begins with FLWSECK")
        if production and key.startswith("FLWSECK_TEST"):
            self.wrong.append("FLUTTERWAVE_SECRET_KEY: a test key in production; use the live key")
        if not production and key.startswith("FLWSECK-"):
            self.wrong.append("FLUTTERWAVE_SECRET_KEY: a live key outside production; use a test key")
        return key

    def stripe_key(self, production: bool, *, chosen: bool) -> str:
        key = self.of_gateway("STRIPE_SECRET_KEY", "", chosen=chosen)
        if key and not key.startswith(("sk_", "rk_")):
            self.wrong.append("STRIPE_SECRET_KEY: no secret key; it begins with sk_ or rk_")
        if production and key[2:].startswith("_test_"):
            self.wrong.append("STRIPE_SECRET_KEY: a test key in production; use the live key")
        if not production and key[2:].startswith("_live_"):
            self.wrong.append("STRIPE_SECRET_KEY: a live key outside production; use a test key")
        return key


def _new_secret() -> str:
    return secrets.token_urlsafe(MIN_SECRET_BYTES)


def _new_signing_key() -> str:
    return b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def _is_signing_key(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == Ed25519PrivateKey.generate().private_bytes_raw().__len__()
    except ValueError:
        return False


def _kept_secret(path: Path, name: str, make: Callable[[], str]) -> str:
    """Return a development secret from var/, making it the first time; two processes at once agree on one."""
    kept = _read_json(path)
    if name in kept:
        return str(kept[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps({"SECRET_KEY": _new_secret(), "TICKET_SIGNING_KEY": _new_signing_key()}))
    try:
        os.link(draft, path)  # fails when another process was first: its secrets count
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return str(_read_json(path).get(name) or make())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}
