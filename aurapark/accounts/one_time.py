"""One-time secrets: codes that are typed, links that are followed. Good once, for one purpose, and not for long.

A secret is an HMAC of `SECRET_KEY` over its purpose and 256 random bits, so that a message can be written later, and
again, from a row that does not hold it. Stored is its SHA-256; a code is six figures drawn from the secret.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from aurapark.accounts.errors import TooManyCodes
from aurapark.accounts.models import OneTimeToken, Purpose
from aurapark.accounts.throttle import lock
from aurapark.extensions import db
from aurapark.references import fingerprint, new_secret

CODE_LENGTH, CODE_TRIES = 6, 5
CODE_LIFETIME = timedelta(minutes=10)
LINK_LIFETIME = timedelta(minutes=30)
AN_HOUR = timedelta(hours=1)
MOST_AN_HOUR = 3  # to one address; to a phone whatever they are for, because each one costs money


def issue(
    purpose: Purpose,
    *,
    sent_to: str,
    key: str,
    lifetime: timedelta,
    user_id: int | None = None,
    request_hash: str | None = None,
    details: dict[str, Any] | None = None,
) -> OneTimeToken:
    """Write a new secret, in the transaction under way. `request_hash` binds it to the browser that asked."""
    nonce = new_secret()
    token = OneTimeToken(
        purpose=purpose,
        user_id=user_id,
        sent_to=sent_to,
        nonce=nonce,
        secret_hash=fingerprint(_derive(key, purpose, nonce)),
        request_hash=request_hash,
        details=details or {},
        expires_at=func.now() + lifetime,
    )
    db.session.add(token)
    db.session.flush()
    return token


def require_room(purpose: Purpose, sent_to: str) -> None:
    """Raise TooManyCodes when this address got as many as one hour allows; known addresses and others alike.

    Locks the counting for the address until the transaction ends, so that many at once slip by no limit.
    """
    lock(f"codes:{fingerprint(sent_to)}")
    of_kind = [] if sent_to.startswith("+") else [OneTimeToken.purpose == purpose]
    recent = OneTimeToken.created_at > func.now() - AN_HOUR
    found = db.session.scalars(
        select(OneTimeToken.created_at)
        .where(OneTimeToken.sent_to == sent_to, recent, *of_kind)
        .order_by(OneTimeToken.created_at.desc())
        .limit(MOST_AN_HOUR)
    ).all()
    if len(found) == MOST_AN_HOUR:
        raise TooManyCodes(found[-1] + AN_HOUR)


def secret_of(token: OneTimeToken, keys: Sequence[str]) -> str | None:
    """Return the secret, with the key it was made with; None when that was rotated away."""
    secrets = (_derive(key, token.purpose, token.nonce) for key in keys)
    return next((secret for secret in secrets if fingerprint(secret) == token.secret_hash), None)


def code_of(secret: str) -> str:
    """Return the six figures that people type for a secret."""
    return f"{int(hashlib.sha256(f'code:{secret}'.encode()).hexdigest(), 16) % 10**CODE_LENGTH:0{CODE_LENGTH}}"


def use_code(purpose: Purpose, request_hash: str, code: str, *, keys: Sequence[str]) -> OneTimeToken | None:
    """Use up a code that this browser asked for, in the transaction under way; None when it is not the right one.

    The try counts before the code is compared: commit also when it was wrong.
    """
    statement = (
        update(OneTimeToken)
        .where(
            OneTimeToken.request_hash == request_hash,
            OneTimeToken.purpose == purpose,
            OneTimeToken.tries < CODE_TRIES,
            *_usable(),
        )
        .values(tries=OneTimeToken.tries + 1)
        .returning(OneTimeToken)
    )
    token = db.session.scalars(statement, execution_options={"synchronize_session": False}).first()
    secret = secret_of(token, keys) if token else None
    if token is None or secret is None or not hmac.compare_digest(code_of(secret).encode(), code.encode()):
        return None
    token.used_at = func.now()
    return token


def find_link(purpose: Purpose, secret: str) -> OneTimeToken | None:
    """Return the unused secret of a link, None when there is none such any more."""
    statement = select(OneTimeToken).where(
        OneTimeToken.secret_hash == fingerprint(secret), OneTimeToken.purpose == purpose, *_usable()
    )
    return db.session.scalars(statement).first()


def use_link(purpose: Purpose, secret: str) -> OneTimeToken | None:
    """Use up the secret of a link, in the transaction under way; None when somebody was first, or it is too late."""
    statement = (
        update(OneTimeToken)
        .where(OneTimeToken.secret_hash == fingerprint(secret), OneTimeToken.purpose == purpose, *_usable())
        .values(used_at=func.now())
        .returning(OneTimeToken)
    )
    return db.session.scalars(statement, execution_options={"synchronize_session": False}).first()


def spoil(user_id: int, *purposes: Purpose) -> None:
    """Let what was sent to somebody for these purposes be good for nothing any more."""
    statement = update(OneTimeToken).where(
        OneTimeToken.user_id == user_id, OneTimeToken.purpose.in_(purposes), OneTimeToken.used_at.is_(None)
    )
    db.session.execute(statement.values(used_at=func.now()), execution_options={"synchronize_session": False})


def _usable() -> tuple[Any, ...]:
    return OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > func.now()


def _derive(key: str, purpose: Purpose, nonce: str) -> str:
    digest = hmac.new(key.encode(), f"one-time:{purpose}:{nonce}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
