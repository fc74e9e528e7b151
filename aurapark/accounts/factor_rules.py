"""The arithmetic of second factors: codes of an authenticator app (RFC 6238) and recovery codes. Pure."""

import hmac
import re
import secrets
from base64 import b32encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import pyotp

from aurapark.accounts.factor_models import MOST_RECOVERY_CODES
from aurapark.accounts.sealing import derive_key
from aurapark.references import ALPHABET

STEP_SECONDS = 30
DRIFT = 1  # steps before and after the present one, for clocks that are not quite right
SECRET_BYTES = 20  # 160 bits, as RFC 4226 recommends
CODE_DIGITS = 6
RECOVERY_LENGTH = 10  # the first character is the slot; the rest has 44 bits
ISSUER = "AuraPark"

HALF_SIGNED_IN = timedelta(minutes=10)  # between the password and the second factor
CHALLENGE_LIVES = timedelta(minutes=5)


def setup_secret(secret_key: str, token: str) -> str:
    """Return the secret that one session is offered for setting up an authenticator app, in base32.

    It is derived, so that showing it writes nothing: it is stored only once a code has proved that the app has it.
    The session goes on under another token then, and the next offer is another secret.
    """
    raw = derive_key(secret_key, purpose=f"totp set-up for {token}", length=SECRET_BYTES)
    return b32encode(raw).decode()


def step_at(moment: datetime) -> int:
    """Return the number of the time step a moment is in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    """Return the code of a time step."""
    return pyotp.TOTP(secret).generate_otp(step)


def matching_step(secret: str, code: str, *, moment: datetime, after: int) -> int | None:
    """Return the time step whose code this is: the present one, or its neighbours, and later than `after`."""
    present = step_at(moment)
    for step in range(present - DRIFT, present + DRIFT + 1):
        if step > after and hmac.compare_digest(code_at(secret, step), code):
            return step
    return None


def read_totp(text: str) -> str | None:
    """Return the six digits of what was typed, None when it is something else."""
    digits = re.sub(r"[\s-]", "", text)
    return digits if re.fullmatch(rf"[0-9]{{{CODE_DIGITS}}}", digits) else None


def provisioning_uri(secret: str, *, account: str, issuer: str = ISSUER) -> str:
    """Return the address in the QR code (the otpauth format that authenticator apps share)."""
    label = quote(f"{issuer}:{account}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer})}"


def in_groups(secret: str, size: int = 4) -> str:
    """Return a secret as people type it: in groups."""
    return " ".join(secret[start : start + size] for start in range(0, len(secret), size))


def new_recovery_codes() -> list[str]:
    """Return ten new codes; the first character of each is its place."""
    return [ALPHABET[slot] + "".join(_characters()) for slot in range(MOST_RECOVERY_CODES)]


def read_recovery_code(text: str) -> tuple[int, str] | None:
    """Return slot and code of what was typed, whatever its spaces, dashes and case; None when it is something else."""
    code = re.sub(r"[\s-]", "", text).upper()
    if len(code) != RECOVERY_LENGTH or any(letter not in ALPHABET for letter in code):
        return None
    slot = ALPHABET.index(code[0])
    return (slot, code) if slot < MOST_RECOVERY_CODES else None


def _characters() -> Iterator[str]:
    return (secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH - 1))
