"""What must not stand in a log, made unreadable: phones, addresses, tokens, keys, card-like numbers.

The last net, below the rule that log lines carry ids only. Names have no shape: they are kept out by that rule,
and by the name of the field.
"""

import re
from collections.abc import Callable

HIDDEN = "•••"
PRIVATE_FIELDS = frozenset([
    "address", "authorization", "card", "code", "cookie", "email", "mail", "msisdn", "name", "otp", "passenger",
    "password", "payer", "phone", "secret", "session", "token",
])  # fmt: skip

_PHONE = re.compile(r"(?<!\d)(?:\+\d(?:[ .-]?\d){7,14}|(?:(?:00)?237[ .-]?)?6(?:[ .-]?\d){8})(?!\d)")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_NAMED = re.compile(r"\b(token|secret|password|passwd|otp|code|cookie|session|api_?key)=(?:\"[^\"]*\"|[^&\s]+)", re.I)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+\S+", re.I)
_KEY = re.compile(r"\b(FLWSECK|FLWPUBK|sk|rk|pk|whsec)[_-][\w-]{8,}")
_LINK = re.compile(r"/t/[^/\s?\"]+")
_ACCOUNT_LINK = re.compile(r"/login/(reset|invitation)/[^/\s?\"]+")
_LOGIN = re.compile(r"://[^/\s@]*@")

# (a letter or two without which the pattern cannot be there, the pattern, what stands in its place)
_STEPS: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    ("://", _LOGIN, f"://{HIDDEN}@"),
    ("@", _EMAIL, f"{HIDDEN}@{HIDDEN}"),
    ("=", _NAMED, rf"\1={HIDDEN}"),
    ("/t/", _LINK, f"/t/{HIDDEN}"),
    ("/login/", _ACCOUNT_LINK, rf"/login/\1/{HIDDEN}"),
    (" ", _BEARER, rf"\1 {HIDDEN}"),
    ("", _KEY, rf"\1-{HIDDEN}"),
)
_DIGITS = re.compile(r"\d(?:[ .-]?\d){7}")


def mask(text: str) -> str:
    """Return the text without what looks personal or secret; `+237671234516` becomes `+2376••••516`."""
    for hint, pattern, instead in _STEPS:
        if hint in text:
            text = pattern.sub(instead, text)
    if _DIGITS.search(text):
        text = _PHONE.sub(_shorten, _CARD.sub(_hide_card, text))
    return text


def mask_field(name: str, value: str) -> str:
    """Return a field's value, hidden whole when its name says that it is private."""
    return HIDDEN if name.lower() in PRIVATE_FIELDS else mask(value)


def is_card_like(digits: str) -> bool:
    """Say whether digits pass the Luhn check that card numbers pass."""
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def _hide_card(match: re.Match[str]) -> str:
    return HIDDEN if is_card_like(re.sub(r"\D", "", match[0])) else match[0]


def _shorten(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    begin = 4 if len(digits) > 9 else 1
    return f"{'+' if match[0][0] == '+' else ''}{digits[:begin]}••••{digits[-3:]}"
