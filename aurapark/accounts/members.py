"""The people of an agency: who they are, giving, changing and ending a role. Never commits.

Changes of one agency's staff go one after the other, under the lock of its live members' rows: two owners who remove
each other at once would leave none. What whoever acts may do is read under the same lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select

from aurapark import audit
from aurapark.accounts import one_time, second_factor, sessions
from aurapark.accounts.errors import AlreadyMember
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import AgencyRole, Membership, Purpose, SessionEnd, User
from aurapark.accounts.people import get_user
from aurapark.accounts.role_errors import LastOwner, MayNotGrant, MemberNotFound, OnBothSides, OwnRole
from aurapark.accounts.role_rules import is_raise, may_grant
from aurapark.accounts.rules import Role
from aurapark.extensions import db
from aurapark.log import log_event

MAX_ID = 2**63 - 1  # of a bigint
AGENCY = "agency"  # the entity of these entries in the audit log, so that an agency finds its own


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of an agency, as its owner sees them."""

    id: int
    user_id: int
    role: AgencyRole
    since: datetime
    name: str | None
    email: str | None
    phone: str | None
    disabled: bool
    second_factor: bool

    @property
    def label(self) -> str:
        """Return how this person is called on a page."""
        return self.name or self.email or self.phone or str(self.user_id)


def list_members(agency_id: int) -> list[Member]:
    """Return the people of an agency, owners first (one statement)."""
    return sorted(_read(_members(agency_id)), key=lambda one: (list(AgencyRole).index(one.role), one.label))


def get_member(agency_id: int, member_id: int) -> Member:
    """Return somebody of this agency. Raises MemberNotFound, alike for somebody of another one."""
    found = _read(_members(agency_id).where(Membership.id == member_id)) if 0 < member_id <= MAX_ID else []
    if not found:
        raise MemberNotFound
    return found[0]


def add_member(user: User, agency_id: int, role: AgencyRole, *, reason: str) -> None:
    """Make somebody a member; every session ends and begins anew under the role. Raises AlreadyMember, OnBothSides."""
    if user.platform_role is not None:
        raise OnBothSides
    if db.session.scalar(select(Membership.id).where(Membership.user_id == user.id, Membership.ended_at.is_(None))):
        raise AlreadyMember
    db.session.add(Membership(user_id=user.id, agency_id=agency_id, role=role))
    db.session.flush()
    before, after = {"user": user.id, "role": None}, {"user": user.id, "role": role.value}
    actor = f"user:{user.id}"
    audit.record("role.grant", AGENCY, str(agency_id), actor=actor, reason=reason, before=before, after=after)
    _begin_anew(user.id)


def change_role(agency_id: int, member_id: int, role: AgencyRole, *, by: Identity, reason: str) -> None:
    """Give somebody of this agency another role; their sessions end, but the one that asks.

    Raises MemberNotFound, MayNotGrant, OwnRole, LastOwner.
    """
    members = lock_members(agency_id)
    member = _find(members, member_id)
    held = _role_of(by, members)
    if not (may_grant(held, member.role) and may_grant(held, role)):
        raise MayNotGrant
    if member.user_id == by.user_id and is_raise(member.role, role):
        raise OwnRole
    if member.role == role:
        return
    if member.role == AgencyRole.OWNER:
        _require_other_owner(members, member)
    before, after = {"user": member.user_id, "role": member.role.value}, {"user": member.user_id, "role": role.value}
    member.role = role
    audit.record("role.change", AGENCY, str(agency_id), actor=by.actor, reason=reason, before=before, after=after)
    _begin_anew(member.user_id, but=by.session_id if member.user_id == by.user_id else None)


