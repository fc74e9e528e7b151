"""What the sandbox can be told from outside, read from the environment once at the start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEVELOPMENT_SECRET_KEY = "FLWSECK_TEST-5a11dbe77e57a11dbe77e57a11dbe77e-X"  # nosec B105  # noqa: S105 - obviously false, for development only
DEVELOPMENT_WEBHOOK_SECRET = "sandbox-webhook-secret"  # nosec B105  # noqa: S105 - the same


@dataclass(frozen=True)
class Settings:
    """Settings of one sandbox; all waits are in seconds of the sandbox's own clock.

    `clock_scale` divides every wait: with 60 an hour passes in a minute. Times of the network
    (`webhook_timeout`, the seconds of an HTTP fault) are real seconds and never scaled.
    """

    state_dir: Path = Path("var/sandbox")
    host: str = "127.0.0.1"
    port: int = 8001
    public_url: str = "http://localhost:8001"
    secret_key: str = DEVELOPMENT_SECRET_KEY
    webhook_secret: str = DEVELOPMENT_WEBHOOK_SECRET
    webhook_url: str = "http://localhost:8000/api/payments/webhook/flutterwave"
    clock_scale: float = 1.0
    prompt_seconds: float = 3.0
    visible_seconds: float = 0.0
    refund_seconds: float = 10.0
    transfer_seconds: float = 10.0
    webhook_timeout: float = 60.0
    webhook_retries: int = 3
    webhook_retry_seconds: float = 1800.0
    opening_balance: int = 10_000_000
    merchant: str = "AuraPark"

    @property
    def public_host(self) -> str:
        """Return the host name of the links handed out, without the port."""
        return urlsplit(self.public_url).hostname or "localhost"


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of `aurapark sandbox`. Raises ValueError naming the setting that cannot be read."""
    port = int(_number(environment, "SANDBOX_PORT", 8001))
    site_url = (environment.get("SITE_URL") or "http://localhost:8000").rstrip("/")
    scale = _number(environment, "SANDBOX_CLOCK_SCALE", 1)
    if scale <= 0:
        raise ValueError("SANDBOX_CLOCK_SCALE must be greater than 0")
    return Settings(
        state_dir=_state_dir(environment),
        host=environment.get("SANDBOX_HOST") or "127.0.0.1",
        port=port,
        public_url=(environment.get("SANDBOX_PUBLIC_URL") or f"http://localhost:{port}").rstrip("/"),
        secret_key=environment.get("FLUTTERWAVE_SECRET_KEY") or DEVELOPMENT_SECRET_KEY,
        webhook_secret=environment.get("FLUTTERWAVE_WEBHOOK_SECRET") or DEVELOPMENT_WEBHOOK_SECRET,
        webhook_url=environment.get("SANDBOX_WEBHOOK_URL") or f"{site_url}/api/payments/webhook/flutterwave",
        clock_scale=scale,
        prompt_seconds=_number(environment, "SANDBOX_PROMPT_SECONDS", 3),
        visible_seconds=_number(environment, "SANDBOX_VISIBLE_SECONDS", 0),
        refund_seconds=_number(environment, "SANDBOX_REFUND_SECONDS", 10),
        transfer_seconds=_number(environment, "SANDBOX_TRANSFER_SECONDS", 10),
    )


def _state_dir(environment: Mapping[str, str]) -> Path:
    given = environment.get("SANDBOX_STATE_DIR")
    return Path(given) if given else Path(environment.get("AURAPARK_VAR") or "var") / "sandbox"


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    try:
        return float(text) if text else float(default)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}") from None
