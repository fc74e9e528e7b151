"""The part of the gateway port that sends money to agencies, in our words. Only some gateways have one.

Every call is a network call: never made inside a transaction, and no database connection is held meanwhile.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Protocol

from aurapark.payments.models import Provider


class TransferOutcome(StrEnum):
    """How a transfer stands there, in our words: `sent` is anything that is not final."""

    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneficiary:
    """Who is paid: a wallet of mobile money (E.164) when `bank` is missing, else an account at that bank."""

    holder: str
    number: str = field(repr=False)
    bank: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOrder:
    """One transfer under a reference of ours that is used once. `amount` is in whole units."""

    reference: str
    amount: int
    currency: str
    to: Beneficiary
    narration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayTransfer:
    """One transfer as the gateway told us when asked; `status` is its own word, `why` its words for people."""

    transfer_id: str
    reference: str
    amount: Decimal
    currency: str
    fee: Decimal
    outcome: TransferOutcome
    status: str
    why: str

    @property
    def whole_fee(self) -> int:
        """Return the fee as the books have it: in whole units, rounded up, each transfer by itself."""
        return int(self.fee.to_integral_value(ROUND_CEILING))


class Transfers(Protocol):
    """What sends money out of our balance at a gateway."""

    @property
    def provider(self) -> Provider:
        """Say which gateway this is."""

    def is_up(self) -> bool:
        """Say whether it answered lately. Asks nobody."""

    def can_pay(self, amount: int, currency: str, *, to_bank: bool) -> bool:
        """Say whether our balance there covers a transfer and its fee. Raises GatewayRefused, GatewayUncertain."""

    def list_transfers(self, since: date) -> list[GatewayTransfer]:
        """Return every transfer of ours made on or after a day (UTC), those that failed too.

        Raises GatewayRefused, GatewayUncertain; also when the list could not be read to its end.
        """

    def send(self, order: TransferOrder) -> GatewayTransfer:
        """Send money, once; every call may send it again, so that it is never repeated.

        Raises GatewayRefused: nothing happened. GatewayUncertain: it may have happened.
        """

    def get_transfer(self, transfer_id: str) -> GatewayTransfer:
        """Return one transfer as it stands now. Raises GatewayRefused, GatewayUncertain."""
