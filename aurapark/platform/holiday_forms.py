"""What the pages about holidays ask for."""

from datetime import date
from typing import Any, cast

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from aurapark.office.forms import ReasonForm, one_line
from aurapark.platform.forms import a_day_of_ours
from aurapark.timetable.holiday_models import LONGEST_NAME
from aurapark.timetable.holiday_rules import KnownHoliday
from aurapark.web.fields import DayField, SharedForm

ASK_NAME = _l("Enter a name of at most 60 letters.")
ASK_YEAR = _l("Enter a year from 2020 to 2100.")


def _name(label: Any) -> StringField:
    checks = [InputRequired(ASK_NAME), Length(1, LONGEST_NAME, ASK_NAME)]
    return StringField(label, checks, filters=[one_line])


class YearForm(SharedForm):
    """Which year is shown."""

    year = IntegerField(_l("Year"), [Optional(), NumberRange(2020, 2100, ASK_YEAR)])


class KnownForm(ReasonForm):
    """The year whose known holidays are added, and why."""

    year = IntegerField(_l("Year"), [InputRequired(ASK_YEAR), NumberRange(2020, 2100, ASK_YEAR)])


class HolidayForm(ReasonForm):
    """One holiday, and why it is added or changed."""

    day = DayField(_l("Day"), [InputRequired(_l("Enter a day such as 18/12/2026.")), a_day_of_ours])
    name_fr = _name(_l("Name in French"))
    name_en = _name(_l("Name in English"))

    @property
    def holiday(self) -> KnownHoliday:
        """Return what was typed, once it was found to be valid."""
        return KnownHoliday(cast(date, self.day.data), self.name_fr.data, self.name_en.data)
