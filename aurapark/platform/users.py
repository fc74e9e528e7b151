"""What the platform does about people who sign in: disable, enable, sign out, give and take its own roles. All logged.

Changes of platform roles go one after the other, under the lock of every admin's row: two admins who take each other's
role would leave none. What whoever acts holds is read under the same lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, or_, select

from aurapark import audit
from aurapark.accounts import one_time, second_factor, sessions
from aurapark.accounts.changing import SENT_SECRETS
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import LoginSession, Membership, PlatformRole, SessionEnd, User
from aurapark.accounts.role_errors import LastAdmin, MayNotGrant, OnBothSides, OwnAccount, OwnRole, UserNotFoundHere
from aurapark.accounts.role_rules import is_raise, may_grant, may_see_to
from aurapark.agencies.models import Agency
from aurapark.extensions import db
from aurapark.log import log_event

ENTITY = "user"
MAX_ID = 2**63 - 1  # of a bigint


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in, as the platform sees them."""

    user: User
    agency: Agency | None
    membership: Membership | None
    second_factor: bool
    sessions: int


def get_person(user_id: int) -> Person:
    """Return somebody who can sign in (one statement). Raises UserNotFoundHere."""
    live = LoginSession.user_id == User.id, LoginSession.revoked_at.is_(None)
    row = db.session.execute(
        select(
            User,
            Agency,
            Membership,
            second_factor.is_set_up(User.id),
            select(func.count(LoginSession.id)).where(*live).scalar_subquery(),
        )
        .outerjoin(Membership, (Membership.user_id == User.id) & Membership.ended_at.is_(None))
        .outerjoin(Agency, Agency.id == Membership.agency_id)
        .where(User.id == (user_id if 0 < user_id <= MAX_ID else 0), User.erased_at.is_(None))
    ).first()
    if row is None:
        raise UserNotFoundHere
    return Person(row[0], row[1], row[2], row[3], row[4])


def disable(user_id: int, *, by: Identity, reason: str) -> None:
    """Disable an account: no session, code or link is worth anything. Raises as `_lock_for`, and LastAdmin."""
    user, admins = _lock_for(user_id, by)
    if user.platform_role == PlatformRole.ADMIN:
        _require_other_admin(admins, user)
    before = {"disabled": user.disabled_at is not None}
    user.disabled_at, user.disabled_reason = user.disabled_at or func.now(), reason
    one_time.spoil(user.id, *SENT_SECRETS)
    ended = sessions.end_sessions(user.id, because=SessionEnd.DISABLED)
    after = {"disabled": True, "sessions_ended": ended}
    audit.record("user.disable", ENTITY, str(user.id), actor=by.actor, reason=reason, before=before, after=after)


def enable(user_id: int, *, by: Identity, reason: str) -> None:
    """Let somebody in again. Raises as `_lock_for`."""
    user, _ = _lock_for(user_id, by)
    before, after = {"disabled": user.disabled_at is not None}, {"disabled": False}
    user.disabled_at = user.disabled_reason = None
    audit.record("user.enable", ENTITY, str(user.id), actor=by.actor, reason=reason, before=before, after=after)


def end_sessions(user_id: int, *, by: Identity, reason: str) -> None:
    """Sign somebody out everywhere. Raises as `_lock_for`."""
    user, _ = _lock_for(user_id, by)
    ended = sessions.end_sessions(user.id, because=SessionEnd.ENDED_BY_STAFF)
    before, after = {"sessions": ended}, {"sessions": 0}
    audit.record("user.end_sessions", ENTITY, str(user.id), actor=by.actor, reason=reason, before=before, after=after)


def require_other(user_id: int, *, by: Identity) -> None:
    """Raise OwnAccount for whoever means themselves, UserNotFoundHere for nobody."""
    if get_person(user_id).user.id == by.user_id:
        raise OwnAccount


def set_platform_role(user_id: int, role: PlatformRole | None, *, by: Identity, reason: str) -> None:
    """Give somebody a role of the platform, another one, or none; their sessions end, but the one that asks.

    Raises UserNotFoundHere, MayNotGrant, OwnRole, LastAdmin, OnBothSides.
    """
    user, admins = _lock(user_id)
    before = user.platform_role
    if not may_grant(_role_of(by, admins), role or PlatformRole.ADMIN):
        raise MayNotGrant
    if before == role:
        return
    if role is not None:
        if user.id == by.user_id and is_raise(before, role):
            raise OwnRole
        if db.session.scalar(select(exists().where(Membership.user_id == user.id, Membership.ended_at.is_(None)))):
            raise OnBothSides
    if before == PlatformRole.ADMIN:
        _require_other_admin(admins, user)
    user.platform_role = role
    action = "role.grant" if before is None else "role.change" if role else "role.end"
    changes = {"before": {"role": before and before.value}, "after": {"role": role and role.value}}
    audit.record(action, ENTITY, str(user.id), actor=by.actor, reason=reason, **changes)
    own = by.session_id if user.id == by.user_id else None
    sessions.end_sessions(user.id, because=SessionEnd.ROLE_CHANGED, but=own)
    one_time.spoil(user.id, *SENT_SECRETS)
    log_event("role_changed", user=user.id)


def _lock_for(user_id: int, by: Identity) -> tuple[User, Sequence[User]]:
    """Return somebody whom `by` may see to, with all admins, locked. Raises UserNotFoundHere, OwnAccount, MayNotGrant.

    Support sees to people outside of the platform, an admin to everybody but themselves.
    """
    user, admins = _lock(user_id, by.user_id)
    if user.id == by.user_id:
        raise OwnAccount
    if not may_see_to(_role_of(by, admins), user.platform_role):
        raise MayNotGrant
    return user, admins


def _lock(*user_ids: int) -> tuple[User, Sequence[User]]:
    wanted = [one for one in user_ids if 0 < one <= MAX_ID]
    statement = select(User).where(or_(User.platform_role == PlatformRole.ADMIN, User.id.in_(wanted)))
    locked = statement.order_by(User.id).with_for_update().execution_options(populate_existing=True)
    found = db.session.scalars(locked).all()
    user = next((one for one in found if one.id == user_ids[0] and one.erased_at is None), None)
    if user is None:
        raise UserNotFoundHere
    return user, found


def _role_of(who: Identity, locked: Sequence[User]) -> PlatformRole | None:
    """What whoever asks holds under the lock: it may have been taken since their page was opened."""
    mine = next((one for one in locked if one.id == who.user_id), None)
    return mine.platform_role if mine and mine.disabled_at is None else None


def _require_other_admin(locked: Sequence[User], user: User) -> None:
    others = [one for one in locked if one.platform_role == PlatformRole.ADMIN and one.disabled_at is None]
    if not [one for one in others if one.id != user.id]:
        raise LastAdmin
