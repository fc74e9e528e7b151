"""Erasing an account: the person goes, the books and the lists of buses stay without names.

Refused while something is to come: a trip, seats that are kept, money under way, a role. Guest bookings that were paid
with a proved address of this person come along and are cleaned with theirs. What others booked for this person, or
paid with their number in an account of their own, is the others'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, true, update

from aurapark import audit
from aurapark.accounts.changing import confirm_password
from aurapark.accounts.factor_models import Passkey, RecoveryCode, TotpSecret
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import KnownDevice, LoginSession, Membership, OneTimeToken, SessionEnd, User
from aurapark.accounts.people import get_user
from aurapark.accounts.sessions import end_sessions
from aurapark.booking.models import Booking
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.travellers.bring import bring, is_proved_payer
from aurapark.travellers.errors import ErasureRefused
from aurapark.travellers.forget import SILENTLY, clean_erased
from aurapark.travellers.over import has_money_going_back, is_ahead, is_being_paid, is_disputed, is_looked_at

FACTORS = (TotpSecret, RecoveryCode, Passkey, KnownDevice)


class Against(StrEnum):
    """What stands against erasing an account."""

    ROLE = "role"
    TRIP = "trip"
    PAYING = "paying"
    MONEY = "money"
    REVIEW = "review"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands against it; `reference` is its booking."""

    kind: Against
    reference: str = ""


def list_obstacles(user_id: int) -> list[Obstacle]:
    """Return what stands against erasing this account now (two statements)."""
    works = exists().where(Membership.user_id == User.id, Membership.ended_at.is_(None))
    staff = select(User.id).where(User.id == user_id, or_(works, User.platform_role.is_not(None)))
    found = [Obstacle(Against.ROLE)] if db.session.scalar(staff) else []
    kinds: Sequence[tuple[Against, ColumnElement[bool]]] = [
        (Against.TRIP, is_ahead()),
        (Against.PAYING, is_being_paid()),
        (Against.MONEY, has_money_going_back()),
        (Against.REVIEW, is_looked_at()),
        (Against.DISPUTE, is_disputed()),
    ]
    statement = (
        select(Booking.reference, *[condition for _, condition in kinds])
        .join(User, and_(User.id == user_id, or_(Booking.user_id == User.id, is_proved_payer())))
        .where(or_(*[condition for _, condition in kinds]))
        .order_by(Booking.id)
    )
    for reference, *standing in db.session.execute(statement):
        found += [Obstacle(kind, reference) for (kind, _), stands in zip(kinds, standing, strict=True) if stands]
    return found


def erase_account(who: Identity, password: str) -> None:
    """Erase somebody's account after their password; a second time does nothing more.

    Whatever is stopped on the way is taken up by the nightly job. Raises WrongPassword, TooManyTries, Busy;
    ErasureRefused while something stands against it.
    """
    confirm_password(who.user_id, password)
    in_transaction(lambda: _erase(who.user_id))
    cleaned = clean_erased(who.user_id)
    log_event("account_erased", user=who.user_id, bookings=cleaned)


def _erase(user_id: int) -> None:
    user = get_user(user_id, lock=True)
    if user.erased_at is not None:
        return
    if list_obstacles(user_id):
        raise ErasureRefused
    bring(user_id, true())
    end_sessions(user_id, because=SessionEnd.ERASED)
    _forget_devices_and_secrets(user)
    nothing = dict.fromkeys(("name", "email", "phone", "password_hash", "email_verified_at", "phone_verified_at"))
    erased = update(User).where(User.id == user_id).values(**nothing, erased_at=func.now())
    db.session.execute(erased, execution_options=SILENTLY)
    audit.record("user.erase", "user", str(user_id), actor=f"user:{user_id}")


def _forget_devices_and_secrets(user: User) -> None:
    addresses = [address for address in (user.email, user.phone) if address]
    for table in FACTORS:
        db.session.execute(delete(table).where(table.user_id == user.id), execution_options=SILENTLY)
    sent = or_(OneTimeToken.user_id == user.id, OneTimeToken.sent_to.in_(addresses))
    db.session.execute(delete(OneTimeToken).where(sent), execution_options=SILENTLY)
    sessions = update(LoginSession).where(LoginSession.user_id == user.id).values(device=None, network=None)
    db.session.execute(sessions, execution_options=SILENTLY)
