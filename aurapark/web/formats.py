"""How money, times, durations, phones and references are written for people, in French and in English.

The functions take the locale and the zone in writing; the filters of the same name use the visitor's locale.
Spaces inside one figure never break (U+00A0, U+202F): right for pages, wrong for SMS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import phonenumbers
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_compact_decimal, format_currency, format_decimal
from flask import Flask
from flask_babel import get_locale

from aurapark.web.views import DEFAULT_ZONE

HOME_COUNTRY_CODE = 237  # Cameroon
NBSP = "\u00a0"

MONEY_PATTERN = "#,##0" + NBSP + "¤"
CLOCK_PATTERNS = {"fr": f"H{NBSP}'h'{NBSP}mm", "en": "HH:mm"}
DAY_PATTERN = f"EEE{NBSP}d{NBSP}MMM{NBSP}y"
SHORT_DAY_PATTERN = f"EEE{NBSP}d{NBSP}MMM"
DAY_OF_MONTH_PATTERN = f"d{NBSP}MMM"
LONG_DAY_PATTERN = f"EEEE d{NBSP}MMMM y"


class HasAmount(Protocol):
    """Anything that carries whole francs, such as Money."""

    @property
    def amount(self) -> int: ...


def money(amount: int | HasAmount, *, locale: str) -> str:
    """Return whole francs CFA, `6 500 FCFA` or `6,500 FCFA`."""
    francs = amount if isinstance(amount, int) else amount.amount
    return format_currency(francs, "XAF", format=MONEY_PATTERN, locale=locale, currency_digits=False)


def number(value: int, *, locale: str) -> str:
    """Return a whole number, `6 500` or `6,500`."""
    return format_decimal(value, format="#,##0", locale=locale)


def brief(value: int, *, locale: str) -> str:
    """Return a whole number as an axis has room for it, `1,2 M` or `1.2M`; below 10,000 in full."""
    if abs(value) < 10_000:
        return number(value, locale=locale)
    return format_compact_decimal(value, format_type="short", fraction_digits=1, locale=locale)


def clock_time(moment: datetime, zone: str = DEFAULT_ZONE, *, locale: str) -> str:
    """Return the time of day in the zone, `14 h 45` or `14:45`."""
    return format_datetime(_aware(moment), CLOCK_PATTERNS[locale], tzinfo=ZoneInfo(zone), locale=locale)


def day(moment: datetime | date, zone: str = DEFAULT_ZONE, *, locale: str) -> str:
    """Return the day in the zone, `ven. 18 déc. 2026` or `Fri 18 Dec 2026`; a plain date has no zone."""
    return _day(moment, zone, DAY_PATTERN, locale)


def short_day(moment: datetime | date, zone: str = DEFAULT_ZONE, *, locale: str) -> str:
    """Return the day without its year, `ven. 18 déc.` or `Fri 18 Dec`."""
    return _day(moment, zone, SHORT_DAY_PATTERN, locale)


def day_of_month(moment: datetime | date, zone: str = DEFAULT_ZONE, *, locale: str) -> str:
    """Return the day as an axis has room for it, `18 déc.` or `18 Dec`."""
    return _day(moment, zone, DAY_OF_MONTH_PATTERN, locale)


def long_day(moment: datetime | date, zone: str = DEFAULT_ZONE, *, locale: str) -> str:
    """Return the day in full, `vendredi 18 décembre 2026` or `Friday 18 December 2026`."""
    return _day(moment, zone, LONG_DAY_PATTERN, locale)


def day_and_time(moment: datetime, zone: str = DEFAULT_ZONE, *, locale: str) -> str:
    """Return `ven. 18 déc. 2026, 7 h 30` or `Fri 18 Dec 2026, 07:30`."""
    return f"{day(moment, zone, locale=locale)}, {clock_time(moment, zone, locale=locale)}"


def duration(length: timedelta | int, *, locale: str) -> str:
    """Return a length of time (timedelta or whole minutes): `5 h 00` or `5 h`, `5 h 30` or `5 h 30 min`, `45 min`."""
    minutes = length if isinstance(length, int) else round(length.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest}{NBSP}min"
    if locale == "fr":
        return f"{hours}{NBSP}h{NBSP}{rest:02}"
    return f"{hours}{NBSP}h" + (f"{NBSP}{rest}{NBSP}min" if rest else "")


def phone(number: str) -> str:
    """Return an E.164 number as people say it: `6 71 23 45 67` at home, international elsewhere, else as it came."""
    try:
        parsed = phonenumbers.parse(number, "CM")
    except phonenumbers.NumberParseException:
        return number
    home = parsed.country_code == HOME_COUNTRY_CODE
    style = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style).replace(" ", NBSP)


def reference(code: str) -> str:
    """Return a booking reference or a ticket code in groups of three, `7K3 QF9`."""
    return NBSP.join(code[start : start + 3] for start in range(0, len(code), 3))


def listed(words: Sequence[object], *, locale: str) -> str:
    """Return `12, 13 et 14` or `12, 13 and 14`."""
    return format_list([str(word) for word in words], locale="en_GB" if locale == "en" else locale)


def iso(moment: datetime) -> str:
    """Return the moment for machines (`<time datetime>`), in UTC with its offset."""
    return _aware(moment).isoformat(timespec="seconds")


def init_app(app: Flask) -> None:
    """Give the templates the filters `money`, `number`, `brief`, `clock_time`, `day`, `short_day`, `long_day`,
    `day_and_time`, `duration`, `phone`, `reference`, `listed` and `iso` (the zone of the times is their one argument),
    and `language()`."""
    in_language: list[Callable[..., str]] = [money, number, brief, duration, listed]
    in_language_and_zone: list[Callable[..., str]] = [clock_time, day, short_day, long_day, day_and_time]
    plain: list[Callable[..., str]] = [phone, reference, iso]
    for function in in_language:
        app.add_template_filter(_in_language(function), function.__name__)
    for function in in_language_and_zone:
        app.add_template_filter(_in_language_and_zone(function), function.__name__)
    for function in plain:
        app.add_template_filter(function, function.__name__)
    app.add_template_global(language)


def language() -> str:
    """Return the language of this request, `fr` or `en`."""
    locale = get_locale()
    return locale.language if locale else "fr"


def _in_language(function: Callable[..., str]) -> Callable[[Any], str]:
    return lambda value: function(value, locale=language())


def _in_language_and_zone(function: Callable[..., str]) -> Callable[..., str]:
    return lambda moment, zone=DEFAULT_ZONE: function(moment, zone, locale=language())


def _day(moment: datetime | date, zone: str, pattern: str, locale: str) -> str:
    if isinstance(moment, datetime):
        return format_datetime(_aware(moment), pattern, tzinfo=ZoneInfo(zone), locale=locale)
    return format_date(moment, pattern, locale=locale)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be shown")
    return moment
