"""Sessions: one row for each browser somebody is signed in with, found by the token in its cookie and ended at once.

The cookie proves nothing by itself: roles, disabling and both time limits are read from the database at each request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, case, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from aurapark.accounts import second_factor
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import AgencyRole, LoginSession, Membership, PlatformRole, SessionEnd, User
from aurapark.accounts.rules import LIMITS, STEP_UP, TRAVELLER, Role
from aurapark.extensions import db
from aurapark.references import fingerprint, new_secret

SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody signs in from, coarsely: a few words of the user agent, and the network."""

    device: str | None = None
    network: str | None = None


def open_session(user_id: int, place: Place) -> str:
    """Begin a session, in the transaction under way, and return the token for its cookie."""
    token = new_secret()
    row = {"token_hash": fingerprint(token), "user_id": user_id, "device": place.device, "network": place.network}
    db.session.execute(insert(LoginSession).values(row))
    return token


def find_identity(token: str) -> tuple[Identity, bool] | None:
    """Return who has this token and whether that ought to be noted (`note_seen`), None when the session is over.

    One statement. Over is: ended, past a limit of the person's roles, the person disabled or erased.
    """
    row = db.session.execute(
        select(
            LoginSession.id,
            LoginSession.created_at,
            LoginSession.second_factor_at,
            func.coalesce(LoginSession.second_factor_at > func.now() - STEP_UP, False).label("fresh"),
            (LoginSession.last_seen_at < func.now() - SEEN_EVERY).label("stale"),
            second_factor.is_set_up(User.id).label("set_up"),
            User.id.label("user_id"),
            User.name,
            User.email,
            User.phone,
            User.language,
            User.platform_role,
            Membership.agency_id,
            Membership.role,
        )
        .join(User, User.id == LoginSession.user_id)
        .outerjoin(Membership, and_(Membership.user_id == User.id, Membership.ended_at.is_(None)))
        .where(LoginSession.token_hash == fingerprint(token), _live())
    ).first()
    if row is None:
        return None
    identity = Identity(
        token=token,
        session_id=row.id,
        started_at=row.created_at,
        user_id=row.user_id,
        name=row.name,
        email=row.email,
        phone=row.phone,
        language=row.language,
        agency_id=row.agency_id,
        agency_role=row.role,
        platform_role=row.platform_role,
        second_factor_at=row.second_factor_at,
        second_factor_fresh=row.fresh,
        second_factor_set_up=row.set_up,
    )
    return identity, row.stale


def note_seen(session_id: int) -> None:
    """Note, in the transaction under way, that a session is in use: at most once a minute."""
    statement = update(LoginSession).where(
        LoginSession.id == session_id, LoginSession.last_seen_at < func.now() - SEEN_EVERY
    )
    db.session.execute(statement.values(last_seen_at=func.now()), execution_options={"synchronize_session": False})


def renew_session(identity: Identity, *, second_factor: bool = False) -> str | None:
    """Go on under a new token, in the transaction under way; the old one is worth nothing from now on.

    `second_factor` notes that it was given just now. The absolute limit runs on. None when the session is over.
    """
    ended = _end(LoginSession.id == identity.session_id, because=SessionEnd.REPLACED)
    if not ended:
        return None
    old = ended[0]
    token = new_secret()
    values = {
        "token_hash": fingerprint(token),
        "user_id": old.user_id,
        "created_at": old.created_at,
        "device": old.device,
        "network": old.network,
        "second_factor_at": func.now() if second_factor else old.second_factor_at,
    }
    db.session.execute(insert(LoginSession).values(values))
    return token


def end_session(session_id: int, *, user_id: int, because: SessionEnd) -> bool:
    """End one session of this person; False when there is none such that lives."""
    return bool(_end(LoginSession.id == session_id, LoginSession.user_id == user_id, because=because))


def end_sessions(user_id: int, *, because: SessionEnd, but: int | None = None) -> int:
    """End every session of a person, but for one; return how many. To call in every transaction that changes a role,
    a password, or disables somebody.
    """
    others = [LoginSession.user_id == user_id, *([LoginSession.id != but] if but is not None else [])]
    return len(_end(*others, because=because))


def list_sessions(user_id: int) -> Sequence[LoginSession]:
    """Return the live sessions of a person, the latest used first."""
    statement = (
        select(LoginSession)
        .join(User, User.id == LoginSession.user_id)
        .outerjoin(Membership, and_(Membership.user_id == User.id, Membership.ended_at.is_(None)))
        .where(LoginSession.user_id == user_id, _live())
        .order_by(LoginSession.last_seen_at.desc(), LoginSession.id.desc())
    )
    return db.session.scalars(statement).all()


def _live() -> ColumnElement[bool]:
    """The condition that a session joined with its user and membership still counts."""
    idle = _shortest({role: limits.idle for role, limits in LIMITS.items()}, TRAVELLER.idle)
    absolute = _shortest({role: limits.absolute for role, limits in LIMITS.items()}, TRAVELLER.absolute)
    return and_(
        LoginSession.revoked_at.is_(None),
        User.disabled_at.is_(None),
        User.erased_at.is_(None),
        LoginSession.last_seen_at > func.now() - idle,
        LoginSession.created_at > func.now() - absolute,
        second_factor.is_in_time(User.id),
    )


def _shortest(by_role: dict[Role, timedelta], otherwise: timedelta) -> ColumnElement[Any]:
    """The time that applies to the roles of the row: the shortest first."""
    times = sorted(set(by_role.values()))
    return case(
        *[(_holds([role for role in by_role if by_role[role] == time]), time) for time in times], else_=otherwise
    )


def _holds(roles: list[Role]) -> ColumnElement[bool]:
    at_agency = [role for role in roles if isinstance(role, AgencyRole)]
    at_platform = [role for role in roles if isinstance(role, PlatformRole)]
    return or_(Membership.role.in_(at_agency), User.platform_role.in_(at_platform))


def _end(*which: ColumnElement[bool], because: SessionEnd) -> Sequence[Any]:
    """End the live sessions of that kind, and return what they were."""
    statement = (
        update(LoginSession)
        .where(*which, LoginSession.revoked_at.is_(None))
        .values(revoked_at=func.now(), ended_because=because)
        .returning(
            LoginSession.user_id,
            LoginSession.created_at,
            LoginSession.device,
            LoginSession.network,
            LoginSession.second_factor_at,
        )
    )
    return db.session.execute(statement, execution_options={"synchronize_session": False}).all()
