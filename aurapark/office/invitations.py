"""Invitations to work for an agency: a link by mail or SMS, good once and for 30 minutes, that signs nobody in.

Nobody learns from an invitation whether an address has an account. What whoever invites may do is asked again when the
invitation is accepted: one sent by an owner who has left is worth nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from aurapark import audit
from aurapark.accounts import one_time
from aurapark.accounts.addresses import Address
from aurapark.accounts.errors import LinkUsed
from aurapark.accounts.identity import Identity
from aurapark.accounts.members import AGENCY, add_member, find_role, require_may_grant
from aurapark.accounts.models import AgencyRole, OneTimeToken, Purpose, User
from aurapark.accounts.one_time import LINK_LIFETIME
from aurapark.accounts.people import find_user, get_user, note_proof, set_address
from aurapark.accounts.role_rules import may_grant
from aurapark.agencies.errors import InvitationNotFound
from aurapark.agencies.messages import send_invitation
from aurapark.database import in_transaction
from aurapark.errors import TooMany
from aurapark.extensions import db

AN_HOUR = timedelta(hours=1)
MOST_AN_HOUR = 20  # by one agency: each SMS costs money
REASON = "accepted an invitation"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody was asked to work for an agency and has not answered. `over`: too late, it can be sent again."""

    id: int
    sent_to: str
    role: AgencyRole
    expires_at: datetime
    over: bool


@dataclass(frozen=True, slots=True)
class Welcome:
    """What an invitation offers whoever opens it. `has_account`: no name and no password is asked for then."""

    agency_id: int
    role: AgencyRole
    sent_to: str
    has_account: bool


def invite(agency_id: int, address: Address, role: AgencyRole, *, by: Identity, key: str, language: str) -> None:
    """Invite somebody; an earlier invitation of theirs to this agency is worth nothing then.

    Raises MayNotGrant, TooManyCodes (to one address), TooMany (by one agency).
    """

    def work() -> None:
        require_may_grant(agency_id, role, by=by)
        for earlier in _waiting(agency_id, OneTimeToken.sent_to == address.value):
            earlier.used_at = func.now()
        _send(agency_id, address, role, by=by, key=key, language=language)

    in_transaction(work)


def send_again(agency_id: int, invitation_id: int, *, by: Identity, key: str) -> None:
    """Send a new link in place of the one before. Raises InvitationNotFound, and what `invite` raises."""

    def work() -> None:
        earlier = _get(agency_id, invitation_id)
        role, language = AgencyRole(earlier.details["role"]), str(earlier.details["language"])
        require_may_grant(agency_id, role, by=by)
        earlier.used_at = func.now()
        _send(agency_id, Address(earlier.sent_to), role, by=by, key=key, language=language)

    in_transaction(work)


def withdraw(agency_id: int, invitation_id: int, *, by: Identity) -> None:
    """Let an invitation be good for nothing. Raises InvitationNotFound, MayNotGrant."""

    def work() -> None:
        token = _get(agency_id, invitation_id)
        require_may_grant(agency_id, AgencyRole(token.details["role"]), by=by)
        token.used_at = func.now()
        before = {"invitation": token.id, "role": token.details["role"]}
        audit.record("invitation.withdraw", AGENCY, str(agency_id), actor=by.actor, before=before)

    in_transaction(work)


def list_invitations(agency_id: int) -> list[Invitation]:
    """Return who was invited within the last day and has not answered, the latest first (one statement)."""
    over = OneTimeToken.expires_at <= func.now()
    rows = db.session.execute(
        select(OneTimeToken.id, OneTimeToken.sent_to, OneTimeToken.details, OneTimeToken.expires_at, over)
        .where(*_of(agency_id))
        .order_by(OneTimeToken.id.desc())
    )
    return [Invitation(row[0], row[1], AgencyRole(row[2]["role"]), row[3], row[4]) for row in rows]


def open_invitation(secret: str) -> Welcome:
    """Return what a link offers; nothing is used up by looking. Raises LinkUsed."""
    token = one_time.find_link(Purpose.INVITATION, secret)
    if token is None:
        raise LinkUsed
    user = find_user(Address(token.sent_to))
    known = user is not None and user.password_hash is not None
    return Welcome(int(token.details["agency"]), AgencyRole(token.details["role"]), token.sent_to, known)


def accept(secret: str, *, name: str | None, password_hash: str | None, language: str) -> None:
    """Make whoever has read the invitation a member; it signs nobody in and gives no second factor.

    An account that has a password keeps it, and its sessions end. Raises LinkUsed, AlreadyMember, OnBothSides.
    """

    def work() -> None:
        token = one_time.use_link(Purpose.INVITATION, secret)
        if token is None:
            raise LinkUsed
        agency_id, role = int(token.details["agency"]), AgencyRole(token.details["role"])
        if not may_grant(find_role(int(token.details["by"]), agency_id), role):
            raise LinkUsed
        user = find_user(Address(token.sent_to))
        user = get_user(user.id, lock=True) if user else _new_user(Address(token.sent_to), language)
        if user.disabled_at is not None:
            raise LinkUsed
        if user.password_hash is None:
            if password_hash is None:
                raise LinkUsed
            user.password_hash, user.name = password_hash, name
        note_proof(user, token.sent_to)
        db.session.flush()
        add_member(user, agency_id, role, reason=REASON)
        token.user_id = user.id

    in_transaction(work)


def _new_user(address: Address, language: str) -> User:
    user = User(language=language)
    set_address(user, address)
    db.session.add(user)
    return user


def _send(agency_id: int, address: Address, role: AgencyRole, *, by: Identity, key: str, language: str) -> None:
    _require_room(agency_id)
    one_time.require_room(Purpose.INVITATION, address.value)
    details = {"agency": agency_id, "role": role.value, "by": by.user_id, "language": language}
    token = one_time.issue(Purpose.INVITATION, sent_to=address.value, key=key, lifetime=LINK_LIFETIME, details=details)
    after = {"invitation": token.id, "role": role.value}
    audit.record("invitation.send", AGENCY, str(agency_id), actor=by.actor, after=after)
    send_invitation(token.id, address.value)


def _require_room(agency_id: int) -> None:
    """Count under the lock of the agency's members, which whoever sends has: twenty presses at once slip by nothing."""
    recent = OneTimeToken.created_at > func.now() - AN_HOUR
    mine = OneTimeToken.details["agency"].as_integer() == agency_id
    statement = select(OneTimeToken.created_at).where(OneTimeToken.purpose == Purpose.INVITATION, recent, mine)
    found = db.session.scalars(statement.order_by(OneTimeToken.created_at.desc()).limit(MOST_AN_HOUR)).all()
    if len(found) == MOST_AN_HOUR:
        raise TooMany(found[-1] + AN_HOUR)


def _of(agency_id: int) -> tuple[ColumnElement[bool], ...]:
    unused = OneTimeToken.used_at.is_(None)
    return OneTimeToken.purpose == Purpose.INVITATION, OneTimeToken.details["agency"].as_integer() == agency_id, unused


def _waiting(agency_id: int, *which: Any) -> Sequence[OneTimeToken]:
    """Return unanswered invitations of this agency, locked."""
    return db.session.scalars(select(OneTimeToken).where(*_of(agency_id), *which).with_for_update()).all()


def _get(agency_id: int, invitation_id: int) -> OneTimeToken:
    found = next((one for one in _waiting(agency_id) if one.id == invitation_id), None)
    if found is None:
        raise InvitationNotFound
    return found
