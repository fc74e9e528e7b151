"""Stand-ins that are passed as arguments. The real gateway client is tested against the sandbox, in tests/gateway."""

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

from aurapark.payments.gateway import Charge, Checkout, GatewayError, GatewayRefused
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
