"""Secrets we must be able to read again, sealed with a key from `SECRET_KEY`: a copy of the database opens none.

AES-256-GCM under an HKDF key of one purpose. What a secret belongs to is part of its seal: moving a row gives nothing.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12


class SealBroken(Exception):
    """Changed, of another owner, or sealed with a key that is no longer among ours."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals with the first key, opens with each: the others are `SECRET_KEY_FALLBACKS`."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, secret_keys: Sequence[str], *, purpose: str) -> Self:
        """Return the sealer of one purpose; the newest secret key stands first."""
        return cls(tuple(derive_key(key, purpose=purpose) for key in secret_keys))

    def seal(self, plain: str, *, owner: str) -> bytes:
        """Return the text sealed for its owner."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.keys[0]).encrypt(nonce, plain.encode(), owner.encode())

    def open(self, sealed: bytes, *, owner: str) -> tuple[str, bool]:
        """Return the text, and whether it ought to be sealed anew because the key has changed. Raises SealBroken."""
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for place, key in enumerate(self.keys):
            try:
                return AESGCM(key).decrypt(nonce, rest, owner.encode()).decode(), place > 0
            except (InvalidTag, ValueError):
                continue
        raise SealBroken


def derive_key(secret_key: str, *, purpose: str, length: int = KEY_BYTES) -> bytes:
    """Return a key that serves one purpose only (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=f"aurapark {purpose}".encode()).derive(
        secret_key.encode()
    )
