"""The signed text in a ticket's QR code: written with the private key, read with public keys only.

Only characters of QR's alphanumeric mode, so that the code stays small: `AP1.<key id>.<ticket code>.<trip>.<seat>.
<board>.<alight>.<departure, epoch seconds>.<Ed25519 signature in base32>`. It holds no personal data.
"""

import hashlib
import re
from base64 import b32decode, b32encode, b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aurapark.timetable.rules import Leg

VERSION = "AP1"
PURPOSE = b"aurapark ticket\n"  # signed with the text: this key's signature on anything else is no ticket
KEY_ID_LENGTH = 6
BASE32_PADDING = "="

_SHAPE = re.compile(
    r"(?P<body>(?P<version>AP\d{1,3})\.(?P<key_id>[2-7A-Z]{6})\.(?P<code>[0-9A-Z]{9,10})\.(?P<trip>\d{1,19})"
    r"\.(?P<seat>[0-9A-Z]{1,4})\.(?P<board>\d{1,3})\.(?P<alight>\d{1,3})\.(?P<departs>\d{1,11}))"
    r"\.(?P<signature>[2-7A-Z]{103})",
    re.ASCII,
)


class TicketRefused(Exception):
    """The scanned text is no ticket of ours."""


class NotATicket(TicketRefused):
    """Some other text, or a ticket with something missing."""


class WrongVersion(TicketRefused):
    """A ticket of a version this scanner does not know: the scanner must be brought up to date."""


class UnknownKey(TicketRefused):
    """Signed with a key this scanner does not have."""


class WrongSignature(TicketRefused):
    """Forged or changed."""


@dataclass(frozen=True, slots=True)
class SignedTicket:
    """What a ticket's QR says."""

    code: str
    trip_id: int
    seat: str
    leg: Leg
    departs_at: datetime


@dataclass(frozen=True, slots=True)
class TicketSigner:
    """Signs tickets. Only the server has one."""

    key: Ed25519PrivateKey

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Return the signer of a private key, 32 bytes in base64. Raises ValueError."""
        return cls(Ed25519PrivateKey.from_private_bytes(b64decode(key, validate=True)))

    @property
    def public_key(self) -> bytes:
        """Return the 32 bytes that scanners are given."""
        return self.key.public_key().public_bytes_raw()

    def sign(self, ticket: SignedTicket) -> str:
        """Return the text for the QR code."""
        body = ".".join(
            [
                VERSION,
                key_id(self.public_key),
                ticket.code,
                str(ticket.trip_id),
                ticket.seat,
                str(ticket.leg.board),
                str(ticket.leg.alight),
                str(int(ticket.departs_at.timestamp())),
            ]
        )
        return f"{body}.{_base32(self.key.sign(PURPOSE + body.encode()))}"


class TicketVerifier:
    """Reads tickets with the public keys it is given: the present one, and old ones until their last departure."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        self.keys = {key_id(raw): Ed25519PublicKey.from_public_bytes(raw) for raw in public_keys}

    def read(self, text: str) -> SignedTicket:
        """Return what a scanned text says; nothing in it is believed before its signature.

        The ticket's trip and state are still to be looked at. Raises NotATicket, WrongVersion, UnknownKey,
        WrongSignature.
        """
        found = _SHAPE.fullmatch(text)
        if found is None:
            raise NotATicket
        if found["version"] != VERSION:
            raise WrongVersion
        if found["key_id"] not in self.keys:
            raise UnknownKey
        try:
            self.keys[found["key_id"]].verify(_from_base32(found["signature"]), PURPOSE + found["body"].encode())
        except (InvalidSignature, ValueError):
            raise WrongSignature from None
        departs_at = datetime.fromtimestamp(int(found["departs"]), UTC)
        leg = Leg(int(found["board"]), int(found["alight"]))
        return SignedTicket(found["code"], int(found["trip"]), found["seat"], leg, departs_at)


def key_id(public_key: bytes) -> str:
    """Return the short name of a public key: the first characters of its SHA-256 in base32."""
    return _base32(hashlib.sha256(public_key).digest())[:KEY_ID_LENGTH]


def _base32(raw: bytes) -> str:
    return b32encode(raw).decode().rstrip(BASE32_PADDING)


def _from_base32(text: str) -> bytes:
    """Return the bytes of the one way to write them. Raises ValueError for every other way."""
    raw = b32decode(text + BASE32_PADDING * (-len(text) % 8))
    if _base32(raw) != text:
        raise ValueError("the unused bits of the last character must be zero")
    return raw
