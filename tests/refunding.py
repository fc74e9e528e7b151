"""Refunds in tests: paid bookings with a refund asked for, and time that passes for it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from aurapark.booking.models import Booking
from aurapark.booking.service import lock_booking
from aurapark.checkout.pay_back import give_back_applied_money
from aurapark.checkout.refund import process_due_refund
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.money import Money
from aurapark.payments.service import lock_payments
from aurapark.reconciliation.doctor import Verdict, examine
from aurapark.refunds.models import Refund, RefundReason
from aurapark.refunds.rules import Patience
from tests.fakes import FakeGateway

PATIENCE = Patience(base=timedelta(seconds=10), lease=timedelta(seconds=120))
MINUTE = timedelta(minutes=1)


def ask(booking: Booking, amount: int, action: str = "cancel") -> Refund:
    """Ask for part of a confirmed booking's money to go back."""

    def work() -> Refund:
        mine = lock_booking(booking.reference)
        payment = next(p for p in lock_payments(mine.id) if p.id == mine.confirming_payment_id)
        reason, money = RefundReason.TRAVELLER, Money(amount)
        return give_back_applied_money(mine, payment, action=action, reason=reason, amount=money, actor="test")

    return in_transaction(work)


def step(gateway: Any) -> bool:
    """Do one step of one refund that is due."""
    return process_due_refund(gateway=gateway, patience=PATIENCE)


def later(by: timedelta) -> None:
    """Let time pass for all refunds."""
    moved = ", ".join(f"{c} = {c} - :by" for c in ("next_check_at", "sending_at", "last_empty_at"))
    in_transaction(lambda: db.session.execute(text(f"UPDATE refund SET {moved}"), {"by": by}))  # noqa: S608


def drain(gateway: Any, *, between: Callable[[], None] = lambda: None, rounds: int = 40) -> None:
    """Work until nothing changes any more, half an hour and more passing between two rounds."""
    for _ in range(rounds):
        while step(gateway):
            pass
        between()
        if not db.session.scalar(text("SELECT count(*) FROM refund WHERE next_check_at IS NOT NULL")):
            return
        later(timedelta(minutes=31))


def refunds() -> list[Refund]:
    """All refunds as they are now, oldest first."""
    db.session.expire_all()
    return list(db.session.query(Refund).order_by(Refund.id))


def states() -> list[str]:
    """The states of all refunds, oldest first."""
    return [refund.state.value for refund in refunds()]


def back(gateway: FakeGateway) -> int:
    """What the fake gateway really sent back."""
    return sum(int(refund.amount) for refund in gateway.refunds if refund.outcome != "failed")


def findings() -> list[tuple[str, str, Any]]:
    """What doctor finds."""
    db.session.rollback()
    return [(one.id, one.finds, one.rows) for one in examine(db.engine) if one.verdict == Verdict.FOUND]


def balance(account: str) -> int:
    """What stands on an account."""
    return int(
        db.session.scalar(
            text("SELECT coalesce(sum(amount), 0) FROM audit.ledger WHERE account = :account"), {"account": account}
        )
    )
