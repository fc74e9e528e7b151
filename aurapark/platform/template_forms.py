"""The form for the words of one message: a field for each sentence and language, made from what the template says."""

import hashlib
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError

from aurapark.notifications.catalogue import Line, Template, list_lines
from aurapark.notifications.changing_words import Checked, Typed, newest_of
from aurapark.notifications.models import LANGUAGES
from aurapark.notifications.word_rules import names_in
from aurapark.office.forms import ReasonForm
from aurapark.platform.message_names import LANGUAGE_NAMES
from aurapark.settings import current_settings
from aurapark.web.fields import options

MOST_LETTERS = 2000  # more than any sentence may have: the rules say how long one is


class WordsForm(ReasonForm):
    """Why words are changed. The sentences are fields beside it, `fr-` or `en-` and what `sentence_id` gives."""

    bases: Any
    template: Template

    @property
    def typed(self) -> Typed:
        """Return what was typed, by language and sentence."""
        lines = list_lines(self.template, current_settings())
        return {
            (language, line.key): self[field_name(language, line)].data or ""
            for line in lines
            for language in LANGUAGES
        }

    @property
    def based_on(self) -> dict[str, int]:
        """Return the number of the version that each language's words were typed upon."""
        return {language: int(self[f"{language}-version"].data) for language in LANGUAGES}

    def show_faults(self, checked: Checked) -> None:
        """Put what is wrong with the words at their fields."""
        for line in list_lines(self.template, current_settings()):
            for language in LANGUAGES:
                if fault := checked.faults.get((language, line.key)):
                    self[field_name(language, line)].errors = [gettext(fault.sentence) % fault.values]


class GoBackForm(ReasonForm):
    """Which version shall count again, and why."""

    version = SelectField(_l("Version"), [InputRequired()])


def words_form(template: Template, versions: Any, given: Any = None) -> WordsForm:
    """Return the form of a template, filled with the words that count now, or with what was given."""
    fields: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for number, line in enumerate(list_lines(template, current_settings()), start=1):
        for language in LANGUAGES:
            base, changed = newest_of(versions, language)
            name = field_name(language, line)
            label = _l("%(language)s, sentence %(number)s", language=LANGUAGE_NAMES[language], number=number)
            fields[name] = TextAreaField(label, [Length(max=MOST_LETTERS)], description=_hint(line, language))
            fields[f"{language}-version"] = HiddenField(validators=[_a_number])
            values[name] = changed.get(line.key, line.shipped[language])
            values[f"{language}-version"] = str(base)
    form: WordsForm = type("WordsForm", (WordsForm,), fields)(given, data=values)
    form.template = template
    return form


def go_back_form(versions: list[tuple[str, Any]], given: Any = None) -> GoBackForm:
    """Return the form that goes back to one of these versions."""
    form = GoBackForm(given, prefix="back-")
    form.version.choices = options(versions)
    return form


def field_name(language: str, line: Line) -> str:
    """Return the name of a sentence's field; it stays when other sentences come or go."""
    return f"{language}-{hashlib.sha256(line.key.encode()).hexdigest()[:8]}"


def _hint(line: Line, language: str) -> str:
    names = ", ".join(f"{{{name}}}" for name in names_in(line.shipped[language]))
    return gettext("Must hold: %(names)s", names=names) if names else ""


def _a_number(_form: Any, field: Any) -> None:
    if not (field.data or "").isascii() or not (field.data or "").isdigit() or len(field.data) > 6:
        raise ValidationError(gettext("Open this page again."))
