"""Which public holidays of Cameroon are known beforehand: those of a fixed day, and those that follow Easter.

The end of Ramadan, the feast of the sheep and the Prophet's birthday are announced when the moon was seen: people
enter them.
"""

from datetime import date, timedelta
from typing import NamedTuple

FIXED = (
    (1, 1, "Jour de l’An", "New Year’s Day"),
    (2, 11, "Fête de la Jeunesse", "Youth Day"),
    (5, 1, "Fête du Travail", "Labour Day"),
    (5, 20, "Fête nationale", "National Day"),
    (8, 15, "Assomption", "Assumption Day"),
    (12, 25, "Noël", "Christmas Day"),
)
AFTER_EASTER = ((-2, "Vendredi saint", "Good Friday"), (39, "Ascension", "Ascension Day"))


class KnownHoliday(NamedTuple):
    """A holiday of one year, with its name in both languages."""

    day: date
    name_fr: str
    name_en: str


def known_holidays(year: int) -> list[KnownHoliday]:
    """Return the holidays of a year that nobody has to announce, in the order of their days."""
    fixed = [KnownHoliday(date(year, month, day), fr, en) for month, day, fr, en in FIXED]
    easter = easter_sunday(year)
    moving = [KnownHoliday(easter + timedelta(days=days), fr, en) for days, fr, en in AFTER_EASTER]
    return sorted([*fixed, *moving])


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the computus as Meeus and Jones have it)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    el = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * el) // 433
    month = (h + el - 7 * m + 90) // 25
    return date(year, month, (h + el - 7 * m + 33 * month + 19) % 32)
