"""Every job a worker may run, by name. Arguments are ids; what a job does is a story that lives elsewhere."""

from collections.abc import Callable
from typing import Any

from aurapark.checkout import sweeps
from aurapark.notifications.relay import send_due
from aurapark.reconciliation import gateway
from aurapark.settings import current_settings

AT_ONCE = 20
MANY = 1000  # rows that only need deleting


def check_payment(tx_ref: str) -> None:
    """Ask about one attempt now, and send what came of it."""
    settings = current_settings()
    sweeps.check_safely(settings, tx_ref)
    send_due(settings, AT_ONCE)


def process_webhooks() -> None:
    """Work off stored events, ask about their attempts, and send what came of it."""
    settings = current_settings()
    sweeps.process_events(settings, AT_ONCE)
    sweeps.check_open_payments(settings, AT_ONCE)
    sweeps.process_refunds(settings, AT_ONCE)
    send_due(settings, AT_ONCE)


def process_refunds() -> None:
    """Send refunds that are due, ask about those under way, and send what came of it."""
    settings = current_settings()
    sweeps.process_refunds(settings, AT_ONCE)
    send_due(settings, AT_ONCE)


def reconcile_payments() -> None:
    """Compare the days that are due with the gateway's books."""
    gateway.reconcile_payments(current_settings(), AT_ONCE)


def send_messages() -> None:
    """Send messages that are due."""
    send_due(current_settings(), AT_ONCE)


def sweep_idempotency() -> None:
    """Forget idempotency keys whose time is over."""
    sweeps.forget_keys(current_settings(), MANY)


JOBS: dict[str, Callable[..., Any]] = {
    "check_payment": check_payment,
    "process_refunds": process_refunds,
    "process_webhooks": process_webhooks,
    "reconcile_payments": reconcile_payments,
    "send_messages": send_messages,
    "sweep_idempotency": sweep_idempotency,
}
