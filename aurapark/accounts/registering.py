"""Registering: an account begins when its phone or e-mail is proved, not before.

So nobody can register with somebody else's address, and nothing tells whether an address has an account: whoever has
one already gets a message that says so, the page is the same.
"""

from collections.abc import Sequence

from aurapark.accounts import one_time, passwords, throttle
from aurapark.accounts.addresses import Address
from aurapark.accounts.errors import WeakPassword, WrongCode
from aurapark.accounts.messages import AccountMessage, send_secret
from aurapark.accounts.models import Purpose, User
from aurapark.accounts.people import find_user, set_address
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.log import log_event


def ask_to_register(
    address: Address, password: str, *, name: str | None, language: str, request_hash: str, key: str, network: str
) -> None:
    """Send a code to the new address. Raises WeakPassword, Busy, TooManyCodes, TooManyTries."""
    require_strong(password, about=(address.value, name))
    password_hash = passwords.hash_password(password)
    details = {"password_hash": password_hash, "name": name, "language": language}

    def work() -> None:
        throttle.count_tries({f"codes:{network}": throttle.REGISTER})
        one_time.require_room(Purpose.REGISTER, address.value)
        known = find_user(address)
        token = one_time.issue(
            Purpose.REGISTER,
            sent_to=address.value,
            user_id=known.id if known else None,
            key=key,
            request_hash=request_hash,
            lifetime=one_time.CODE_LIFETIME,
            details={"language": language} if known else details,
        )
        send_secret(AccountMessage.HAS_ACCOUNT if known else AccountMessage.CODE, token)

    in_transaction(work)


def register(code: str, *, request_hash: str, keys: Sequence[str]) -> int:
    """Make the account whose code this is and return its id. Raises WrongCode, AddressTaken."""

    def work() -> int | None:
        token = one_time.use_code(Purpose.REGISTER, request_hash, code, keys=keys)
        if token is None or token.user_id is not None:
            return None
        kept = dict(token.details)
        user = User(password_hash=kept["password_hash"], name=kept["name"], language=kept["language"])
        set_address(user, Address(token.sent_to))
        db.session.add(user)
        db.session.flush()
        token.user_id, token.details = user.id, {}
        return user.id

    user_id = in_transaction(work)
    if user_id is None:
        raise WrongCode
    log_event("registered", user=user_id)
    return user_id


def require_strong(password: str, *, about: Sequence[str | None]) -> None:
    """Raise WeakPassword, which says why, unless this may be a new password."""
    weakness = passwords.find_weakness(password, about=about)
    if weakness:
        raise WeakPassword(weakness)
