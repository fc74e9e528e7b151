"""The gateway port: what a sale asks of a payment gateway, in our words. Adapters stand beside it, one a file.

Every call is a network call: never made inside a transaction, and no database connection is held meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from aurapark.payments.models import Provider

SUCCESSFUL, FAILED, PENDING = "successful", "failed", "pending"


class GatewayError(Exception):
    """The gateway did not do what was asked; the text is for the log, without secrets or personal data."""


class GatewayRefused(GatewayError):
    """A clear no: nothing happened there."""


class GatewayNotNow(GatewayRefused):
    """A clear no that is not about what was asked: too many calls, a key it does not know. It may be asked again."""


class ShortOfFunds(GatewayNotNow):
    """Our balance there is too small for this refund; nothing happened, and it may be asked again."""


class GatewayUncertain(GatewayError):
    """No answer, or none that makes sense: it may have happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """One attempt to have a booking paid. `amount` is in whole units; `phone` is E.164; `email` may be missing."""

    tx_ref: str
    amount: int
    currency: str
    booking_reference: str
    attempt: int
    phone: str
    name: str | None
    email: str | None
    redirect_url: str
    session_seconds: int
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One try of the payer, as the gateway itself told us when asked: its `status` is one of the three words above
    or a word we do not know, which is never final. `fee` and `settled` are its raw figures."""

    gateway_tx_id: str
    tx_ref: str
    status: str
    amount: Decimal
    currency: str
    fee: Decimal | None = None
    settled: Decimal | None = None


class RefundOutcome(StrEnum):
    """How a refund stands there, in our words: `sent` is anything that is not final."""

    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRefund:
    """One refund as the gateway told us when asked; `status` is its own word for `outcome`."""

    refund_id: str
    charge_id: str
    amount: Decimal
    outcome: RefundOutcome
    status: str


class DisputeOutcome(StrEnum):
    """How a dispute stands there, in our words: `open`: they hold the money back; `watch`: no money has moved, or a
    word we do not know."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    WATCH = "watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayDispute:
    """One dispute as the gateway told us when asked; `status` is its own word. `currency` is missing where they name
    none: then it is that of the charge."""

    dispute_id: str
    charge_id: str
    amount: Decimal
    currency: str | None
    outcome: DisputeOutcome
    status: str


class Gateway(Protocol):
    """A payment gateway."""

    @property
    def provider(self) -> Provider:
        """Say which gateway this is."""

    def is_up(self) -> bool:
        """Say whether it answered lately; when not, no attempt should be opened. Asks nobody."""

    def open_checkout(self, checkout: Checkout) -> str:
        """Return the address where the payer pays, checked; called once per `tx_ref`, never repeated.

        Raises GatewayRefused, GatewayUncertain.
        """

    def list_charges(self, tx_ref: str) -> list[Charge]:
        """Return all charges under one `tx_ref`, oldest first; those that succeeded were verified one by one.

        An empty list means that nobody has tried to pay, or that it is not visible yet.
        Raises GatewayRefused, GatewayUncertain.
        """

    def disable_link(self, link: str) -> None:
        """Close a checkout link so that nobody starts paying on it; a prompt already on a phone stays.

        Raises GatewayRefused when it is closed already, GatewayUncertain.
        """

    def list_refunds(self, charge_id: str, since: datetime) -> list[GatewayRefund]:
        """Return every refund of a charge made on or after the day of `since`, those that failed too.

        Raises GatewayRefused, GatewayUncertain; also when the list could not be read to its end.
        """

    def refund(self, charge_id: str, amount: int, currency: str, comment: str) -> GatewayRefund:
        """Ask for one refund; every call makes another one, so that it is never repeated blindly.

        Raises GatewayRefused, GatewayNotNow, ShortOfFunds: nothing happened. GatewayUncertain: it may have happened.
        """

    def get_refund(self, refund_id: str) -> GatewayRefund:
        """Return one refund as it stands now. Raises GatewayRefused, GatewayUncertain."""

    def get_dispute(self, dispute_id: str, charge_id: str | None) -> GatewayDispute | None:
        """Return one dispute as it stands now, None when the gateway clearly knows none of that id.

        Raises GatewayRefused when it cannot be asked about disputes, GatewayNotNow, GatewayUncertain.
        """
