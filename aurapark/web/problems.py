"""What is wrong with a form, in the order of its fields, for the summary on top of the page."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask
from wtforms import Field, FieldList, FormField
from wtforms.form import BaseForm


@dataclass(frozen=True)
class Problem:
    """A sentence for the traveller, and the id of the field it is about (empty: the form as a whole)."""

    text: str
    field_id: str = ""


def init_app(app: Flask) -> None:
    """Give templates `problems_of`."""
    app.add_template_global(problems_of)


def problems_of(form: BaseForm) -> list[Problem]:
    """Return the first problem of each field of the form, inner forms included, then those of the form itself."""
    return [*_of_fields(form), *(Problem(str(text)) for text in getattr(form, "form_errors", ()))]


def _of_fields(fields: BaseForm | FormField | FieldList) -> Iterator[Problem]:
    for field in fields:
        if isinstance(field, FormField | FieldList):
            yield from _of_fields(field)
        elif field.errors:
            yield Problem(str(field.errors[0]), _first_control(field))


def _first_control(field: Field) -> str:
    """Radios and checkboxes have an id each; the link leads to the first."""
    choices = list(field) if hasattr(field, "__iter__") and field.type in ("RadioField", "SelectMultipleField") else []
    return str(choices[0].id if choices else field.id)
