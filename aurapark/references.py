"""Names we give to things: references people read aloud, ids for the gateway, tokens that open a door."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0 O, 1 I L
REFERENCE_LENGTH = 6
TOKEN_BYTES = 17  # 136 bits, 23 characters
SECRET_BYTES = 32  # 256 bits, 43 characters


def new_reference() -> str:
    """Return a booking reference such as 7K3QF9: a locator for people, not a secret."""
    return _pick(REFERENCE_LENGTH)


def new_code(length: int = 9) -> str:
    """Return a code of that many characters that people can type."""
    return _pick(length)


def read_reference(text: str) -> str:
    """Return the reference as we store it, whatever spaces, dashes and case a person typed."""
    return re.sub(r"[^0-9A-Za-z]", "", text).upper()


def new_tx_ref(attempt: int) -> str:
    """Return our name for one payment attempt, unique for ever; the gateway limits it to 100 characters."""
    return f"AP-{_pick(12)}-{attempt}"


def new_payout_reference() -> str:
    """Return our name for one transfer to an agency, unique for ever; the gateway limits it to 100 characters."""
    return f"AP-P-{_pick(16)}"


def new_visitor_token() -> str:
    """Return the random token that a guest's cookie carries."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_secret() -> str:
    """Return 256 random bits as text: a session's token, the seed of a one-time secret."""
    return secrets.token_urlsafe(SECRET_BYTES)


def booking_token(key: str, reference: str, version: int) -> str:
    """Return the token that opens one booking: an HMAC, so that it can be sent again; a new version revokes it."""
    digest = hmac.new(key.encode(), f"booking-token:{reference}:{version}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest[:TOKEN_BYTES]).decode().rstrip("=")


def fingerprint(token: str) -> str:
    """Return what we store of a token: its SHA-256, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def _pick(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
