"""A few words for a browser, as people know it: enough to tell one's phone from somebody else's computer."""

import re

BROWSERS = (
    ("Opera", r"OPR/|Opera"),
    ("Edge", r"Edg[AEi]?[A-Za-z]*/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Safari/"),
)
SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("Mac", r"Macintosh"),
    ("Linux", r"Linux|X11"),
)


def device_words(user_agent: str) -> str | None:
    """Return browser and system, such as `Firefox, Android`; None when neither is known. Nothing else is kept."""
    found = [_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)]
    return ", ".join(word for word in found if word) or None


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in known if re.search(pattern, text[:500])), "")
