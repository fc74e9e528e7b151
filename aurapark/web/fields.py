"""Form fields that pages and the API share: they read what people write and say, in their language, what to do.

The forms are plain `wtforms.Form`s fed with a MultiDict: `request.form`, `request.args`, or the API's JSON flattened.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    Field,
    FieldList,
    Form,
    FormField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError

from aurapark.phones import PhoneError, read_phone
from aurapark.web.formats import NBSP, phone

NAME_MIN, NAME_MAX = 2, 80
NAME_MARKS = " '’-."
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,19}")


class SharedForm(Form):  # type: ignore[misc]  # wtforms has no types
    """A form for pages and API alike; a field given twice is refused, unless it takes several values."""

    def validate(self, extra_validators: Any = None) -> bool:
        fine = bool(super().validate(extra_validators))
        for field in self:
            if len(field.raw_data or ()) > 1 and not isinstance(field, SelectMultipleField | FieldList | FormField):
                field.errors = [*field.errors, _l("Give one answer only.")]
                fine = False
        return fine


def messages_of(form: Form) -> dict[str, list[str]]:
    """Return the messages per field name, in the reader's language; inner fields are named `passengers-0-name`."""
    found: dict[str, list[str]] = {}
    _collect(form, found)
    if form.form_errors:
        found[""] = [str(message) for message in form.form_errors]
    return found


class PhoneField(TelField):  # type: ignore[misc]
    """A Cameroonian mobile number; data is E.164, and what was typed stays in the field."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist:
            return
        self.data = None
        try:
            self.data = read_phone(valuelist[0]) if valuelist[0].strip() else None
        except PhoneError as error:
            raise ValueError(gettext(error.sentence)) from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return phone(self.data).replace(NBSP, " ") if self.data else ""


class NameField(StringField):  # type: ignore[misc]
    """A person's name in any script: letters, spaces, apostrophes, hyphens and dots."""

    data: str | None

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        super().process_formdata(valuelist)
        self.data = " ".join(unicodedata.normalize("NFC", self.data or "").split()) or None

    def pre_validate(self, form: Form) -> None:  # noqa: ARG002  wtforms' signature
        if not self.data:
            return
        if not NAME_MIN <= len(self.data) <= NAME_MAX:
            raise ValidationError(gettext("Enter a name of 2 to 80 letters, as on the ID card."))
        if not all(letter in NAME_MARKS or unicodedata.category(letter)[0] in "LM" for letter in self.data):
            raise ValidationError(gettext("Use letters, spaces, hyphens, apostrophes and dots only."))
        if not any(unicodedata.category(letter)[0] == "L" for letter in self.data):
            raise ValidationError(gettext("Enter the name as it stands on the ID card."))


class DayField(DateField):  # type: ignore[misc]
    """A calendar day, written 2026-12-18 or 18/12/2026."""

    FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if valuelist:
            text, self.data = valuelist[0].strip(), None
            self.data = self._read(text) if text else None

    def _read(self, text: str) -> date:
        for written in self.FORMATS:
            try:
                return datetime.strptime(text, written).date()  # noqa: DTZ007  a day has no zone
            except ValueError:
                continue
        raise ValueError(gettext("Enter a day such as 18/12/2026."))

    def _value(self) -> str:
        if isinstance(self.data, date):
            return self.data.isoformat()
        return self.raw_data[0] if self.raw_data else ""


class ChoiceField(SelectField):  # type: ignore[misc]
    """One of a few words; `wrong` is what is said about any other."""

    data: Any

    def __init__(self, label: Any = None, validators: Any = None, *, wrong: Any, **options: Any) -> None:
        super().__init__(label, validators, **options)
        self.wrong = wrong

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist or valuelist[0] == "":
            return
        try:
            super().process_formdata(valuelist)
        except ValueError:
            self.data = None
            raise ValueError(str(self.wrong)) from None

    def pre_validate(self, form: Form) -> None:  # noqa: ARG002  wtforms' signature
        if self.process_errors or not self.validate_choice or self.data in (None, ""):
            return
        if not any(match for _value, _label, match, *_rest in self.iter_choices()):
            raise ValidationError(str(self.wrong))


def options(pairs: Iterable[tuple[Any, Any]], group: str | None = None) -> list[SelectChoice]:
    """Return (value, label) pairs as a field takes them, under the heading of a group."""
    return [SelectChoice(value, label, optgroup=group) for value, label in pairs]


def is_code(text: str) -> bool:
    """Say whether this can be the code of a stop or a city."""
    return CODE.fullmatch(text) is not None


def _collect(fields: Any, found: dict[str, list[str]]) -> None:
    field: Field
    for field in fields:
        if isinstance(field, FormField | FieldList):
            _collect(field, found)
        elif field.errors:
            found[field.name] = [str(message) for message in field.errors]
