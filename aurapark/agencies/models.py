"""The agency: the company that runs buses and is paid by the platform."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Identity, Integer, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.clock import DEFAULT_ZONE
from aurapark.database import UtcDateTime, Word, one_of
from aurapark.extensions import Model


class AgencyState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Agency(Model):
    """Only an active agency is on sale. `refund_policy` is a list of {hours, percent}, longest notice first.

    `rccm` is its number in the trade register, `niu` that of the tax office: on statements, once they are known.
    """

    __tablename__ = "agency"
    __table_args__ = (
        one_of("state", AgencyState),
        CheckConstraint("boarding_close_minutes BETWEEN 0 AND 1440", name="boarding_close_minutes"),
        CheckConstraint("max_seats BETWEEN 1 AND 10", name="max_seats"),
        CheckConstraint("commission_percent BETWEEN 0 AND 100", name="commission_percent"),
        CheckConstraint("luggage_free_kg >= 0", name="luggage_free_kg"),
        CheckConstraint("jsonb_typeof(refund_policy) = 'array'", name="refund_policy"),
    )
    MOVES: ClassVar = {
        AgencyState.PENDING: frozenset({AgencyState.ACTIVE}),
        AgencyState.ACTIVE: frozenset({AgencyState.SUSPENDED}),
        AgencyState.SUSPENDED: frozenset({AgencyState.ACTIVE}),
    }

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    short_name: Mapped[str] = mapped_column(Text)
    licence: Mapped[str] = mapped_column(Text)
    legal_name: Mapped[str | None] = mapped_column(Text)
    legal_address: Mapped[str | None] = mapped_column(Text)
    rccm: Mapped[str | None] = mapped_column(Text)
    niu: Mapped[str | None] = mapped_column(Text)
    state: Mapped[AgencyState] = mapped_column(Word(AgencyState))
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text))
    timezone: Mapped[str] = mapped_column(Text, server_default=DEFAULT_ZONE)
    phone: Mapped[str | None] = mapped_column(Text)
    boarding_close_minutes: Mapped[int] = mapped_column(Integer, server_default="15")
    max_seats: Mapped[int | None] = mapped_column(Integer)
    commission_percent: Mapped[int | None] = mapped_column(Integer)
    luggage_free_kg: Mapped[int] = mapped_column(Integer, server_default="15")
    refund_policy: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
