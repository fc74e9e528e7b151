"""Stand-ins that are passed as arguments. The real gateway client is tested against the sandbox, in tests/gateway."""

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from aurapark.payments.gateway import (
    Charge,
    Checkout,
    DisputeOutcome,
    GatewayDispute,
    GatewayError,
    GatewayRefund,
    GatewayRefused,
    RefundOutcome,
    ShortOfFunds,
)
from aurapark.payments.models import Provider

_ids = itertools.count(9_000_001)


class FakeGateway:
    """A gateway in memory. Set `opening` or `listing` to an error to have the next calls fail with it."""

    provider = Provider.FLUTTERWAVE

    def __init__(self) -> None:
        self.opened: list[Checkout] = []
        self.asked: list[str] = []
        self.disabled: list[str] = []
        self.charges: dict[str, list[Charge]] = defaultdict(list)
        self.opening: GatewayError | None = None
        self.listing: GatewayError | None = None
        self.up = True
        self.while_opening: Callable[[Checkout], None] = lambda _: None
        self.while_asked: Callable[[str], None] = lambda _: None
        self.refunds: list[GatewayRefund] = []
        self.refund_posts: list[tuple[str, int]] = []
        self.balance = 10_000_000
        self.refunding: GatewayError | None = None
        self.refunding_done = False
        self.reading: GatewayError | None = None
        self.disputes: dict[str, GatewayDispute] = {}
        self.disputing: GatewayError | None = None
        self.while_refunding: Callable[[str], None] = lambda _: None
        self._lock = threading.Lock()

    def is_up(self) -> bool:
        return self.up

    def open_checkout(self, checkout: Checkout) -> str:
        with self._lock:
            self.opened.append(checkout)
        self.while_opening(checkout)
        if self.opening:
            raise self.opening
        return self.link_of(checkout.tx_ref)

    def list_charges(self, tx_ref: str) -> list[Charge]:
        with self._lock:
            self.asked.append(tx_ref)
        self.while_asked(tx_ref)
        if self.listing:
            raise self.listing
        return list(self.charges[tx_ref])

    def disable_link(self, link: str) -> None:
        if link in self.disabled:
            raise GatewayRefused("closed already")
        self.disabled.append(link)

    def list_refunds(self, charge_id: str, _since: datetime) -> list[GatewayRefund]:
        if self.reading:
            raise self.reading
        return [refund for refund in self.refunds if refund.charge_id == charge_id]

    def refund(self, charge_id: str, amount: int, _currency: str, _comment: str) -> GatewayRefund:
        """Make a refund; with `refunding` set the answer is that error, and it was made when `refunding_done`."""
        with self._lock:
            self.refund_posts.append((charge_id, amount))
        self.while_refunding(charge_id)
        if self.balance < amount:
            raise ShortOfFunds("too little")
        if self.refunding and not self.refunding_done:
            raise self.refunding
        with self._lock:
            made = GatewayRefund(
                refund_id=str(next(_ids)),
                charge_id=charge_id,
                amount=Decimal(amount),
                outcome=RefundOutcome.SENT,
                status="completed",
            )
            self.refunds.append(made)
            self.balance -= amount
        if self.refunding:
            raise self.refunding
        return made

    def get_refund(self, refund_id: str) -> GatewayRefund:
        if self.reading:
            raise self.reading
        return next(refund for refund in self.refunds if refund.refund_id == refund_id)

    def get_dispute(self, dispute_id: str, _charge_id: str | None) -> GatewayDispute | None:
        if self.disputing:
            raise self.disputing
        return self.disputes.get(dispute_id)

    def dispute(
        self, charge_id: str, amount: int, outcome: DisputeOutcome = DisputeOutcome.OPEN, *, dispute_id: str = ""
    ) -> GatewayDispute:
        """Have the payer dispute a charge at the bank, or the bank decide about it; returns how it stands."""
        dispute_id = dispute_id or str(next(_ids))
        self.disputes[dispute_id] = GatewayDispute(
            dispute_id=dispute_id,
            charge_id=charge_id,
            amount=Decimal(amount),
            currency="XAF",
            outcome=outcome,
            status=outcome.value,
        )
        return self.disputes[dispute_id]

    def end_refunds(self, outcome: RefundOutcome = RefundOutcome.SUCCEEDED) -> None:
        """Bring every refund that is under way there to its end."""
        status = {"succeeded": "completed-momo", "failed": "failed", "sent": "completed"}[outcome]
        self.refunds = [
            replace(refund, outcome=outcome, status=status) if refund.outcome == RefundOutcome.SENT else refund
            for refund in self.refunds
        ]

    @staticmethod
    def link_of(tx_ref: str) -> str:
        return f"http://localhost:8001/pay/flwlnk-{tx_ref.lower()}"

    def charge(
        self,
        tx_ref: str,
        amount: int | str | Decimal,
        *,
        status: str = "successful",
        currency: str = "XAF",
        charge_id: str | None = None,
    ) -> Charge:
        """Have the payer pay (or try to) on one attempt; returns the charge."""
        charge = Charge(
            gateway_tx_id=charge_id or str(next(_ids)),
            tx_ref=tx_ref,
            status=status,
            amount=Decimal(amount),
            currency=currency,
            fee=Decimal("0.25"),
            settled=Decimal(amount) - Decimal("0.25"),
        )
        self.charges[tx_ref].append(charge)
        return charge
