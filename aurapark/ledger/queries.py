"""Reading the books: what stands on each account, and the way of one booking's money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, BigInteger, case, cast, func, select, union_all

from aurapark.extensions import db
from aurapark.ledger.models import EventType, LedgerEntry
from aurapark.ledger.rules import COMMISSION
from aurapark.money import Money


@dataclass(frozen=True, slots=True)
class Balance:
    """What stands on one account in one currency: debit +, credit −. So what we owe somebody is negative."""

    account: str
    currency: str
    amount: int


def list_balances(account: str | None = None, *, at: datetime | None = None) -> list[Balance]:
    """Return what stands on each account that ever moved, or on that one, now or as of a moment (that included)."""
    sides = _sides(account, at)
    amount = cast(func.sum(sides.c.amount), BigInteger)
    statement = select(sides.c.account, sides.c.currency, amount).group_by(sides.c.account, sides.c.currency)
    return [Balance(*row) for row in db.session.execute(statement.order_by(sides.c.account, sides.c.currency))]


def get_balance(account: str, currency: str, *, at: datetime | None = None) -> int:
    """Return what stands on one account: debit +, credit −; 0 when it never moved."""
    return next((b.amount for b in list_balances(account, at=at) if b.currency == currency), 0)


def list_booking_entries(booking_id: int) -> Sequence[LedgerEntry]:
    """Return every movement of one booking's money with its event, from payment to payout, in order."""
    statement = select(LedgerEntry).where(LedgerEntry.booking_id == booking_id).order_by(LedgerEntry.id)
    return db.session.scalars(statement).all()


def sum_commission_given_back(booking_id: int, currency: str) -> Money:
    """Return what the platform gave back of a booking's commission so far, for refunds that were not withdrawn."""
    amount = case((LedgerEntry.debit == COMMISSION, LedgerEntry.amount), else_=-LedgerEntry.amount)
    statement = select(cast(func.coalesce(func.sum(amount), 0), BigInteger)).where(
        LedgerEntry.booking_id == booking_id,
        LedgerEntry.event_type.in_((EventType.REFUND_DUE, EventType.REFUND_WITHDRAWN)),
        (LedgerEntry.debit == COMMISSION) | (LedgerEntry.credit == COMMISSION),
    )
    return Money(db.session.scalar(statement) or 0, currency)


def _sides(account: str | None, at: datetime | None) -> CTE:
    """Both sides of each movement, as audit.ledger shows them."""
    sides = []
    for name, amount in ((LedgerEntry.debit, LedgerEntry.amount), (LedgerEntry.credit, -LedgerEntry.amount)):
        side = select(name.label("account"), LedgerEntry.currency, amount.label("amount"))
        side = side.where(name == account) if account else side
        sides.append(side.where(LedgerEntry.created_at <= at) if at else side)
    return union_all(*sides).cte("sides")
