"""What a sale asks of the traveller: the seats, then who travels and who pays. Pages and API use the same classes."""

import re
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from wtforms import EmailField, FieldList, FormField, HiddenField, IntegerField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Email, InputRequired, Length, Optional, ValidationError

from aurapark.booking.details import CheckoutDetails, PassengerDetails, Payer
from aurapark.fares.models import Category
from aurapark.references import ALPHABET, REFERENCE_LENGTH, read_reference
from aurapark.search.forms import PlaceField
from aurapark.web.fields import ChoiceField, NameField, PhoneField, SharedForm, options
from aurapark.web.names import CATEGORIES

REFERENCE = re.compile(f"[{ALPHABET}]{{{REFERENCE_LENGTH}}}")
SEAT = re.compile(r"[0-9]{1,2}[A-Z]?")
MAX_LAP_CHILDREN = 2
PREFERENCES = [
    ("front", _l("Together, near the front")),
    ("window", _l("Window")),
    ("aisle", _l("Next to the aisle")),
    ("door", _l("Near the door – easy step")),
]


class HoldForm(SharedForm):
    """Seats by name (`seat`, repeated), or a number of seats with a preference (`count`, `preference`)."""

    from_code = PlaceField(_l("From"), [DataRequired(_l("Choose where you leave from."))], name="from")
    to_code = PlaceField(_l("To"), [DataRequired(_l("Choose where you are going."))], name="to")
    seats = SelectMultipleField(_l("Seats"), name="seat", validate_choice=False, choices=[])
    count = IntegerField(_l("Number of seats"))
    preference = ChoiceField(
        _l("Where you like to sit"),
        choices=options(PREFERENCES),
        default="front",
        wrong=_l("Choose one of the preferences from the list."),
    )

    def __init__(self, formdata: Any = None, *, max_seats: int = 6, **values: Any) -> None:
        super().__init__(formdata, **values)
        self.max_seats = max_seats

    def validate_seats(self, field: SelectMultipleField) -> None:
        seats = field.data or []
        if not seats and not (self.count.raw_data and self.count.raw_data[0]):
            raise ValidationError(gettext("Choose at least one seat."))
        if len(seats) > self.max_seats:
            raise ValidationError(self._limit())
        if unknown := [seat for seat in seats if not SEAT.fullmatch(seat)]:
            raise ValidationError(gettext("This bus has no seat %(seat)s. Choose on the map.", seat=unknown[0][:8]))
        if doubles := sorted({seat for seat in seats if seats.count(seat) > 1}):
            raise ValidationError(gettext("Seat %(seat)s was chosen twice. Choose another one.", seat=doubles[0]))

    def validate_count(self, field: IntegerField) -> None:
        asked = bool(field.raw_data and field.raw_data[0])
        field.errors = []
        if asked and self.seats.data:
            raise ValidationError(gettext("Give either seats or a number of seats, not both."))
        if asked and not (field.data and 1 <= field.data <= self.max_seats):
            raise ValidationError(self._limit())

    def _limit(self) -> str:
        return str(gettext("You can book 1 to %(max)d seats at a time.", max=self.max_seats))


class PassengerForm(SharedForm):
    """One seat: who sits on it, and small children on the lap, who travel free and have no seat."""

    seat = HiddenField()
    name = NameField(
        _l("Full name, as on the ID card"), [DataRequired(_l("Enter the passenger’s full name, as on the ID card."))]
    )
    category = ChoiceField(
        _l("Category"),
        choices=options((value.value, name) for value, name in CATEGORIES.items()),
        default=Category.ADULT.value,
        wrong=_l("Choose a category from the list."),
    )
    lap_children = ChoiceField(
        _l("Children under 8 on the lap, free"),
        coerce=int,
        choices=options((number, str(number)) for number in range(MAX_LAP_CHILDREN + 1)),
        default=0,
        wrong=_l("Choose 0 to %(max)s children.", max=MAX_LAP_CHILDREN),
    )


class CheckoutForm(SharedForm):
    """Who travels (`passengers-0-seat`, `passengers-0-name`, …) and who pays (`phone`, `email`, `payer_name`).

    `seats` are the seats of the booking: each must be named exactly once.
    """

    passengers = FieldList(FormField(PassengerForm))
    phone = PhoneField(_l("Phone"), [InputRequired(_l("Enter a mobile number, such as 6 71 23 45 67."))])
    email = EmailField(
        _l("E-mail"),
        [
            Optional(strip_whitespace=True),
            Length(max=254, message=_l("This e-mail address is too long.")),
            Email(_l("Enter an e-mail address such as awa@example.cm, or leave this empty.")),
        ],
        filters=[lambda text: text.strip() or None if text else None],
    )
    payer_name = NameField(_l("Name of the person who pays"), [Optional()])

    def __init__(self, formdata: Any = None, *, seats: Sequence[str], **values: Any) -> None:
        blank = [{"seat": seat, "category": Category.ADULT.value, "lap_children": 0} for seat in seats]
        super().__init__(formdata, **{"passengers": blank, **values})
        self.seats = list(seats)

    @property
    def details(self) -> CheckoutDetails:
        """What a valid form says."""
        passengers = tuple(
            PassengerDetails(
                one.form.seat.data, one.form.name.data, Category(one.form.category.data), one.form.lap_children.data
            )
            for one in self.passengers
        )
        return CheckoutDetails(passengers, Payer(str(self.phone.data), self.payer_name.data, self.email.data))

    def validate_passengers(self, field: FieldList) -> None:
        given = [entry.form.seat.data for entry in field]
        if sorted(given) == sorted(self.seats):
            return
        missing = [seat for seat in self.seats if seat not in given]
        said = missing or [seat for seat in given if seat not in self.seats or given.count(seat) > 1]
        self.form_errors.append(
            ngettext(
                "Name one passenger for each seat: please look at seat %(seats)s.",
                "Name one passenger for each seat: please look at seats %(seats)s.",
                len(said),
                seats=", ".join(str(seat)[:8] for seat in said),
            )
        )
        raise ValidationError(gettext("Name one passenger for each seat."))


class FindForm(SharedForm):
    """A booking by its reference and the phone of who paid."""

    reference = StringField(
        _l("Booking reference"),
        [InputRequired(_l("Enter the reference, such as 7K3 QF9. It is in the SMS and on the ticket."))],
    )
    phone = PhoneField(_l("Phone"), [InputRequired(_l("Enter a mobile number, such as 6 71 23 45 67."))])

    def validate_reference(self, field: StringField) -> None:
        if not REFERENCE.fullmatch(read_reference(field.data or "")):
            raise ValidationError(gettext("A reference has 6 letters and figures, such as 7K3 QF9."))
