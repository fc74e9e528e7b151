"""Sentences of messages as people write them: text with fixed placeholders such as {reference}, and nothing else.

A placeholder is replaced by its value, one pass over the text: what a value holds is never looked at again. Whatever
else stands in a sentence, `{{7*7}}`, `{a.__class__}`, `%s` or `${}`, is text and stays so.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aurapark.errors import N_
from aurapark.notifications.gsm import BASIC, EXTENDED

LONGEST = 400
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
LIKE_ONE = re.compile(r"\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}")  # meant as one, right or wrong
SHIPPED_ONE = re.compile(r"%\(([a-z_]+)\)[sd]|%%")  # as gettext has them

TOO_LONG = N_("Write at most %(most)s characters: there are %(count)s.")
UNKNOWN = N_("%(names)s is not known here. This sentence knows: %(known)s.")
UNKNOWN_BARE = N_("%(names)s is not known here. This sentence has no placeholder.")
MISSING = N_("%(names)s is missing: people need it.")
NOT_GSM = N_("An SMS cannot hold %(letter)s, at character %(place)s. Write it another way.")
NO_ROOM = N_("With long names this does not fit into one SMS any more: %(length)s of %(most)s. Make it shorter.")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a sentence: words with holes, and what fills them."""

    sentence: str
    values: Mapping[str, Any]


def as_shown(shipped: str) -> str:
    """Return a shipped sentence as people see and write it: `%(amount)s` is `{amount}`, `%%` is `%`."""
    return SHIPPED_ONE.sub(lambda found: f"{{{found[1]}}}" if found[1] else "%", shipped)


def fill(text: str, values: Mapping[str, Any], written: Callable[[Any], str] = str) -> str:
    """Return the text with its placeholders replaced; one that has no value stays as it is."""
    return PLACEHOLDER.sub(lambda found: written(values[found[1]]) if found[1] in values else found[0], text)


def names_in(text: str) -> list[str]:
    """Return the names of the placeholders in a text, each once, in their order."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def says_something(text: str) -> bool:
    """Say whether there is a word besides the placeholders: `{label}: {value}` is not for people to change."""
    return any(letter.isalpha() for letter in PLACEHOLDER.sub("", text))


def find_fault(text: str, shipped: str, *, by_sms: bool) -> Fault | None:
    """Return the first thing that is wrong with a text in the place of a shipped one, None when nothing is."""
    if len(text) > LONGEST:
        return Fault(TOO_LONG, {"most": LONGEST, "count": len(text)})
    known = names_in(shipped)
    if strange := [one for one in LIKE_ONE.findall(text) if one not in _braced(known)]:
        values = {"names": ", ".join(dict.fromkeys(strange)), "known": ", ".join(_braced(known))}
        return Fault(UNKNOWN if known else UNKNOWN_BARE, values)
    if missing := [name for name in known if name not in names_in(text)]:
        return Fault(MISSING, {"names": ", ".join(_braced(missing))})
    if by_sms:
        for place, letter in enumerate(text, start=1):
            if letter not in BASIC and letter not in EXTENDED:
                return Fault(NOT_GSM, {"letter": f"“{letter}”", "place": place})
    return None


def _braced(names: list[str]) -> list[str]:
    return [f"{{{name}}}" for name in names]
