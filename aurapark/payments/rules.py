"""What a charge is worth to an attempt, and when the gateway is asked again: pure functions."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_UP

from aurapark.payments.gateway import Charge
from aurapark.payments.models import OPEN_STATES, Disposition, PaymentState

# All waits are in steps of RETRY_BASE_SECONDS (10 s): a test that shortens it lives through three days in a minute.
FIRST_STEPS = (1, 3, 6)  # then every 6 until the money can no longer come in time
UNANSWERED_STEPS = 6
MAX_ATTEMPTS = 10  # to pay one booking
AFTER_STEPS = ((360, 90), (8_640, 360), (25_920, 8_640))  # up to so long after that (1 h, 24 h, 72 h), every so long
ALARM_STEPS = 180  # 30 minutes without an answer
WITHDRAWN = "withdrawn"  # why money is under review whose refund a person took back
LARGEST = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a verified charge, and why when it is not simply applied."""

    disposition: Disposition
    reason: str | None = None


def is_readable(charge: Charge) -> bool:
    """Say whether the charge's amount is one we can book: whole units, more than nothing."""
    return charge.amount == whole_amount(charge)


def wrong_money(charge: Charge, *, expected: int, currency: str) -> str | None:
    """Return why this charge cannot pay the expected amount, None when it can; it may be more."""
    if charge.currency != currency:
        return "foreign_currency"
    return "short" if charge.amount < expected else None


def whole_amount(charge: Charge) -> int:
    """Return the charge's amount as we can store it: whole units from 1 on, a fraction rounded up."""
    return max(1, min(int(charge.amount.to_integral_value(ROUND_UP)), LARGEST))


def next_check(
    state: PaymentState, checks: int, *, window_ends_at: datetime, now: datetime, base: timedelta
) -> datetime | None:
    """Return when to ask about an attempt again, None when it is no longer watched.

    Until `window_ends_at` (session and grace are over) often, and at that very moment; an attempt that is still
    open then got no answer and is asked about each minute; the others are watched for 72 hours.
    """
    if now < window_ends_at:
        if state not in (*OPEN_STATES, PaymentState.FAILED):
            return window_ends_at
        return min(now + base * FIRST_STEPS[min(checks, len(FIRST_STEPS) - 1)] * _jitter(), window_ends_at)
    if state in OPEN_STATES:
        return now + base * UNANSWERED_STEPS * _jitter()
    steps = AFTER_STEPS if state in (PaymentState.FAILED, PaymentState.LAPSED) else AFTER_STEPS[-1:]
    for until, step in steps:
        if now < window_ends_at + base * until:
            return now + base * step * _jitter()
    return None


def _jitter() -> float:
    return random.uniform(0.5, 1)  # nosec B311  # noqa: S311  spreads load, keeps no secret
