"""WebAuthn with py_webauthn: what a passkey is asked, and whether its answer is good. Nothing here touches a table.

The relying party and the origin come from `SITE_URL` alone, never from a request.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import parse_registration_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from aurapark.accounts.factor_errors import PasskeyRefused
from aurapark.accounts.factor_models import LONGEST_CREDENTIAL, Passkey

CHALLENGE_BYTES = 32
TIMEOUT_MS = 120_000
LONGEST_ANSWER = 16_384
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks: the host that passkeys belong to, and the origin of its pages."""

    rp_id: str
    origin: str

    @classmethod
    def of(cls, site_url: str) -> Self:
        """Return the relying party of SITE_URL."""
        address = urlsplit(site_url)
        host = address.hostname or ""
        port = "" if address.port in (None, DEFAULT_PORTS.get(address.scheme)) else f":{address.port}"
        return cls(host, f"{address.scheme}://{host}{port}")


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A credential whose registration was good."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    backed_up: bool


def new_challenge() -> bytes:
    """Return 256 random bits to sign."""
    return secrets.token_bytes(CHALLENGE_BYTES)


def user_handle(user_id: int) -> bytes:
    """Return the name under which a device keeps this person's passkeys: it says nothing to anybody else."""
    return hashlib.sha256(f"aurapark passkey holder {user_id}".encode()).digest()


def registration_options(
    party: RelyingParty, *, user_id: int, account: str, challenge: bytes, known: Sequence[Passkey]
) -> str:
    """Return, as JSON, what `navigator.credentials.create()` is called with."""
    options = webauthn.generate_registration_options(
        rp_id=party.rp_id,
        rp_name="AuraPark",
        user_id=user_handle(user_id),
        user_name=account,
        user_display_name=account,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        exclude_credentials=[_descriptor(passkey) for passkey in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return webauthn.options_to_json(options)


def authentication_options(party: RelyingParty, *, challenge: bytes, known: Sequence[Passkey]) -> str:
    """Return, as JSON, what `navigator.credentials.get()` is called with."""
    options = webauthn.generate_authentication_options(
        rp_id=party.rp_id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=[_descriptor(passkey) for passkey in known],
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return webauthn.options_to_json(options)


def check_registration(answer: str, *, party: RelyingParty, challenge: bytes) -> NewPasskey:
    """Return the credential of a good registration. Raises PasskeyRefused."""
    try:
        parsed = parse_registration_credential_json(_short(answer))
        good = webauthn.verify_registration_response(
            credential=parsed,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
        )
    except _BAD as error:
        raise PasskeyRefused from error
    if len(good.credential_id) > LONGEST_CREDENTIAL:
        raise PasskeyRefused
    transports = [transport.value for transport in parsed.response.transports or []]
    return NewPasskey(
        good.credential_id, good.credential_public_key, good.sign_count, transports, good.credential_backed_up
    )


def answering_credential(answer: str) -> bytes:
    """Return the id of the credential an answer claims to come from. Raises PasskeyRefused."""
    try:
        return webauthn.helpers.parse_authentication_credential_json(_short(answer)).raw_id
    except _BAD as error:
        raise PasskeyRefused from error


def check_authentication(answer: str, *, party: RelyingParty, challenge: bytes, passkey: Passkey) -> int:
    """Return the passkey's new sign count. Raises PasskeyRefused, also where the count did not grow: a copied key."""
    try:
        good = webauthn.verify_authentication_response(
            credential=_short(answer),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
        )
    except _BAD as error:
        raise PasskeyRefused from error
    return good.new_sign_count


# What the library raises when an answer is no answer at all; the others come from its parsing of foreign bytes.
_BAD: tuple[type[Exception], ...] = (WebAuthnException, ValueError, KeyError, TypeError, IndexError)


def _short(answer: str) -> str:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("no passkey answers at such length")
    return answer


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    known: set[Any] = {transport.value for transport in AuthenticatorTransport}
    transports = [AuthenticatorTransport(name) for name in passkey.transports if name in known]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports or None)
