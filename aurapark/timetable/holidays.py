"""Public holidays: kept by the platform, named where people choose a day."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from aurapark import audit
from aurapark.database import on_constraint
from aurapark.errors import N_, Conflict, NotFound
from aurapark.extensions import db
from aurapark.timetable.holiday_models import Holiday
from aurapark.timetable.holiday_rules import KnownHoliday, known_holidays

ENTITY = "holiday"


class HolidayNotFound(NotFound):
    sentence = N_("There is no such holiday.")


class HolidayThere(Conflict):
    sentence = N_("This holiday stands on this day already.")


class AllThere(Conflict):
    sentence = N_("The holidays of this year that are known stand there already.")


on_constraint("uq_holiday_day_name_fr", HolidayThere)


def names_on(day: date, language: str) -> list[str]:
    """Return the names of the holidays on a day, such as the one people search for (one statement)."""
    name = Holiday.name_fr if language == "fr" else Holiday.name_en
    return list(db.session.scalars(select(name).where(Holiday.day == day).order_by(Holiday.name_fr)))


def list_holidays(year: int) -> Sequence[Holiday]:
    """Return the holidays of a year, in their order (one statement)."""
    of_year = Holiday.day.between(date(year, 1, 1), date(year, 12, 31))
    return db.session.scalars(select(Holiday).where(of_year).order_by(Holiday.day, Holiday.name_fr)).all()


def get_holiday(holiday_id: int) -> Holiday:
    """Return one holiday. Raises HolidayNotFound."""
    found = db.session.get(Holiday, holiday_id) if holiday_id < 2**31 else None
    if found is None:
        raise HolidayNotFound
    return found


def add_holiday(new: KnownHoliday, *, actor: str, reason: str) -> None:
    """Add one, in the transaction under way. Raises HolidayThere."""
    holiday = Holiday(**new._asdict())
    db.session.add(holiday)
    db.session.flush()
    audit.record("holiday.add", ENTITY, str(holiday.id), actor=actor, reason=reason, after=_told(holiday))


def add_known(year: int, *, actor: str, reason: str) -> int:
    """Add those of a year that are known beforehand and not there; returns how many. Raises AllThere."""
    added = write_known(year)
    if not added:
        raise AllThere
    audit.record("holiday.add_known", ENTITY, str(year), actor=actor, reason=reason, after={"added": added})
    return added


def write_known(year: int) -> int:
    """Write those of a year that are known beforehand and not there, in the transaction under way (one statement)."""
    rows = [one._asdict() for one in known_holidays(year)]
    statement = insert(Holiday).values(rows).on_conflict_do_nothing().returning(Holiday.id)
    return len(db.session.execute(statement).all())


def change_holiday(holiday_id: int, new: KnownHoliday, *, actor: str, reason: str) -> None:
    """Give a holiday another day or name, in the transaction under way. Raises HolidayNotFound, HolidayThere."""
    holiday = _lock(holiday_id)
    before = _told(holiday)
    holiday.day, holiday.name_fr, holiday.name_en = new
    db.session.flush()
    after = _told(holiday)
    audit.record("holiday.change", ENTITY, str(holiday_id), actor=actor, reason=reason, before=before, after=after)


def remove_holiday(holiday_id: int, *, actor: str, reason: str) -> None:
    """Take a holiday away, in the transaction under way; what it was stays in the audit log. Raises HolidayNotFound."""
    holiday = _lock(holiday_id)
    before = _told(holiday)
    db.session.delete(holiday)
    audit.record("holiday.remove", ENTITY, str(holiday_id), actor=actor, reason=reason, before=before)


def _lock(holiday_id: int) -> Holiday:
    wanted = select(Holiday).where(Holiday.id == holiday_id).with_for_update()
    found = db.session.scalars(wanted, execution_options={"populate_existing": True}).first()
    if found is None:
        raise HolidayNotFound
    return found


def _told(holiday: Holiday) -> dict[str, str]:
    return {"day": holiday.day.isoformat(), "fr": holiday.name_fr, "en": holiday.name_en}
