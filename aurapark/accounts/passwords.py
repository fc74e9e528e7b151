"""Passwords: argon2id at OWASP's weights, a few at a time, and which ones are refused.

A hash takes about 23 ms and 19 MiB. Two run at a time in a process and one waits: the other threads go on selling, and
whoever comes on top is told to try again at once. Where the list of common passwords comes from: common_passwords.md.
"""

import gzip
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from aurapark.errors import N_, Unavailable

SHORTEST, LONGEST = 8, 128
AT_ONCE, WAITING = 2, 1  # hashes a process
PATIENCE = 1.0  # seconds
COMMON = Path(__file__).with_name("common_passwords.txt.gz")
OUR_OWN = ("aurapark", "password", "motdepasse", "cameroun", "cameroon", "douala", "yaounde")
# What an unknown account is compared with, so that it takes as long as a known one. Nobody knows its password.
DECOY = "$argon2id$v=19$m=19456,t=2,p=1$CFykaVL9CCOmeG6DsIC7Ug$RoUEMZVIL9d7W7LgRgReRGXwz5PtzF4yyrpeGEdY1QQ"

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_places = BoundedSemaphore(AT_ONCE + WAITING)
_running = BoundedSemaphore(AT_ONCE)


class Busy(Unavailable):
    sentence = N_("Many people are signing in at this moment. Please try again in a few seconds.")


def hash_password(password: str) -> str:
    """Return what we store of a password. Hold no database connection meanwhile. Raises Busy."""
    with _turn():
        return _hasher.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Say whether this is the password of that hash; without one it takes as long. Raises Busy."""
    with _turn():
        try:
            _hasher.verify(password_hash or DECOY, password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Say whether a hash was made with other weights than today's."""
    return _hasher.check_needs_rehash(password_hash)


def find_weakness(password: str, *, about: Sequence[str | None] = ()) -> str | None:
    """Return the sentence that says why a new password is refused, None when it is fine.

    Length and not composition decides, then a list of common passwords; `about` is what is known of the person. The
    password counts exactly as it was typed.
    """
    if len(password) < SHORTEST:
        return N_("A password has at least 8 characters; 15 or more are better.")
    if len(password) > LONGEST:
        return N_("A password has at most 128 characters.")
    if _is_common(password.casefold()) or _is_about(password.casefold(), about):
        return N_("Many people use this password, or it is easy to guess. Choose another one.")
    return None


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for one's turn; raise Busy when there is no place to wait, or the wait gets long."""
    if not _places.acquire(blocking=False):
        raise Busy
    try:
        if not _running.acquire(timeout=PATIENCE):
            raise Busy
        try:
            yield
        finally:
            _running.release()
    finally:
        _places.release()


def _is_common(password: str) -> bool:
    return password in _common_passwords() or len(set(password)) <= 2


def _is_about(password: str, about: Sequence[str | None]) -> bool:
    """A name or an address with figures and signs around it is one too."""
    words = [word for text in about if text for word in (text.casefold(), text.casefold().partition("@")[0])]
    digits = [re.sub(r"\D", "", word) for word in words]
    if password in words or re.sub(r"\D", "", password) in [part for one in digits if one for part in (one, one[-9:])]:
        return True
    core = re.sub(r"[\W\d_]+", "", password)
    return core in OUR_OWN or core in [re.sub(r"[\W\d_]+", "", word) for word in words]


@cache
def _common_passwords() -> frozenset[str]:
    return frozenset(gzip.decompress(COMMON.read_bytes()).decode().split("\n"))
