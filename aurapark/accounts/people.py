"""The people who sign in: finding them by an address, making them, and what may change about them."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from aurapark.accounts.addresses import Address
from aurapark.accounts.models import KnownDevice, Membership, User
from aurapark.extensions import db

NOWHERE = ""  # the fingerprint of no device


@dataclass(frozen=True, slots=True)
class Account:
    """What signing in needs to know of somebody. `active`: neither disabled nor erased."""

    user_id: int
    password_hash: str | None
    active: bool
    is_staff: bool
    knows_device: bool


def find_account(address: Address, device: str | None = None) -> Account | None:
    """Return the account of this address, and whether they have signed in on this device before (one statement)."""
    works = exists().where(Membership.user_id == User.id, Membership.ended_at.is_(None))
    knows = exists().where(KnownDevice.user_id == User.id, KnownDevice.device_hash == (device or NOWHERE))
    row = db.session.execute(
        select(
            User.id,
            User.password_hash,
            and_(User.disabled_at.is_(None), User.erased_at.is_(None)),
            works | User.platform_role.is_not(None),
            knows,
        ).where(_has(address))
    ).first()
    return Account(*row) if row else None


def find_user(address: Address) -> User | None:
    """Return the user with this address."""
    return db.session.scalars(select(User).where(_has(address))).first()


def get_user(user_id: int, *, lock: bool = False) -> User:
    """Return this user, locked until the transaction ends where it is going to change."""
    statement = select(User).where(User.id == user_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(statement).one()


def set_address(user: User, address: Address) -> str | None:
    """Give somebody a phone number or e-mail address that they have proved; return the one it takes the place of."""
    if address.is_phone:
        old, user.phone, user.phone_verified_at = user.phone, address.value, func.now()
    else:
        old, user.email, user.email_verified_at = user.email, address.value, func.now()
    return old


def set_language(user_id: int, language: str) -> None:
    """Write to somebody in this language from now on."""
    get_user(user_id, lock=True).language = language


def note_proof(user: User, address: str) -> None:
    """Note that somebody has read what we sent to this address of theirs."""
    if address == user.email and user.email_verified_at is None:
        user.email_verified_at = func.now()
    if address == user.phone and user.phone_verified_at is None:
        user.phone_verified_at = func.now()


def remember_device(user_id: int, device: str) -> None:
    """Note that somebody has signed in on this device."""
    row = {"user_id": user_id, "device_hash": device}
    statement = insert(KnownDevice).values(row)
    key = [KnownDevice.user_id, KnownDevice.device_hash]
    db.session.execute(statement.on_conflict_do_update(index_elements=key, set_={"last_seen_at": func.now()}))


def _has(address: Address) -> ColumnElement[bool]:
    return (User.phone if address.is_phone else User.email) == address.value
