"""Guest bookings that somebody brings into their account: those paid with a phone or e-mail they have proved to be
theirs. It happens at a press, never by itself: what is typed anywhere counts for nothing.

Whoever has that phone or mailbox got ticket and private link there already, so bringing gives nobody a new view. Only
bookings of the last `WITHIN` count, because telephone numbers are given to other people after a while. Holds are not
brought: they end within minutes, and their payer has not paid. Whoever made the booking as a guest keeps it open on
their device. The first account wins: a booking in an account is not brought into another.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from aurapark import audit
from aurapark.accounts.models import User
from aurapark.accounts.people import get_user
from aurapark.booking.models import Booking, BookingAccess, BookingState
from aurapark.database import in_transaction
from aurapark.extensions import db

WITHIN = timedelta(days=90)
PAID = (BookingState.CONFIRMED, BookingState.CANCELLED)


def count_guest_bookings(user_id: int) -> int:
    """Return how many guest bookings this person may bring (one statement)."""
    statement = select(func.count()).select_from(Booking).join(User, User.id == user_id).where(is_proved_payer())
    return db.session.scalar(statement.where(_is_recent())) or 0


def bring_guest_bookings(user_id: int) -> int:
    """Put somebody's guest bookings into their account; return how many. Doing it again changes nothing."""
    return in_transaction(lambda: bring(user_id, _is_recent()))


def bring(user_id: int, *which: ColumnElement[bool]) -> int:
    """Put those of somebody's guest bookings into their account, in the transaction under way."""
    get_user(user_id, lock=True)  # the addresses stay what they are until this is done
    mine = exists().where(User.id == user_id, is_proved_payer())
    taken = db.session.execute(
        update(Booking).where(mine, *which).values(user_id=user_id).returning(Booking.id, Booking.reference),
        execution_options={"synchronize_session": False},
    ).all()
    if taken:
        _keep_open_for_guests([row.id for row in taken])
        references = sorted(row.reference for row in taken)
        audit.record("booking.bring", "user", str(user_id), actor=f"user:{user_id}", after={"bookings": references})
    return len(taken)


def is_proved_payer() -> ColumnElement[bool]:
    """The condition that a booking is a guest's, paid, and was paid with a proved address of the user joined to it."""
    by_phone = Booking.payer_phone == User.phone
    by_email = func.lower(Booking.payer_email) == User.email
    proved = or_(by_phone & User.phone_verified_at.is_not(None), by_email & User.email_verified_at.is_not(None))
    return proved & Booking.user_id.is_(None) & Booking.state.in_(PAID)


def _is_recent() -> ColumnElement[bool]:
    return Booking.created_at > func.now() - WITHIN


def _keep_open_for_guests(booking_ids: list[int]) -> None:
    """Note that the visitors who made these bookings may open them still."""
    made = select(Booking.id, Booking.visitor_hash).where(
        Booking.id.in_(booking_ids), Booking.visitor_hash.is_not(None)
    )
    statement = insert(BookingAccess).from_select(["booking_id", "visitor_hash"], made)
    db.session.execute(statement.on_conflict_do_nothing())
