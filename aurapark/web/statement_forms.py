"""Which settlements, lines and trips somebody wants to see: filters that stand in the address."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField
from wtforms.validators import Optional, ValidationError

from aurapark import clock
from aurapark.agencies.queries import find_agency
from aurapark.settlements.dispute_models import LineDisputeState
from aurapark.settlements.errors import MonthUnreadable
from aurapark.settlements.lines import LineSearch, TripSearch
from aurapark.settlements.models import LineKind, SettlementState
from aurapark.settlements.queries import is_begun
from aurapark.settlements.rules import Month, month_of, read_month
from aurapark.web.fields import ChoiceField, DayField, options
from aurapark.web.listing import AfterField, ListForm
from aurapark.web.statement_words import NAMES

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2100, 1, 1)
ALL = ("", _l("all"))
CHOOSE = _l("Choose one of the list.")


def _choice(label: Any, words: Any) -> ChoiceField:
    return ChoiceField(label, [Optional()], wrong=CHOOSE, choices=options([ALL, *NAMES[words].items()]))


class SettlementsForm(ListForm):
    """Which settlements the platform wants; `agency_id` and `wanted` are what was understood."""

    after = AfterField(timed=True)
    agency = StringField(_l("Code of the agency"), filters=[lambda text: text.strip() if text else ""])
    month = StringField(_l("Month"), filters=[lambda text: text.strip() if text else ""])
    state = _choice(_l("State"), SettlementState)
    agency_id: int | None = None
    wanted: Month | None = None

    def validate_agency(self, field: StringField) -> None:
        """An agency's code, as it stands in its address."""
        found = find_agency(field.data) if field.data else None
        self.agency_id = found.id if found else None
        if field.data and found is None:
            raise ValidationError(gettext("There is no agency with this code."))

    def validate_month(self, field: StringField) -> None:
        """A month such as 2026-10 that has begun, or for which something is sold."""
        if not field.data:
            return
        try:
            self.wanted = read_month(field.data)
        except MonthUnreadable as error:
            raise ValidationError(gettext(error.sentence)) from None
        if self.wanted > month_of(clock.now(), clock.DEFAULT_ZONE) and not is_begun(self.wanted):
            raise ValidationError(gettext("This month has not begun, and nothing is sold for it yet."))


class LinesForm(ListForm):
    """Which lines of a settlement are wanted."""

    kind = _choice(_l("Kind"), LineKind)
    carried = ChoiceField(
        _l("Of which month"),
        [Optional()],
        wrong=CHOOSE,
        choices=options([ALL, ("no", _l("trips of this month")), ("yes", _l("carried from earlier months"))]),
    )
    reference = StringField(_l("Booking reference"))
    trip = StringField(_l("Number of the trip"), filters=[lambda text: text.strip() if text else ""])

    def validate_reference(self, field: StringField) -> None:
        """A reference as it stands on a ticket, with or without its space."""
        field.data = re.sub(r"\s", "", field.data or "").upper()
        if field.data and not re.fullmatch(r"[A-Z0-9]{4,12}", field.data):
            raise ValidationError(gettext("Enter a reference such as 7K3QF9."))

    def validate_trip(self, field: StringField) -> None:
        """The number in the address of a trip."""
        if field.data and not re.fullmatch(r"[1-9][0-9]{0,17}", field.data, re.ASCII):
            raise ValidationError(gettext("Enter the number of a trip, such as 1204."))

    @property
    def search(self) -> LineSearch:
        """Return what is wanted, once it was found to be valid."""
        return LineSearch(
            kind=LineKind(self.kind.data) if self.kind.data else None,
            carried=self.carried.data == "yes" if self.carried.data else None,
            reference=self.reference.data or "",
            trip_id=int(self.trip.data) if self.trip.data else None,
        )


class TripsForm(ListForm):
    """Which trips of a settlement are wanted."""

    after = AfterField(timed=True)
    day = DayField(_l("Day"), [Optional()])
    route = ChoiceField(_l("Route"), [Optional()], wrong=CHOOSE)

    def __init__(self, formdata: Any, routes: Sequence[tuple[int, str]]) -> None:
        super().__init__(formdata)
        self.route.choices = options([ALL, *((str(number), name) for number, name in routes)])

    def validate_day(self, field: DayField) -> None:
        """No clock can add to the last day there is."""
        if field.data and not FIRST_DAY <= field.data <= LAST_DAY:
            raise ValidationError(gettext("Enter a day such as 18/12/2026."))

    @property
    def search(self) -> TripSearch:
        """Return what is wanted, once it was found to be valid."""
        return TripSearch(self.day.data, int(self.route.data) if self.route.data else None)


class DisputesForm(ListForm):
    """Which disputed lines the platform wants."""

    state: SelectField = _choice(_l("State"), LineDisputeState)
