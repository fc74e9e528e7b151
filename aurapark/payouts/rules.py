"""When the gateway is asked about a payout, and what stands in the way of one: pure functions.

The waits are those of refunds: the same discipline, and the same reasons.
"""

from collections.abc import Collection, Iterable

from aurapark.payments.transfers import GatewayTransfer, TransferOutcome
from aurapark.refunds.rules import Patience, between_empties, is_overdue, next_query, pause

__all__ = ["Patience", "between_empties", "find_former", "find_own", "is_overdue", "next_query", "pause"]


def find_own(listed: Iterable[GatewayTransfer], reference: str) -> GatewayTransfer | None:
    """Return the transfer that carries our reference; of several, which must not be, one that did not fail."""
    ours = [one for one in listed if one.reference == reference]
    return min(ours, key=lambda one: (one.outcome == TransferOutcome.FAILED, int(one.transfer_id)), default=None)


def find_former(listed: Iterable[GatewayTransfer], references: Collection[str]) -> GatewayTransfer | None:
    """Return a transfer under an earlier reference that we took for failed, and that lives at the gateway."""
    alive = (one for one in listed if one.outcome != TransferOutcome.FAILED)
    return next((one for one in alive if one.reference in references), None)