def end_membership(agency_id: int, member_id: int, *, by: Identity, reason: str) -> None:
    """Let somebody of this agency go; their sessions end. Raises MemberNotFound, MayNotGrant, LastOwner."""
    members = lock_members(agency_id)
    member = _find(members, member_id)
    if not may_grant(_role_of(by, members), member.role):
        raise MayNotGrant
    if member.role == AgencyRole.OWNER:
        _require_other_owner(members, member)
    before, after = {"user": member.user_id, "role": member.role.value}, {"user": member.user_id, "role": None}
    member.ended_at = func.now()
    audit.record("role.end", AGENCY, str(agency_id), actor=by.actor, reason=reason, before=before, after=after)
    _begin_anew(member.user_id)


def end_member_sessions(agency_id: int, member_id: int, *, by: Identity, reason: str) -> int:
    """Sign somebody of this agency out everywhere; returns of how many browsers. Raises MemberNotFound, MayNotGrant."""
    members = lock_members(agency_id)
    member = _find(members, member_id)
    if not may_grant(_role_of(by, members), member.role):
        raise MayNotGrant
    actor, reason = by.actor, reason.strip()
    after = {"user": member.user_id}
    audit.record("user.sessions_ended", AGENCY, str(agency_id), actor=actor, reason=reason, after=after)
    return sessions.end_sessions(member.user_id, because=SessionEnd.ENDED_BY_STAFF)


def require_may_grant(agency_id: int, role: AgencyRole, *, by: Identity) -> None:
    """Raise MayNotGrant unless this person may bring somebody with this role into the agency, at this moment."""
    if not may_grant(_role_of(by, lock_members(agency_id)), role):
        raise MayNotGrant


def find_role(user_id: int, agency_id: int) -> Role | None:
    """Return what somebody may act as for an agency now: their role in it, else the platform's; None when disabled."""
    user = get_user(user_id)
    if user.disabled_at is not None or user.erased_at is not None:
        return None
    here = Membership.agency_id == agency_id
    role = db.session.scalar(
        select(Membership.role).where(Membership.user_id == user_id, here, Membership.ended_at.is_(None))
    )
    return role or user.platform_role


def lock_members(agency_id: int) -> Sequence[Membership]:
    """Return the live members of an agency, locked until the transaction ends, always in one order."""
    statement = select(Membership).where(Membership.agency_id == agency_id, Membership.ended_at.is_(None))
    locked = statement.order_by(Membership.id).with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(locked).all()


def _members(agency_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Membership.id,
            User.id,
            Membership.role,
            Membership.created_at,
            User.name,
            User.email,
            User.phone,
            User.disabled_at.is_not(None),
            second_factor.is_set_up(User.id),
        )
        .join(User, User.id == Membership.user_id)
        .where(and_(Membership.agency_id == agency_id, Membership.ended_at.is_(None)))
    )


def _read(statement: Select[*tuple[Any, ...]]) -> list[Member]:
    return [Member(*row) for row in db.session.execute(statement)]


def _find(members: Sequence[Membership], member_id: int) -> Membership:
    found = next((member for member in members if member.id == member_id), None)
    if found is None:
        raise MemberNotFound
    return found


def _role_of(who: Identity, members: Sequence[Membership]) -> Role | None:
    """What whoever asks holds, under the lock: it may have been taken since their page was opened."""
    mine = next((member.role for member in members if member.user_id == who.user_id), None)
    return mine or get_user(who.user_id).platform_role


def _require_other_owner(members: Sequence[Membership], member: Membership) -> None:
    """A disabled owner is no owner: nobody could ask them anything."""
    others = [one.user_id for one in members if one.role == AgencyRole.OWNER and one.id != member.id]
    able = select(User.id).where(User.id.in_(others), User.disabled_at.is_(None), User.erased_at.is_(None)).limit(1)
    if db.session.scalar(able) is None:
        raise LastOwner


def _begin_anew(user_id: int, *, but: int | None = None) -> None:
    """What was given under another role opens nothing any more: sessions, and codes that were sent to a traveller."""
    sessions.end_sessions(user_id, because=SessionEnd.ROLE_CHANGED, but=but)
    one_time.spoil(user_id, Purpose.SIGN_IN)
    log_event("role_changed", user=user_id)
