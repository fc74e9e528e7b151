"""What the pages about settlements ask the platform's finance for."""

import re

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import ValidationError

from aurapark.office.forms import ReasonForm


class AnswerForm(ReasonForm):
    """What is said about a disputed line; `francs` is the correction, + for the agency."""

    amount = StringField(_l("Amount of the correction"))
    francs: int = 0

    def validate_amount(self, field: StringField) -> None:
        """Whole francs, with or without spaces; empty when the dispute is refused."""
        text = re.sub(r"\s", "", field.data or "").replace("−", "-")
        if text and not re.fullmatch(r"-?[0-9]{1,12}", text, re.ASCII):
            raise ValidationError(gettext("Enter whole francs, such as 1500 or -1500."))
        self.francs = int(text or 0)
