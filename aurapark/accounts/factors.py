"""The second factors of a person: what they have, whether an answer is good, adding and removing. Never commits.

Checking has two halves. `check_…` reads and computes, outside a transaction that writes, and returns the other half: to
be done in the transaction that lets the person in, it takes the code out of the world by a condition in the statement.
Of two uses of one code at once, one changes a row and the other is refused.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from aurapark.accounts import factor_rules as rules
from aurapark.accounts import passkeys, passwords, throttle
from aurapark.accounts.factor_errors import FactorNotFound, FactorRefused, LastFactor, PasskeyRefused
from aurapark.accounts.factor_models import Passkey, PasskeyChallenge, RecoveryCode, TotpSecret
from aurapark.accounts.models import User
from aurapark.accounts.passkeys import NewPasskey, RelyingParty
from aurapark.accounts.sealing import SealBroken, Sealer
from aurapark.accounts.throttle import TooManyTries
from aurapark.database import let_go
from aurapark.errors import TooMany
from aurapark.extensions import db
from aurapark.log import log_event

PURPOSE = "totp secret"
Take = Callable[[], None]
_QUIET = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person can answer with."""

    totp: TotpSecret | None
    passkeys: Sequence[Passkey]
    codes_left: int

    @property
    def count(self) -> int:
        """Return how many second factors these are; recovery codes only stand in for one."""
        return len(self.passkeys) + (self.totp is not None)


def sealer_for(secret_keys: Sequence[str]) -> Sealer:
    """Return what seals the secrets of authenticator apps; the newest secret key stands first."""
    return Sealer.of(secret_keys, purpose=PURPOSE)


def list_factors(user_id: int) -> Factors:
    """Return the second factors of a person (three statements)."""
    left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return Factors(_find_totp(user_id), list_passkeys(user_id), db.session.scalar(left) or 0)


def list_passkeys(user_id: int) -> Sequence[Passkey]:
    """Return the passkeys of a person, oldest first."""
    wanted = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)
    return db.session.scalars(wanted, execution_options={"populate_existing": True}).all()


def count_try(user_id: int) -> None:
    """Count one try before it is judged, in a transaction of its own. Raises TooMany while this person has to wait.

    Whoever gets here knows the password: the count is the person's, whatever browser or network it comes from.
    """
    try:
        throttle.count_tries({_counter(user_id): throttle.ACCOUNT})
    except TooManyTries as error:
        raise TooMany(error.until) from error


def forget_tries(user_id: int) -> None:
    """Begin counting anew, in the transaction under way: this try was good."""
    throttle.forgive(_counter(user_id))


def check_code(user_id: int, text: str, *, sealer: Sealer, moment: datetime) -> Take:
    """Return what takes the code that was typed: of the authenticator app, or a recovery code. Raises FactorRefused."""
    digits = rules.read_totp(text)
    if digits is not None:
        return _check_totp(user_id, digits, sealer=sealer, moment=moment)
    recovery = rules.read_recovery_code(text)
    if recovery is None:
        raise FactorRefused
    return _check_recovery_code(user_id, *recovery)


def check_passkey(user_id: int, answer: str, *, party: RelyingParty, challenge: bytes | None) -> Take:
    """Return what takes the answer of a passkey to a challenge. Raises PasskeyRefused."""
    credential = passkeys.answering_credential(answer)
    passkey = db.session.scalar(
        select(Passkey).where(Passkey.user_id == user_id, Passkey.credential_id == credential),
        execution_options={"populate_existing": True},
    )
    if passkey is None or challenge is None:
        raise PasskeyRefused
    passkey_id = passkey.id
    count = passkeys.check_authentication(answer, party=party, challenge=challenge, passkey=passkey)
    grown = or_(Passkey.sign_count < count, (Passkey.sign_count == 0) & (count == 0))
    return lambda: _take(update(Passkey).where(Passkey.id == passkey_id, grown), sign_count=count, last_used_at=_NOW)


def put_challenge(session_id: int, *, registers: bool) -> bytes:
    """Note, in the transaction under way, what a passkey of this session must sign next; earlier ones count no more."""
    challenge = passkeys.new_challenge()
    drop = delete(PasskeyChallenge).where(
        PasskeyChallenge.session_id == session_id, PasskeyChallenge.registers == registers
    )
    db.session.execute(drop, execution_options=_QUIET)
    expires_at = func.now() + rules.CHALLENGE_LIVES
    values = {"session_id": session_id, "registers": registers, "challenge": challenge, "expires_at": expires_at}
    db.session.execute(insert(PasskeyChallenge).values(values))
    return challenge


def take_challenge(session_id: int, *, registers: bool) -> bytes | None:
    """Take out, in a transaction of its own, what was to be signed: it counts once. None when it is gone or too old."""
    gone = delete(PasskeyChallenge).where(
        PasskeyChallenge.session_id == session_id, PasskeyChallenge.registers == registers
    )
    alive = PasskeyChallenge.expires_at > func.now()
    row = db.session.execute(gone.returning(PasskeyChallenge.challenge, alive), execution_options=_QUIET).first()
    return bytes(row[0]) if row is not None and row[1] else None


