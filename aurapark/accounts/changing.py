"""What people change about their own account: password, e-mail, phone. Each asks for the password again.

Whoever was told before is told of the change: the old address, or the one there is.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from aurapark.accounts import one_time, passwords, sessions, throttle
from aurapark.accounts.addresses import Address
from aurapark.accounts.errors import LinkUsed, TooManyCodes, WrongCode, WrongPassword
from aurapark.accounts.identity import Identity
from aurapark.accounts.messages import AccountMessage, send_secret, tell, tell_old_address
from aurapark.accounts.models import Purpose, SessionEnd, User
from aurapark.accounts.people import find_account, find_user, get_user, note_proof, set_address
from aurapark.accounts.registering import require_strong
from aurapark.accounts.throttle import account_key, forgive
from aurapark.database import in_transaction, let_go
from aurapark.extensions import db
from aurapark.log import log_event

SENT_SECRETS = (Purpose.RESET, Purpose.SIGN_IN, Purpose.CONFIRM_EMAIL, Purpose.CONFIRM_PHONE)


def confirm_password(user_id: int, password: str) -> None:
    """Ask for the password again before something important. Raises WrongPassword, TooManyTries, Busy."""
    counter = f"again:{user_id}"
    in_transaction(lambda: throttle.count_tries({counter: throttle.ACCOUNT}))
    password_hash = db.session.scalar(select(User.password_hash).where(User.id == user_id))
    let_go()  # no connection is held while the password is hashed
    if not passwords.is_password(password, password_hash):
        log_event("password_refused", user=user_id)
        raise WrongPassword
    in_transaction(lambda: forgive(counter))


def prepare_password(who: Identity, current: str, new: str) -> str:
    """Return the hash of a new password, after the present one. Raises WrongPassword, WeakPassword, Busy."""
    require_strong(new, about=(who.email, who.phone, who.name))
    confirm_password(who.user_id, current)
    return passwords.hash_password(new)


def set_password(user_id: int, password_hash: str, *, keep_session: int | None) -> None:
    """Set a password in the transaction under way; every other session ends, and the person is told."""
    user = get_user(user_id, lock=True)
    user.password_hash = password_hash
    sessions.end_sessions(user_id, because=SessionEnd.PASSWORD_CHANGED, but=keep_session)
    one_time.spoil(user_id, *SENT_SECRETS)
    tell(AccountMessage.PASSWORD_CHANGED, user, occasion=f"{_moment():%Y%m%dT%H%M%S.%f}")
    log_event("password_changed", user=user_id)


def ask_for_reset(address: Address, *, key: str, network: str, language: str) -> None:
    """Send a link that sets a new password, if there is such an account. Raises TooManyTries, else always the same.

    Three an hour go to one address: whoever asks for more is not told, and the last ones are still good.
    """

    def work() -> None:
        throttle.count_tries({f"codes:{network}": throttle.REGISTER})
        try:
            one_time.require_room(Purpose.RESET, address.value)
        except TooManyCodes:
            return
        account = find_account(address)
        known = account if account and account.active else None
        token = one_time.issue(
            Purpose.RESET,
            sent_to=address.value,
            user_id=known.user_id if known else None,
            key=key,
            lifetime=one_time.LINK_LIFETIME,
            details={"language": language},
        )
        if known:
            send_secret(AccountMessage.RESET, token)

    in_transaction(work)


def require_reset(secret: str) -> None:
    """Raise LinkUsed unless this link still sets a password."""
    token = one_time.find_link(Purpose.RESET, secret)
    if token is None or token.user_id is None:
        raise LinkUsed


def reset_password(secret: str, new: str) -> None:
    """Set a new password by the link that was sent; it signs nobody in. Raises LinkUsed, WeakPassword, Busy."""
    token = one_time.find_link(Purpose.RESET, secret)
    user = get_user(token.user_id) if token and token.user_id else None
    if user is None:
        raise LinkUsed
    require_strong(new, about=(user.email, user.phone, user.name))
    let_go()  # no connection is held while the password is hashed
    password_hash = passwords.hash_password(new)

    def work() -> None:
        used = one_time.use_link(Purpose.RESET, secret)
        if used is None or used.user_id is None:
            raise LinkUsed
        set_password(used.user_id, password_hash, keep_session=None)
        note_proof(get_user(used.user_id), used.sent_to)
        forgive(account_key(used.user_id, "", device=None))

    in_transaction(work)


def ask_for_new_address(who: Identity, address: Address, password: str, *, request_hash: str, key: str) -> None:
    """Send a code to the new address, after the password. Raises WrongPassword, TooManyCodes, TooManyTries, Busy."""
    confirm_password(who.user_id, password)
    purpose = Purpose.CONFIRM_PHONE if address.is_phone else Purpose.CONFIRM_EMAIL

    def work() -> None:
        one_time.require_room(purpose, address.value)
        other = find_user(address)
        taken = other is not None and other.id != who.user_id
        token = one_time.issue(
            purpose,
            sent_to=address.value,
            user_id=None if taken else who.user_id,
            key=key,
            request_hash=request_hash,
            lifetime=one_time.CODE_LIFETIME,
            details={"language": who.language},
        )
        send_secret(AccountMessage.HAS_ACCOUNT if taken else AccountMessage.CODE, token)

    in_transaction(work)


def change_address(who: Identity, code: str, *, by_phone: bool, request_hash: str, keys: Sequence[str]) -> None:
    """Take on the address whose code this is; the old one is told. Raises WrongCode, AddressTaken."""
    purpose = Purpose.CONFIRM_PHONE if by_phone else Purpose.CONFIRM_EMAIL

    def work() -> bool:
        token = one_time.use_code(purpose, request_hash, code, keys=keys)
        if token is None or token.user_id != who.user_id:
            return False
        user = get_user(who.user_id, lock=True)
        before = user.email or user.phone
        old = set_address(user, Address(token.sent_to)) or before
        db.session.flush()
        if old and old != token.sent_to:
            token.details = {**token.details, "old": old}
            tell_old_address(token, old)
        one_time.spoil(who.user_id, Purpose.RESET, Purpose.SIGN_IN)
        return True

    if not in_transaction(work):
        raise WrongCode
    log_event("address_changed", user=who.user_id, kind="phone" if by_phone else "email")


def _moment() -> datetime:
    moment: datetime = db.session.execute(select(func.now())).scalar_one()
    return moment
