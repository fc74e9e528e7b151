"""What the pages about an agency's bookings ask for: which ones, and what is to be done with one."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import TextInput

from aurapark.booking.models import BookingState, Channel
from aurapark.office.booking_search import REFERENCE, BookingSearch, RouteName
from aurapark.office.booking_words import SALE_CHANNELS
from aurapark.office.forms import ReasonForm
from aurapark.phones import PhoneError, read_phone
from aurapark.references import read_reference
from aurapark.web.fields import NAME_MARKS, ChoiceField, DayField, NameField, options
from aurapark.web.listing import AfterField, ListForm
from aurapark.web.state_names import NAMES

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2100, 1, 1)
MOST_DAYS_OF_A_SEAT = timedelta(days=31)
MOST_ID = 2**63 - 1  # of a bigint
LONGEST, MOST_WORDS = 80, 6
MOST_FRANCS = 2**31 - 1  # of an integer
WHOLE_FRANCS = _l("Enter a whole number of francs.")
WHAT_TO_TYPE = _l("Enter a reference such as 7K3QF9, a mobile number, an e-mail address or letters of a name.")


class BookingListForm(ListForm):
    """Which bookings are wanted. One field takes what identifies people; the others narrow."""

    q = StringField(_l("Reference, phone, e-mail or name"), [Length(max=LONGEST, message=WHAT_TO_TYPE)])
    seat = StringField(_l("Seat"))
    trip = IntegerField(_l("Number of the trip"), [Optional()], widget=TextInput())
    since = DayField(_l("Departure from"), [Optional()])
    until = DayField(_l("Departure until"), [Optional()])
    route = ChoiceField(_l("Route"), wrong=_l("Choose a route from the list."))
    state = ChoiceField(_l("State"), wrong=_l("Choose a state from the list."))
    channel = ChoiceField(_l("Sold by"), wrong=_l("Choose one from the list."))
    after = AfterField(timed=True)

    def __init__(self, given: Any, *, routes: Sequence[RouteName], sees_phones: bool) -> None:
        super().__init__(given)
        self.sees_phones = sees_phones
        self.route.choices = _any(_l("all routes"), ((str(one.id), route_label(one)) for one in routes))
        self.state.choices = _any(_l("all states"), NAMES[BookingState].items())
        self.channel.choices = _any(_l("everywhere"), SALE_CHANNELS.items())
        self._found: dict[str, Any] = {}

    def validate_q(self, field: StringField) -> None:
        """A reference, a phone, an address or pieces of a name: told apart by how they look."""
        text = " ".join(unicodedata.normalize("NFC", field.data or "").split())
        if text:
            self._found = _read(text)
        if not self.sees_phones and self._found.keys() & {"phone", "email"}:
            self._found = {}
            raise ValidationError(gettext("Your role finds bookings by their reference or by a name."))

    def validate_seat(self, field: StringField) -> None:
        """A seat is one of a trip or of a few days, else it is on every bus there ever was."""
        field.data = (field.data or "").strip()
        if not field.data:
            return
        if not re.fullmatch(r"[1-9][0-9]{0,2}", field.data, re.ASCII):
            raise ValidationError(gettext("Enter the number of a seat, such as 12."))
        if not self.trip.data and not self.since.data:
            raise ValidationError(gettext("Say the day of departure too, or the number of the trip."))

    def validate_trip(self, field: IntegerField) -> None:
        """A number that a trip can have."""
        if field.data is not None and not 0 < field.data <= MOST_ID:
            raise ValidationError(gettext("Enter the number of a trip."))

    def validate_since(self, field: DayField) -> None:
        """A day of ours."""
        _require_our_day(field.data)

    def validate_until(self, field: DayField) -> None:
        """Not before the first day; with a seat, at most a month later."""
        _require_our_day(field.data)
        if field.data and self.since.data and field.data < self.since.data:
            raise ValidationError(gettext("This day is before the first one."))
        if field.data and self.since.data and self.seat.data and field.data - self.since.data >= MOST_DAYS_OF_A_SEAT:
            raise ValidationError(gettext("With a seat, choose 31 days at most."))

    def search(self, agency_id: int, timezone: str) -> BookingSearch:
        """Return what was asked for, once it was found to be valid. A seat without a last day is one of that day."""
        until = self.until.data or (self.since.data if self.seat.data and not self.trip.data else None)
        return BookingSearch(
            agency_id,
            timezone,
            **self._found,
            seat=self.seat.data,
            trip_id=self.trip.data,
            route_id=int(self.route.data) if self.route.data else None,
            since=self.since.data,
            until=until,
            state=BookingState(self.state.data) if self.state.data else None,
            channel=Channel(self.channel.data) if self.channel.data else None,
        )

    @property
    def maybe_reference(self) -> str:
        """Return six letters that can be a name as well as a reference; empty otherwise."""
        word = read_reference(self.q.data or "")
        return word if "words" in self._found and REFERENCE.fullmatch(word) else ""

    def take_as_reference(self) -> None:
        """Let the six letters be the reference they are."""
        self._found = {"reference": self.maybe_reference}


class NameForm(ReasonForm):
    """Another name for a passenger, and why."""

    name = NameField(_l("New name"), [InputRequired(_l("Enter the name as it stands on the ID card."))])


class SeatForm(ReasonForm):
    """Another seat for a passenger, and why."""

    seat = StringField(_l("New seat"), [InputRequired(_l("Choose a free seat on the map."))])


class ProposalForm(ReasonForm):
    """How much should go back beyond the rule, and why."""

    amount = IntegerField(
        _l("Amount in francs CFA"),
        [InputRequired(WHOLE_FRANCS), NumberRange(1, MOST_FRANCS, WHOLE_FRANCS)],
        widget=TextInput(),
    )


def route_label(route: RouteName) -> str:
    """Return what a route is called in a list: `Douala – Yaoundé (R12)`."""
    return f"{route.start} – {route.end} ({route.code})"


def _any(label: Any, pairs: Any) -> Any:
    return options([("", label), *pairs])


def _require_our_day(day: date | None) -> None:
    if day and not FIRST_DAY <= day <= LAST_DAY:
        raise ValidationError(gettext("Enter a day such as 18/12/2026."))


def _read(text: str) -> dict[str, Any]:
    reference = read_reference(text)
    if REFERENCE.fullmatch(reference) and any(letter.isdigit() for letter in reference):
        return {"reference": reference}
    if "@" in text:
        return {"email": text}
    if any(letter.isdigit() for letter in text):
        try:
            return {"phone": read_phone(text)}
        except PhoneError as error:
            raise ValidationError(gettext(error.sentence)) from None
    return {"words": _words(text)}


def _words(text: str) -> tuple[str, ...]:
    """Pieces of a name: letters and the marks of names, two letters at least in one of them."""
    if not all(letter in NAME_MARKS or unicodedata.category(letter)[0] in "LM" for letter in text):
        raise ValidationError(str(WHAT_TO_TYPE))
    words = re.split(rf"[{re.escape(NAME_MARKS)}]+", text)
    pieces = tuple(word for word in words if word)[:MOST_WORDS]
    if max(map(len, pieces), default=0) < 2:
        raise ValidationError(gettext("Enter at least two letters of the name."))
    return pieces
