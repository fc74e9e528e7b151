"""Taking people out of bookings that are over: at once for an erased account, for all others when their time has come.

What stays are seats, amounts and ids: the books and the list of the bus, without names. The booking's `user_id` is the
pseudonym, an account with nothing personal in it. What is left to do is found in the rows themselves, so that stopping
on the way loses nothing, and doing it again changes nothing. Reports of a gateway that name no attempt of ours, as some
about refunds and disputes, are emptied by their age alone.
"""

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update

from aurapark.accounts.models import User
from aurapark.booking.models import Booking, BookingAccess, BookingState, Passenger
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.payments.models import Payment, PaymentState, WebhookEvent
from aurapark.travellers.over import is_over
from aurapark.travellers.rules import KEEP_EVENTS, KEEP_NETWORK, KEEP_PAID, KEEP_UNPAID

UNPAID = (BookingState.HELD, BookingState.EXPIRED, BookingState.RELEASED)
SILENTLY = {"synchronize_session": False}


def forget_people(_settings: Settings, limit: int) -> int:
    """Take people out of up to `limit` rows of each kind whose time has come; returns the most of one kind."""
    counts = {
        "bookings": in_transaction(lambda: _clean_bookings(or_(_is_erased(), _is_old()), limit)),
        "networks": in_transaction(lambda: _forget_networks(limit)),
        "events": in_transaction(lambda: _forget_events(limit)),
    }
    if any(counts.values()):
        log_event("people_forgotten", **counts)
    return max(counts.values())


def clean_erased(user_id: int, limit: int = 100) -> int:
    """Take an erased person out of their bookings; returns how many there were. The nightly job takes what is left."""
    done = 0
    while cleaned := in_transaction(lambda: _clean_bookings(and_(_is_erased(), Booking.user_id == user_id), limit)):
        done += cleaned
    return done


def _clean_bookings(which: ColumnElement[bool], limit: int) -> int:
    picked = select(Booking.id).where(which, _names_people(), is_over()).limit(limit)
    ids = list(db.session.scalars(picked.with_for_update(skip_locked=True, of=Booking)))
    if ids:
        _clean(ids)
    return len(ids)


def _clean(ids: list[int]) -> None:
    """Nothing personal stays on these bookings, and no private link or cookie opens them."""
    no_token = func.encode(func.sha256(func.uuid_send(func.gen_random_uuid())), "hex")
    nothing = dict.fromkeys(("payer_name", "payer_phone", "payer_email", "visitor_hash", "network"))
    token = {"token_hash": no_token, "token_version": Booking.token_version + 1}
    db.session.execute(
        update(Booking).where(Booking.id.in_(ids)).values(**nothing, **token), execution_options=SILENTLY
    )
    db.session.execute(
        update(Passenger).where(Passenger.booking_id.in_(ids)).values(name=None, former_name=None),
        execution_options=SILENTLY,
    )
    db.session.execute(delete(BookingAccess).where(BookingAccess.booking_id.in_(ids)), execution_options=SILENTLY)
    paid = (Payment.booking_id.in_(ids), Payment.link.is_not(None), Payment.state != PaymentState.PENDING)
    unchanged = {"link": None, "updated_at": Payment.updated_at}
    db.session.execute(update(Payment).where(*paid).values(unchanged), execution_options=SILENTLY)
    names = select(Payment.tx_ref).where(Payment.booking_id.in_(ids))
    _empty(WebhookEvent.tx_ref.in_(names))


def _forget_networks(limit: int) -> int:
    old = select(Booking.id).where(Booking.network.is_not(None), Booking.created_at < func.now() - KEEP_NETWORK)
    picked = old.limit(limit).with_for_update(skip_locked=True).scalar_subquery()
    statement = update(Booking).where(Booking.id.in_(picked)).values(network=None).returning(Booking.id)
    return len(db.session.execute(statement, execution_options=SILENTLY).all())


def _forget_events(limit: int) -> int:
    old = (WebhookEvent.received_at < func.now() - KEEP_EVENTS, func.length(WebhookEvent.body) > 0)
    picked = select(WebhookEvent.id).where(*old, WebhookEvent.processed_at.is_not(None)).limit(limit)
    return _empty(WebhookEvent.id.in_(picked.with_for_update(skip_locked=True)))


def _empty(which: ColumnElement[bool]) -> int:
    """Empty the text of events that were worked off; their key, their fingerprint and what came of them stay."""
    statement = update(WebhookEvent).where(which, WebhookEvent.processed_at.is_not(None)).values(body=b"")
    return len(db.session.execute(statement.returning(WebhookEvent.id), execution_options=SILENTLY).all())


def _is_erased() -> ColumnElement[bool]:
    return exists().where(User.id == Booking.user_id, User.erased_at.is_not(None))


def _is_old() -> ColumnElement[bool]:
    unpaid = and_(Booking.state.in_(UNPAID), Booking.created_at < func.now() - KEEP_UNPAID)
    return or_(unpaid, Booking.created_at < func.now() - KEEP_PAID)


def _names_people() -> ColumnElement[bool]:
    named = exists().where(Passenger.booking_id == Booking.id, Passenger.name.is_not(None))
    columns = (Booking.payer_name, Booking.payer_phone, Booking.payer_email, Booking.visitor_hash)
    return or_(*[column.is_not(None) for column in columns], named)