def add_totp(user_id: int, secret: str, code: str, *, sealer: Sealer, moment: datetime) -> None:
    """Keep the secret of an authenticator app that has just proved to have it; the code it proved it with is spent.

    Raises FactorRefused, and TotpKnown when there is one already.
    """
    step = require_code_of(secret, code, moment=moment)
    sealed = sealer.seal(secret, owner=_owner(user_id))
    db.session.execute(insert(TotpSecret).values(user_id=user_id, sealed=sealed, last_step=step))


def require_code_of(secret: str, code: str, *, moment: datetime) -> int:
    """Return the time step of a code of this secret. Raises FactorRefused."""
    digits = rules.read_totp(code)
    step = None if digits is None else rules.matching_step(secret, digits, moment=moment, after=-1)
    if step is None:
        raise FactorRefused
    return step


def add_passkey(user_id: int, new: NewPasskey, *, name: str) -> None:
    """Keep a passkey. Raises PasskeyKnown."""
    db.session.execute(
        insert(Passkey).values(
            user_id=user_id,
            credential_id=new.credential_id,
            public_key=new.public_key,
            sign_count=new.sign_count,
            transports=new.transports,
            backed_up=new.backed_up,
            name=name,
        )
    )


def replace_recovery_codes(user_id: int, hashes: Sequence[str]) -> None:
    """Keep new recovery codes; the old ones count no more."""
    _lock(user_id)
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id), execution_options=_QUIET)
    rows = [{"user_id": user_id, "slot": slot, "code_hash": one} for slot, one in enumerate(hashes)]
    db.session.execute(insert(RecoveryCode), rows)


def remove_totp(user_id: int, *, keep_one: bool) -> None:
    """Remove the authenticator app. Raises FactorNotFound, and LastFactor when one must stay (`keep_one`)."""
    _remove(user_id, delete(TotpSecret).where(TotpSecret.user_id == user_id), keep_one=keep_one)


def remove_passkey(user_id: int, passkey_id: int, *, keep_one: bool) -> None:
    """Remove one passkey of a person. Raises FactorNotFound, and LastFactor when one must stay (`keep_one`)."""
    own = delete(Passkey).where(Passkey.user_id == user_id, Passkey.id == passkey_id)
    _remove(user_id, own, keep_one=keep_one)


def remove_all(user_id: int) -> int:
    """Remove every factor of a person: it was lost, or the person is erased. Returns how many there were."""
    _lock(user_id)
    count = _count(user_id)
    for table in (TotpSecret, Passkey, RecoveryCode):
        db.session.execute(delete(table).where(table.user_id == user_id), execution_options=_QUIET)
    return count


def _check_totp(user_id: int, digits: str, *, sealer: Sealer, moment: datetime) -> Take:
    row = _find_totp(user_id)
    if row is None:
        raise FactorRefused
    try:
        secret, old_key = sealer.open(row.sealed, owner=_owner(user_id))
    except SealBroken as error:
        log_event("totp_secret_unreadable", level=logging.ERROR, user=user_id)  # SECRET_KEY changed without a fallback
        raise FactorRefused from error
    step = rules.matching_step(secret, digits, moment=moment, after=row.last_step)
    if step is None:
        raise FactorRefused
    sealed = row.sealed
    again = {"sealed": sealer.seal(secret, owner=_owner(user_id))} if old_key else {}
    unused = TotpSecret.last_step < step
    return lambda: _take(
        update(TotpSecret).where(TotpSecret.user_id == user_id, TotpSecret.sealed == sealed, unused),
        last_step=step,
        last_used_at=_NOW,
        **again,
    )


def _check_recovery_code(user_id: int, slot: int, code: str) -> Take:
    wanted = select(RecoveryCode.code_hash).where(
        RecoveryCode.user_id == user_id, RecoveryCode.slot == slot, RecoveryCode.used_at.is_(None)
    )
    code_hash = db.session.scalar(wanted)
    let_go()
    if not passwords.is_password(code, code_hash):
        raise FactorRefused
    unused = [RecoveryCode.code_hash == code_hash, RecoveryCode.used_at.is_(None)]
    return lambda: _take(
        update(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.slot == slot, *unused), used_at=_NOW
    )


_NOW: ColumnElement[datetime] = func.now()


def _take(statement: Any, **values: Any) -> None:
    """Change exactly one row, or refuse: somebody else was first."""
    if not _changed(statement.values(values)):
        raise FactorRefused


def _remove(user_id: int, own: Any, *, keep_one: bool) -> None:
    _lock(user_id)
    before = _count(user_id)
    if not _changed(own):
        raise FactorNotFound
    if before > 1:
        return
    if keep_one:
        raise LastFactor
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id), execution_options=_QUIET)


def _changed(statement: Any) -> int:
    """Run a statement and return how many rows it changed."""
    return int(db.session.execute(statement, execution_options=_QUIET).rowcount)  # type: ignore[attr-defined]


def _lock(user_id: int) -> None:
    """Changes of one person's factors go one after the other: two removals at once would leave none."""
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))


def _count(user_id: int) -> int:
    """Return how many factors there are now, whatever was read before."""
    kinds = [select(func.count()).where(table.user_id == user_id).scalar_subquery() for table in (TotpSecret, Passkey)]
    return int(db.session.execute(select(kinds[0] + kinds[1])).scalar_one())


def _find_totp(user_id: int) -> TotpSecret | None:
    return db.session.get(TotpSecret, user_id, populate_existing=True)


def _counter(user_id: int) -> str:
    return f"factor:{user_id}"


def _owner(user_id: int) -> str:
    return f"user:{user_id}"
