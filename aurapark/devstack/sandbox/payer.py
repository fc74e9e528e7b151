"""What the payer does, on the hosted page or through the admin API: try to pay, cancel, look at where it stands."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from aurapark.devstack.sandbox import charges, faults, links, webhooks
from aurapark.devstack.sandbox.bench import Bench
from aurapark.devstack.sandbox.money import JsonAmount
from aurapark.devstack.sandbox.store import Row
from aurapark.devstack.sandbox.test_values import USUAL_CARD, Card, card_refusal, phone_refusal

Outcome: TypeAlias = Literal["approve", "refuse", "never"]
USUAL_PHONE = "23700000020"


@dataclass(frozen=True)
class Try:
    """One try to pay: with what, how it ends, and after how many sandbox seconds (0 is at once)."""

    method: str
    outcome: Outcome
    seconds: float = 0
    phone: str = USUAL_PHONE
    card: Card = USUAL_CARD
    otp: str = ""
    amount: JsonAmount | None = None
    currency: str | None = None

    @property
    def refusal(self) -> str | None:
        """Return why the test card or number itself refuses, whatever the payer wants."""
        return card_refusal(self.card, self.otp) if self.method == "card" else phone_refusal(self.phone)


def try_to_pay(bench: Bench, link: Row, attempt: Try) -> int:
    """Make one attempt and return the number of its charge."""
    with bench.store.transaction() as db:
        charge_id = charges.open_attempt(
            bench,
            db,
            link,
            method=attempt.method,
            phone=None if attempt.method == "card" else attempt.phone,
            card=attempt.card,
            amount=attempt.amount,
            currency=attempt.currency,
        )
        if attempt.outcome == "never":
            return charge_id
        refused = attempt.refusal
        status = "successful" if attempt.outcome == "approve" and not refused else "failed"
        if attempt.seconds > 0:
            due_at = bench.clock.after(attempt.seconds)
            charges.plan(bench, db, charge_id, status, due_at=due_at, response=refused)
        else:
            charges.finish(bench, db, charge_id, status, response=refused)
    return charge_id


def cancel(bench: Bench, link_id: str) -> None:
    """Leave the page. A prompt already on the phone can still be approved."""
    with bench.store.transaction() as db:
        link = links.find_link(db, link_id)
        if link and link["state"] == "open":
            links.set_state(db, link_id, "cancelled")


def wait_for_webhook(bench: Bench, link: Row) -> None:
    """Under the fault `webhook_before_redirect`, wait until the webhook was answered."""
    with bench.store.transaction() as db:
        fault = faults.take(db, ("webhook_before_redirect",), tx_ref=link["tx_ref"])
    if fault:
        webhooks.wait_for(bench, link["tx_ref"])


def pay_before_answer(bench: Bench, link_id: str) -> None:
    """Under the fault `paid_before_answer`, pay a link just opened and wait until its webhook was answered."""
    with bench.store.transaction() as db:
        link = links.find_link(db, link_id)
        fault = faults.take(db, ("paid_before_answer",), tx_ref=link["tx_ref"]) if link else None
    if link and fault:
        try_to_pay(bench, link, Try(method="mtn", outcome="approve"))
        webhooks.wait_for(bench, link["tx_ref"])
