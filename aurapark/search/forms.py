"""What a traveller searches for. The page and the API use the same class."""

from datetime import timedelta
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, SelectField
from wtforms.validators import DataRequired, InputRequired, ValidationError

from aurapark import clock
from aurapark.search.rules import TripSearch
from aurapark.web.fields import ChoiceField, DayField, PlaceField, SharedForm, is_code, options
from aurapark.web.names import CLASSES

MAX_DAYS_AHEAD = 90
MAX_PAGE = 500
PARTS_OF_DAY = [
    ("morning", _l("Morning, 5:00 to 12:00")),
    ("afternoon", _l("Afternoon, 12:00 to 17:00")),
    ("evening", _l("Evening, 17:00 to 20:00")),
    ("night", _l("Night, after 20:00")),
]
SORTS = [("departure", _l("Departure time")), ("price", _l("Lowest price")), ("duration", _l("Shortest journey"))]


class LegForm(SharedForm):
    """From where to where on a trip that is chosen already."""

    from_code = PlaceField(_l("From"), [DataRequired(_l("Choose where you leave from."))], name="from")
    to_code = PlaceField(_l("To"), [DataRequired(_l("Choose where you are going."))], name="to")


class SearchForm(SharedForm):
    """From, to, day and party; the filters and the order of the results. `max_passengers` is the site's limit."""

    from_code = PlaceField(_l("From"), [DataRequired(_l("Choose where you leave from."))], name="from")
    to_code = PlaceField(_l("To"), [DataRequired(_l("Choose where you are going."))], name="to")
    date = DayField(_l("Date"), [InputRequired(_l("Choose the day of departure."))])
    passengers = ChoiceField(
        _l("Passengers"), coerce=int, default=1, wrong=_l("Choose 1 to %(max)s passengers.", max=6)
    )
    service_class = ChoiceField(
        _l("Class"),
        name="class",
        choices=options([("", _l("All classes")), *((value.value, name) for value, name in CLASSES.items())]),
        default="",
        wrong=_l("We do not know this class. Please choose one from the list."),
    )
    agency = SelectField(
        _l("Agency"), filters=[lambda text: (text or "").strip().lower() or None], choices=[], validate_choice=False
    )
    part_of_day = ChoiceField(
        _l("Time of departure"),
        name="part",
        choices=options([("", _l("All day")), *PARTS_OF_DAY]),
        default="",
        wrong=_l("Choose a time of day from the list."),
    )
    leaves = ChoiceField(
        _l("Departure"),
        choices=options([("", _l("All departures")), ("on_time", _l("Leaves at the time shown"))]),
        default="",
        wrong=_l("Choose a kind of departure from the list."),
    )
    sort = ChoiceField(
        _l("Sort by"), choices=options(SORTS), default="departure", wrong=_l("Choose an order from the list.")
    )
    page = IntegerField(default=1)

    def __init__(self, formdata: Any = None, *, max_passengers: int = 6, **values: Any) -> None:
        super().__init__(formdata, **values)
        self.passengers.choices = options((count, str(count)) for count in range(1, max_passengers + 1))
        self.passengers.wrong = _l("Choose 1 to %(max)s passengers.", max=max_passengers)

    @property
    def search(self) -> TripSearch:
        """What a valid form asks."""
        return TripSearch(
            from_code=str(self.from_code.data),
            to_code=str(self.to_code.data),
            date=self.date.data or clock.today(),
            passengers=int(self.passengers.data),
            service_class=self.service_class.data or None,
            agency=self.agency.data,
            part_of_day=self.part_of_day.data or None,
            leaves=self.leaves.data or None,
            sort=self.sort.data,
        )

    def validate_to_code(self, field: PlaceField) -> None:
        if field.data and field.data == self.from_code.data:
            raise ValidationError(gettext("Choose two different places."))

    def validate_date(self, field: DayField) -> None:
        today = clock.today()
        if field.data is None:
            return
        if field.data < today:
            raise ValidationError(gettext("This day is over. Choose today or a later day."))
        if field.data > today + timedelta(days=MAX_DAYS_AHEAD):
            raise ValidationError(gettext("Tickets are sold up to %(days)s days ahead.", days=MAX_DAYS_AHEAD))

    def validate_agency(self, field: SelectField) -> None:
        if field.data and not is_code(field.data):
            raise ValidationError(gettext("We do not know this agency. Please choose one from the list."))

    def validate_page(self, field: IntegerField) -> None:
        """A page number that means nothing is the first page: nobody types it."""
        field.errors = []
        if field.data is None or not 1 <= field.data <= MAX_PAGE:
            field.data = 1
