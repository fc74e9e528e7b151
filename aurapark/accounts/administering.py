"""What the platform does with accounts from outside of them: make one, disable it, end its sessions; all logged."""

from sqlalchemy import func

from aurapark import audit
from aurapark.accounts import one_time, sessions
from aurapark.accounts.addresses import Address
from aurapark.accounts.changing import SENT_SECRETS
from aurapark.accounts.errors import UserNotFound
from aurapark.accounts.models import PlatformRole, SessionEnd, User
from aurapark.accounts.people import find_user, get_user
from aurapark.database import in_transaction
from aurapark.extensions import db

ENTITY = "user"


def create_user(
    address: Address, *, name: str, password_hash: str, role: PlatformRole | None, language: str, actor: str
) -> int:
    """Make an account for somebody whose address is believed, not proved; return its id. Raises AddressTaken."""

    def work() -> int:
        user = User(name=name, password_hash=password_hash, platform_role=role, language=language)
        if address.is_phone:
            user.phone = address.value
        else:
            user.email = address.value
        db.session.add(user)
        db.session.flush()
        audit.record("user.create", ENTITY, str(user.id), actor=actor, after={"platform_role": role and role.value})
        return user.id

    return in_transaction(work)


def disable_user(address: Address, *, reason: str, actor: str) -> int:
    """Disable an account: no session, no code, no link is worth anything; return how many sessions ended.

    Raises UserNotFound.
    """

    def work() -> int:
        user = _lock(address)
        before = {"disabled": user.disabled_at is not None}
        user.disabled_at, user.disabled_reason = user.disabled_at or func.now(), reason
        one_time.spoil(user.id, *SENT_SECRETS)
        ended = sessions.end_sessions(user.id, because=SessionEnd.DISABLED)
        after = {"disabled": True, "sessions_ended": ended}
        audit.record("user.disable", ENTITY, str(user.id), actor=actor, reason=reason, before=before, after=after)
        return ended

    return in_transaction(work)


def enable_user(address: Address, *, reason: str, actor: str) -> None:
    """Let somebody in again. Raises UserNotFound."""

    def work() -> None:
        user = _lock(address)
        before, after = {"disabled": user.disabled_at is not None}, {"disabled": False}
        user.disabled_at = user.disabled_reason = None
        audit.record("user.enable", ENTITY, str(user.id), actor=actor, reason=reason, before=before, after=after)

    in_transaction(work)


def end_sessions_of(address: Address, *, reason: str, actor: str) -> int:
    """Sign somebody out everywhere; return how many sessions ended. Raises UserNotFound."""

    def work() -> int:
        user = _lock(address)
        ended = sessions.end_sessions(user.id, because=SessionEnd.ENDED_BY_STAFF)
        before, after = {"sessions": ended}, {"sessions": 0}
        audit.record("user.end_sessions", ENTITY, str(user.id), actor=actor, reason=reason, before=before, after=after)
        return ended

    return in_transaction(work)


def _lock(address: Address) -> User:
    user = find_user(address)
    if user is None:
        raise UserNotFound
    return get_user(user.id, lock=True)
