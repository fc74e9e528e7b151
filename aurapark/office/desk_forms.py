"""What the dashboard and the reports of an agency can be narrowed by; all of it stands in the address."""

from datetime import date, timedelta
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms.validators import Optional, ValidationError

from aurapark.office.periods import MOST_DAYS, Period, last_days
from aurapark.web.fields import ChoiceField, DayField, SharedForm, options
from aurapark.web.listing import AfterField, ListForm

FIRST_DAY = date(2020, 1, 1)
A_YEAR = timedelta(days=366)
USUAL_DAYS = 30
CHOICES = (7, 30, 90)
PARTS = (("", _l("The whole day")), ("next", _l("From now on")))


class DeparturesForm(ListForm):
    """The departures of which day; without one, today."""

    after = AfterField(_l("Next page"), timed=True)
    day = DayField(_l("Day"), [Optional()])
    part = ChoiceField(
        _l("Part of the day"), [Optional()], choices=options(PARTS), default="", wrong=_l("Choose one from the list.")
    )

    def __init__(self, *given: Any, today: date, **more: Any) -> None:
        super().__init__(*given, **more)
        self.today = today

    def validate_day(self, field: DayField) -> None:
        """A day of ours: nothing departs in another century."""
        if field.data and not FIRST_DAY <= field.data <= self.today + A_YEAR:
            raise ValidationError(gettext("Choose a day between 2020 and a year from now."))

    @property
    def chosen(self) -> date:
        """Return the day that is asked for."""
        return self.day.data or self.today


class PeriodForm(SharedForm):
    """The days of a report: the last 7, 30 or 90, or from one day until another; without any, the last 30."""

    days = ChoiceField(
        _l("Last days"),
        [Optional()],
        choices=options([("", ""), *((str(number), str(number)) for number in CHOICES)]),
        wrong=_l("Choose 7, 30 or 90 days."),
    )
    from_day = DayField(_l("From"), [Optional()], name="from")
    to_day = DayField(_l("To"), [Optional()], name="to")

    def __init__(self, *given: Any, today: date, **more: Any) -> None:
        super().__init__(*given, **more)
        self.today = today

    def validate_days(self, field: ChoiceField) -> None:
        """A number of days and dates would say two things at once."""
        if field.data and (self.from_day.data or self.to_day.data):
            raise ValidationError(gettext("Choose a number of days, or dates, not both."))

    def validate_from_day(self, field: DayField) -> None:
        """A day of ours that is not to come; without a last day, not too far from today."""
        self._require_past(field)
        if field.data and not self.to_day.data:
            self._require_near(field.data, self.today)

    def validate_to_day(self, field: DayField) -> None:
        """A day of ours that is not to come, not before the first, and not too far from it."""
        self._require_past(field)
        first = self.from_day.data
        if field.data and first and field.data < first:
            raise ValidationError(gettext("This day is before the first one."))
        if field.data and first:
            self._require_near(first, field.data)

    @property
    def period(self) -> Period:
        """Return the days that are asked for, once they were found to be valid."""
        last = self.to_day.data or self.today
        first = self.from_day.data
        return Period(first, last) if first else last_days(int(self.days.data or USUAL_DAYS), today=last)

    def _require_near(self, first: date, last: date) -> None:
        if (last - first).days >= MOST_DAYS:
            raise ValidationError(gettext("Choose %(most)s days at most.", most=MOST_DAYS))

    def _require_past(self, field: DayField) -> None:
        if field.data and field.data > self.today:
            raise ValidationError(gettext("This day is still to come."))
        if field.data and field.data < FIRST_DAY:
            raise ValidationError(gettext("Choose a day from 2020 on."))
