"""What reconciliation asks of a payment gateway beside the port of a sale: its lists, day by day, in our words."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from aurapark.payments.gateway import Charge, GatewayDispute, GatewayRefund
from aurapark.payments.transfers import GatewayTransfer


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSettlement:
    """What a gateway paid into our bank for a day. `taken` is what left our balance there, its fee included.

    `bookable` is false where it cannot be told what was taken, or it was in another currency: people look at it.
    """

    settlement_id: str
    currency: str
    taken: Decimal
    net: Decimal
    done: bool
    bookable: bool = True


class GatewayLists(Protocol):
    """The lists of one gateway. Days are those of UTC, both included; every row comes once, rows may still arrive."""

    def list_transactions(self, from_day: date, to_day: date) -> list[Charge]:
        """Return every charge and try made on these days. Raises GatewayRefused, GatewayUncertain."""

    def list_gateway_refunds(self, from_day: date, to_day: date) -> list[GatewayRefund]:
        """Return every refund begun on these days. Raises GatewayRefused, GatewayUncertain."""

    def list_settlements(self, from_day: date, to_day: date) -> list[ListedSettlement]:
        """Return every settlement made on these days. Raises GatewayRefused, GatewayUncertain."""

    def list_transfers(self, from_day: date, to_day: date) -> list[GatewayTransfer]:
        """Return every transfer to an agency begun on these days. Raises GatewayRefused, GatewayUncertain."""

    def list_disputes(self, from_day: date, to_day: date) -> list[GatewayDispute]:
        """Return every dispute begun on these days. Raises GatewayRefused, GatewayUncertain."""
