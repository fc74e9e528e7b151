"""Adding and removing second factors, as stories: the password is asked for again, and the account's owner is told.

What is returned belongs into the transaction in which the session goes on under a new token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select

from aurapark.accounts import factor_rules, factors, passkeys, passwords
from aurapark.accounts.changing import confirm_password
from aurapark.accounts.factor_errors import FactorNotFound, PasskeyRefused, SignInAgain, TotpKnown
from aurapark.accounts.factors import Take
from aurapark.accounts.identity import Identity
from aurapark.accounts.messages import AccountMessage, tell
from aurapark.accounts.models import SessionEnd, User
from aurapark.accounts.passkeys import RelyingParty
from aurapark.accounts.people import get_user
from aurapark.accounts.rules import NEED_SECOND_FACTOR, STEP_UP
from aurapark.accounts.sealing import Sealer
from aurapark.accounts.sessions import end_sessions
from aurapark.audit import ReasonNeeded, record
from aurapark.database import in_transaction, let_go
from aurapark.extensions import db
from aurapark.log import log_event

APP, PASSKEY, CODES = "app", "passkey", "recovery_codes"


@dataclass(frozen=True, slots=True)
class Added:
    """A factor about to be kept, by `take`; with the first one come recovery codes, which are shown this once."""

    take: Take
    codes: Sequence[str] = field(default=(), repr=False)


def account_name(who: Identity) -> str:
    """Return how apps and devices call this person's account."""
    return who.email or who.phone or str(who.user_id)


def has_password(user_id: int) -> bool:
    """Say whether somebody has a password to be asked for."""
    return bool(db.session.scalar(select(User.password_hash.is_not(None)).where(User.id == user_id)))


def require_owner(who: Identity, password: str | None) -> None:
    """Ask for the password again; who has none must have signed in within ten minutes.

    Raises WrongPassword, SignInAgain, TooManyTries, Busy.
    """
    if has_password(who.user_id):
        confirm_password(who.user_id, password or "")
    elif not db.session.scalar(select(func.now() - STEP_UP < who.started_at)):
        raise SignInAgain


def add_app(who: Identity, secret: str, typed: str, *, password: str | None, sealer: Sealer, moment: datetime) -> Added:
    """Set up an app by the first code it shows. Raises FactorRefused, TotpKnown, and as `require_owner`."""
    if factors.list_factors(who.user_id).totp is not None:
        raise TotpKnown
    factors.require_code_of(secret, typed, moment=moment)
    require_owner(who, password)
    return _add(who, APP, lambda: factors.add_totp(who.user_id, secret, typed, sealer=sealer, moment=moment))


def ask_new_passkey(who: Identity, *, party: RelyingParty) -> str:
    """Return, as JSON, what a new passkey is made with."""
    challenge = in_transaction(lambda: factors.put_challenge(who.session_id, registers=True))
    return passkeys.registration_options(
        party,
        user_id=who.user_id,
        account=account_name(who),
        challenge=challenge,
        known=factors.list_passkeys(who.user_id),
    )


def add_passkey(who: Identity, answer: str, *, name: str, password: str | None, party: RelyingParty) -> Added:
    """Keep a new passkey; the challenge is used up. Raises PasskeyRefused, PasskeyKnown, and as `require_owner`."""
    require_owner(who, password)
    challenge = in_transaction(lambda: factors.take_challenge(who.session_id, registers=True))
    if challenge is None:
        raise PasskeyRefused
    new = passkeys.check_registration(answer, party=party, challenge=challenge)
    return _add(who, PASSKEY, lambda: factors.add_passkey(who.user_id, new, name=name))


def make_recovery_codes(who: Identity, *, password: str | None) -> Added:
    """Make ten new recovery codes; the old ones count no more. Raises FactorNotFound when there is no factor."""
    if factors.list_factors(who.user_id).count == 0:
        raise FactorNotFound
    require_owner(who, password)
    codes, hashes = _new_codes()

    def take() -> None:
        factors.replace_recovery_codes(who.user_id, hashes)
        _note(who, "user.recovery_codes_made", CODES, AccountMessage.RECOVERY_CODES_MADE)

    return Added(take, codes)


def remove_factor(who: Identity, passkey_id: int | None, *, password: str | None) -> Take:
    """Remove a passkey, or the authenticator app (`passkey_id=None`).

    Raises LastFactor for a role that needs one, FactorNotFound, and as `require_owner`.
    """
    require_owner(who, password)
    keep_one = any(role in NEED_SECOND_FACTOR for role in who.roles)

    def take() -> None:
        if passkey_id is None:
            factors.remove_totp(who.user_id, keep_one=keep_one)
        else:
            factors.remove_passkey(who.user_id, passkey_id, keep_one=keep_one)
        kind = APP if passkey_id is None else PASSKEY
        _note(who, "user.factor_removed", kind, AccountMessage.FACTOR_REMOVED)

    return take


def reset_factors(user_id: int, *, actor: str, reason: str) -> int:
    """Take away every factor of somebody who has lost them, and end their sessions; returns how many there were.

    They sign in by password and set up a new one. Raises ReasonNeeded.
    """

    if not reason.strip():
        raise ReasonNeeded

    def work() -> int:
        user = get_user(user_id, lock=True)
        count = factors.remove_all(user_id)
        factors.forget_tries(user_id)
        end_sessions(user_id, because=SessionEnd.ENDED_BY_STAFF)
        before, after = {"factors": count}, {"factors": 0}
        record("user.factor_reset", "user", str(user_id), actor=actor, reason=reason, before=before, after=after)
        tell(AccountMessage.FACTOR_REMOVED, user, occasion=_occasion())
        log_event("second_factor_reset", user=user_id, actor=actor)
        return count

    return in_transaction(work)


def _add(who: Identity, kind: str, keep: Take) -> Added:
    """Hash recovery codes for a first factor before the transaction begins, so that it stays short."""
    codes, hashes = _new_codes() if factors.list_factors(who.user_id).count == 0 else ([], [])
    let_go()

    def take() -> None:
        keep()
        if hashes:
            factors.replace_recovery_codes(who.user_id, hashes)
        _note(who, "user.factor_added", kind, AccountMessage.FACTOR_ADDED)

    return Added(take, codes)


def _new_codes() -> tuple[list[str], list[str]]:
    let_go()
    codes = factor_rules.new_recovery_codes()
    return codes, [passwords.hash_password(code) for code in codes]


def _note(who: Identity, action: str, kind: str, message: AccountMessage) -> None:
    record(action, "user", str(who.user_id), actor=who.actor, after={"kind": kind})
    tell(message, get_user(who.user_id), occasion=_occasion())
    log_event(action.replace("user.", "second_factor_"), user=who.user_id, kind=kind)


def _occasion() -> str:
    return str(db.session.scalar(select(func.clock_timestamp())))
