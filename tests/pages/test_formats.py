"""How figures are written for people, in both languages."""

from datetime import UTC, date, datetime, timedelta

import pytest

from aurapark.money import Money
from aurapark.web import formats

MORNING = datetime(2026, 12, 18, 6, 30, tzinfo=UTC)


def plain(text: str) -> str:
    """The text with ordinary spaces, to read it."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("locale", "written"), [("fr", "6\u202f500\u00a0FCFA"), ("en", "6,500\u00a0FCFA")], ids=["fr", "en"]
)
def test_money_is_whole_francs_with_the_word_behind(locale: str, written: str) -> None:
    assert formats.money(6500, locale=locale) == written
    assert formats.money(Money(6500), locale=locale) == written


@pytest.mark.parametrize(
    ("locale", "written"), [("fr", "ven. 18 déc. 2026, 7 h 30"), ("en", "Fri 18 Dec 2026, 07:30")], ids=["fr", "en"]
)
def test_times_are_shown_in_the_agency_zone(locale: str, written: str) -> None:
    assert plain(formats.day_and_time(MORNING, locale=locale)) == written


def test_another_zone_may_fall_on_another_day() -> None:
    late = datetime(2026, 12, 18, 23, 30, tzinfo=UTC)
    assert plain(formats.day_and_time(late, "Africa/Douala", locale="en")) == "Sat 19 Dec 2026, 00:30"
    assert plain(formats.day_and_time(late, "Africa/Abidjan", locale="en")) == "Fri 18 Dec 2026, 23:30"


def test_a_clock_time_follows_the_language() -> None:
    assert plain(formats.clock_time(datetime(2026, 12, 18, 13, 45, tzinfo=UTC), locale="fr")) == "14 h 45"
    assert formats.clock_time(datetime(2026, 12, 18, 13, 45, tzinfo=UTC), locale="en") == "14:45"


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        formats.clock_time(datetime(2026, 12, 18, 13, 45), locale="fr")  # noqa: DTZ001


def test_a_plain_day_has_no_zone() -> None:
    assert plain(formats.day(date(2026, 12, 18), locale="fr")) == "ven. 18 déc. 2026"
    assert plain(formats.long_day(date(2026, 12, 18), locale="fr")) == "vendredi 18 décembre 2026"
    assert plain(formats.long_day(date(2026, 12, 18), locale="en")) == "Friday 18 December 2026"


@pytest.mark.parametrize(
    ("minutes", "french", "english"), [(300, "5 h 00", "5 h"), (330, "5 h 30", "5 h 30 min"), (45, "45 min", "45 min")]
)
def test_durations(minutes: int, french: str, english: str) -> None:
    assert plain(formats.duration(timedelta(minutes=minutes), locale="fr")) == french
    assert plain(formats.duration(minutes, locale="en")) == english


def test_phones_and_references_come_in_groups() -> None:
    assert plain(formats.phone("+237671234567")) == "6 71 23 45 67"
    assert plain(formats.phone("+33612345678")) == "+33 6 12 34 56 78"
    assert formats.phone("ask at the park") == "ask at the park"
    assert plain(formats.reference("7K3QF9")) == "7K3 QF9"


def test_lists_read_as_sentences() -> None:
    assert formats.listed(["12"], locale="fr") == "12"
    assert formats.listed([12, 13], locale="fr") == "12 et 13"
    assert formats.listed([12, 13, 14], locale="en") == "12, 13 and 14"


def test_machines_read_utc() -> None:
    assert formats.iso(MORNING) == "2026-12-18T06:30:00+00:00"
