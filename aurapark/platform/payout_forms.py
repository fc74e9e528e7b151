"""What the pages about payouts ask for: the filters of their list, and what is to be paid and how."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from aurapark.errors import DomainError
from aurapark.office.forms import ReasonForm
from aurapark.payouts.models import PayoutState
from aurapark.payouts.queries import REJECTED
from aurapark.platform.desk_forms import WRONG, FrancsField
from aurapark.settlements.rules import Month, read_month
from aurapark.web.fields import ChoiceField, options
from aurapark.web.listing import ListForm
from aurapark.web.payout_names import PAYOUT_NAMES

TRANSFER, OUTSIDE = "transfer", "outside"
LONGEST_PROOF = 200


class PayoutForm(ListForm):
    """Which payouts are wanted; empty fields narrow nothing. `period` is what was understood of the month."""

    state = ChoiceField(_l("State"), [Optional()], wrong=WRONG, default="")
    agency = StringField(
        _l("Agency, by its code"), [Length(max=40)], filters=[lambda text: text.strip().lower() if text else ""]
    )
    month = StringField(_l("Month"), [Length(max=20)], filters=[lambda text: text.strip() if text else ""])
    period: Month | None = None

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        words = [(state.value, PAYOUT_NAMES[state]) for state in PayoutState]
        self.state.choices = options([("", _l("all")), *words, (REJECTED, PAYOUT_NAMES[REJECTED])])

    def validate_month(self, field: StringField) -> None:
        """A month such as 2026-10."""
        if field.data:
            try:
                self.period = read_month(field.data)
            except DomainError as error:
                raise ValidationError(gettext(error.sentence)) from None


class PrepareForm(ReasonForm):
    """How much of what is left is paid, how, and why. `left` is what was left when the page was shown."""

    amount = FrancsField(_l("Amount"), [InputRequired(_l("Enter a whole amount such as 6500."))])
    left = HiddenField()
    how = ChoiceField(_l("How"), [InputRequired(WRONG)], wrong=WRONG)
    proof = StringField(
        _l("Proof"), [Length(max=LONGEST_PROOF)], filters=[lambda text: " ".join(text.split()) if text else ""]
    )

    def __init__(self, *given: Any, can_send: bool, **more: Any) -> None:
        super().__init__(*given, **more)
        ways = [(TRANSFER, _l("By transfer to the agency’s account"))] if can_send else []
        self.how.choices = options([*ways, (OUTSIDE, _l("It was paid outside already"))])

    def validate_proof(self, field: StringField) -> None:
        """What was paid outside has a proof; a transfer is its own."""
        if self.how.data == OUTSIDE and not field.data:
            raise ValidationError(gettext("Say how the agency was paid, and where the proof is."))

    @property
    def seen(self) -> int:
        """What was left, as the page said; nothing fits what it did not say."""
        text = self.left.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
