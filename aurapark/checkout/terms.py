"""The settings a payment is made under."""

from dataclasses import dataclass
from datetime import timedelta

from aurapark.booking.service import HoldTerms


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """How long the hosted page stays open, how long money may come after it, and the step of all waits."""

    session: timedelta
    grace: timedelta
    retry_base: timedelta
    return_url: str
    hold: HoldTerms
