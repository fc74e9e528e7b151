"""A booking with its passengers, the seats it claims and its tickets. A hold is a booking in state `held`."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.errors import Conflict
from aurapark.extensions import Model
from aurapark.fares.models import Category
from aurapark.money import XAF


class Channel(StrEnum):
    WEB = "web"
    API = "api"
    COUNTER = "counter"


class BookingState(StrEnum):
    HELD = "held"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    RELEASED = "released"
    CANCELLED = "cancelled"


class CancelledBecause(StrEnum):
    TRAVELLER = "traveller"
    AGENCY = "agency"
    TRIP = "trip"


class ClaimState(StrEnum):
    HELD = "held"
    PAYING = "paying"
    SOLD = "sold"


class TicketState(StrEnum):
    VALID = "valid"
    BOARDED = "boarded"
    VOID = "void"


class Booking(Model):
    """One purchase on one trip. Prices, commission and refund policy are frozen here when the seats are held.

    `[board_segment, alight_segment)` is the leg. `total` is final from the first payment attempt on. `network` is
    where it was held from, such as 192.0.2.0/24. `user_id` is the traveller whose account it is in: then no cookie of
    a visitor opens it, unless it was granted. `names` is written by the database: payer and passengers, folded, for
    those who search.
    """

    __tablename__ = "booking"
    __table_args__ = (
        one_of("channel", Channel),
        one_of("state", BookingState),
        one_of("cancelled_because", CancelledBecause),
        one_of("language", ("fr", "en")),
        CheckConstraint("board_segment >= 0 AND alight_segment > board_segment", name="leg"),
        CheckConstraint("total > 0 AND commission BETWEEN 0 AND total", name="amounts"),
        CheckConstraint("extensions BETWEEN 0 AND 10", name="extensions"),
        CheckConstraint(
            "(state IN ('confirmed', 'cancelled')) = (confirmed_at IS NOT NULL AND confirming_payment_id IS NOT NULL)",
            name="confirmed",
        ),
        CheckConstraint("state <> 'expired' OR expired_at IS NOT NULL", name="expired"),
        CheckConstraint("(state = 'released') = (released_at IS NOT NULL)", name="released"),
        CheckConstraint(
            "(state = 'cancelled') = (cancelled_at IS NOT NULL AND cancelled_because IS NOT NULL)", name="cancelled"
        ),
        Index("uq_booking_confirming_payment_id", "confirming_payment_id", unique=True),
        Index("ix_booking_hold_expires_at", "hold_expires_at", postgresql_where=text("state = 'held'")),
        Index("ix_booking_trip_id", "trip_id"),
        Index("ix_booking_visitor_hash", "visitor_hash"),
        Index("ix_booking_user_id", "user_id", "hold_expires_at", postgresql_where=text("user_id IS NOT NULL")),
        Index("ix_booking_payer_email", text("lower(payer_email)"), postgresql_where=text("payer_email IS NOT NULL")),
        Index("ix_booking_payer_phone_hold_expires_at", "payer_phone", "hold_expires_at"),
        Index("ix_booking_agency_id_created_at", "agency_id", "created_at"),
        Index("ix_booking_agency_id_state_created_at", "agency_id", "state", "created_at", "channel"),
        Index("ix_booking_agency_id_channel_created_at", "agency_id", "channel", "created_at"),
        Index("ix_booking_names", "names", postgresql_using="gin", postgresql_ops={"names": "gin_trgm_ops"}),
    )
    MOVES: ClassVar = {
        BookingState.HELD: frozenset({BookingState.CONFIRMED, BookingState.EXPIRED, BookingState.RELEASED}),
        BookingState.EXPIRED: frozenset({BookingState.CONFIRMED}),
        BookingState.CONFIRMED: frozenset({BookingState.CANCELLED}),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trip.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    channel: Mapped[Channel] = mapped_column(Word(Channel))
    state: Mapped[BookingState] = mapped_column(Word(BookingState), server_default=BookingState.HELD)
    language: Mapped[str] = mapped_column(Text)
    board_segment: Mapped[int] = mapped_column(Integer)
    alight_segment: Mapped[int] = mapped_column(Integer)
    total: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(Text, server_default=XAF)
    commission_percent: Mapped[int] = mapped_column(Integer)
    commission: Mapped[int] = mapped_column(Integer)
    refund_policy: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    visitor_hash: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    network: Mapped[str | None] = mapped_column(Text)
    token_version: Mapped[int] = mapped_column(Integer, server_default="1")
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    hold_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sales_close_at: Mapped[datetime] = mapped_column(UtcDateTime)
    extensions: Mapped[int] = mapped_column(Integer, server_default="0")
    payer_name: Mapped[str | None] = mapped_column(Text)
    payer_phone: Mapped[str | None] = mapped_column(Text)
    payer_email: Mapped[str | None] = mapped_column(Text)
    names: Mapped[str] = mapped_column(Text, server_default="", deferred=True)
    confirming_payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id", use_alter=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_because: Mapped[CancelledBecause | None] = mapped_column(Word(CancelledBecause))


class Passenger(Model):
    """Who sits: one row per seat from the hold on, with the frozen price for every category; named at the checkout.

    `former_name` is the name before the last change by staff, so that the change can be taken back.
    """

    __tablename__ = "passenger"
    __table_args__ = (
        one_of("category", Category),
        CheckConstraint(
            "adult > 0 AND youth > 0 AND child > 0 AND reduced_mobility > 0 AND amount > 0", name="amounts"
        ),
        CheckConstraint("lap_children BETWEEN 0 AND 2", name="lap_children"),
        Index(
            "uq_passenger_booking_id_seat",
            "booking_id",
            "seat",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("booking.id"), index=True)
    place: Mapped[int] = mapped_column(Integer)
    seat: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    former_name: Mapped[str | None] = mapped_column(Text)
    category: Mapped[Category] = mapped_column(Word(Category), server_default=Category.ADULT)
    lap_children: Mapped[int] = mapped_column(Integer, server_default="0")
    amount: Mapped[int] = mapped_column(Integer)
    adult: Mapped[int] = mapped_column(Integer)
    youth: Mapped[int] = mapped_column(Integer)
    child: Mapped[int] = mapped_column(Integer)
    reduced_mobility: Mapped[int] = mapped_column(Integer)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SeatClaim(Model):
    """One seat on one segment of one trip, for one booking. The primary key is what keeps a seat from being sold twice.

    `held` may be taken over once lapsed; `paying` only the expiry story lets go; `sold` has no end.
    """

    __tablename__ = "seat_claim"
    __table_args__ = (
        one_of("state", ClaimState),
        CheckConstraint("segment >= 0", name="segment"),
        CheckConstraint("(state = 'sold') = (expires_at IS NULL)", name="expires_at"),
        Index("ix_seat_claim_booking_id", "booking_id"),
        Index("ix_seat_claim_expires_at", "expires_at"),
    )

    trip_id: Mapped[int] = mapped_column(ForeignKey("trip.id"), primary_key=True)
    seat: Mapped[str] = mapped_column(Text, primary_key=True)
    segment: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    place: Mapped[int] = mapped_column(Integer)
    booking_id: Mapped[int] = mapped_column(ForeignKey("booking.id"))
    state: Mapped[ClaimState] = mapped_column(Word(ClaimState))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Ticket(Model):
    """The right of one passenger to one seat on the booking's leg. `qr` is the exact signed text of the code."""

    __tablename__ = "ticket"
    __table_args__ = (
        one_of("state", TicketState),
        CheckConstraint("(state = 'boarded') = (boarded_at IS NOT NULL)", name="boarded_at"),
        Index("ix_ticket_booking_id", "booking_id"),
        Index("uq_ticket_booking_id_seat", "booking_id", "seat", unique=True, postgresql_where=text("state <> 'void'")),
    )
    MOVES: ClassVar = {TicketState.VALID: frozenset({TicketState.BOARDED, TicketState.VOID})}

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("booking.id"))
    passenger_id: Mapped[int] = mapped_column(ForeignKey("passenger.id"))
    seat: Mapped[str] = mapped_column(Text)
    state: Mapped[TicketState] = mapped_column(Word(TicketState), server_default=TicketState.VALID)
    qr: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    boarded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BookingAccess(Model):
    """A visitor who may see a booking: opened by the private link, or by reference and phone."""

    __tablename__ = "booking_access"

    booking_id: Mapped[int] = mapped_column(ForeignKey("booking.id"), primary_key=True)
    visitor_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


TRIGRAMS = DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # type: ignore[no-untyped-call]
event.listen(Booking.__table__, "before_create", TRIGRAMS)
on_constraint("booking_moves", Conflict)
