"""Signing in by password or by a code, as stories. What they prove is handed on to whoever opens the session.

Unknown, disabled and known accounts take the same way: the same statements, one hash, the same words.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from aurapark.accounts import one_time, passwords, throttle
from aurapark.accounts.addresses import Address
from aurapark.accounts.errors import WrongCode, WrongSignIn
from aurapark.accounts.messages import AccountMessage, send_secret
from aurapark.accounts.models import Purpose, User
from aurapark.accounts.people import Account, find_account, get_user, note_proof
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.log import log_event


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody has proved who they are. `in_same` belongs into the transaction that opens their session."""

    user_id: int
    in_same: Callable[[], object]


def check_password(address: Address | None, password: str, *, device: str | None, network: str) -> Proof:
    """Return who this is. No database connection is held while the password is hashed.

    The try is counted first, and taken back when it was right. Raises TooManyTries, Busy, and WrongSignIn for whatever
    is wrong.
    """
    address = address or Address("nobody")
    account = find_account(address, device)
    user_id = account.user_id if account else None
    counter = throttle.account_key(user_id, address.value, device=device if account and account.knows_device else None)
    crowd = f"network:{network}"
    in_transaction(lambda: throttle.count_tries({counter: throttle.ACCOUNT, crowd: throttle.NETWORK}))
    right = passwords.is_password(password, account.password_hash if account else None)
    if account is None or not right or not account.active:
        log_event("sign_in_refused", user=user_id or "unknown", network=network)
        raise WrongSignIn
    better = _better_hash(account, password)

    def confirm() -> None:
        _require_unchanged(account)
        throttle.forgive(counter, network=crowd)
        if better is not None:
            get_user(account.user_id).password_hash = better
        log_event("signed_in", user=account.user_id, by="password")

    return Proof(account.user_id, confirm)


def ask_for_code(address: Address, *, request_hash: str, key: str, network: str) -> None:
    """Send a code to sign in with, if this is a traveller's address; whoever asks cannot tell.

    People who work for an agency or the platform sign in by password. Raises TooManyCodes, TooManyTries.
    """

    def work() -> None:
        throttle.count_tries({f"codes:{network}": throttle.REGISTER})
        one_time.require_room(Purpose.SIGN_IN, address.value)
        account = find_account(address)
        known = account if account and account.active and not account.is_staff else None
        token = one_time.issue(
            Purpose.SIGN_IN,
            sent_to=address.value,
            user_id=known.user_id if known else None,
            key=key,
            request_hash=request_hash,
            lifetime=one_time.CODE_LIFETIME,
        )
        if known:
            send_secret(AccountMessage.CODE, token)

    in_transaction(work)


def check_code(code: str, *, request_hash: str, keys: Sequence[str]) -> Proof:
    """Return who asked for this code. Raises WrongCode."""

    def work() -> int | None:
        token = one_time.use_code(Purpose.SIGN_IN, request_hash, code, keys=keys)
        if token is None or token.user_id is None:
            return None
        note_proof(get_user(token.user_id, lock=True), token.sent_to)
        return token.user_id

    user_id = in_transaction(work)
    if user_id is None:
        log_event("sign_in_refused", by="code")
        raise WrongCode

    return Proof(user_id, lambda: log_event("signed_in", user=user_id, by="code"))


def _require_unchanged(account: Account) -> None:
    """A password that is being changed at this moment is not good any more: the change waits for this row, or we do."""
    statement = select(User.password_hash).where(User.id == account.user_id).with_for_update(read=True)
    if db.session.scalar(statement) != account.password_hash:
        raise WrongSignIn


def _better_hash(account: Account, password: str) -> str | None:
    outdated = account.password_hash is not None and passwords.is_outdated(account.password_hash)
    return passwords.hash_password(password) if outdated else None
