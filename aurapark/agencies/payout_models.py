"""Where an agency's money goes: every account it ever named. A row is written once; only a withdrawal is added."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, one_of
from aurapark.extensions import Model


class AccountKind(StrEnum):
    """Mobile money of an operator, or an account at a bank."""

    MTN_MOMO = "mtn_momo"
    ORANGE_MONEY = "orange_money"
    BANK = "bank"


class PayoutAccount(Model):
    """An account that payouts may go to from `payable_from` on, until the next one counts.

    `sealed` holds the number and opens with a key from `SECRET_KEY`; `ending` is what people see of it.
    `withdrawn_at`: taken back before it counted, by somebody or by a further change.
    """

    __tablename__ = "payout_account"
    __table_args__ = (
        one_of("kind", AccountKind),
        CheckConstraint("payable_from >= created_at", name="payable_from"),
        CheckConstraint("withdrawn_at < payable_from", name="withdrawn_at"),
        CheckConstraint("(kind = 'bank') = (bank IS NOT NULL)", name="bank"),
        CheckConstraint("length(ending) BETWEEN 2 AND 4", name="ending"),
        Index("ix_payout_account_agency_id", "agency_id", "payable_from"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    kind: Mapped[AccountKind] = mapped_column(Word(AccountKind))
    holder: Mapped[str] = mapped_column(Text)
    bank: Mapped[str | None] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    ending: Mapped[str] = mapped_column(Text)
    created_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    payable_from: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
