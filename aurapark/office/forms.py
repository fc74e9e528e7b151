"""What the pages for an agency's staff ask for. Whatever else is sent has no effect: no agency, no user, no state."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from aurapark.accounts.forms import ASK_ADDRESS, AddressField, NewPasswordForm
from aurapark.accounts.models import AgencyRole
from aurapark.web.fields import ChoiceField, NameField, SharedForm
from aurapark.web.role_names import role_choices

LONGEST_REASON = 200


def reason_field() -> StringField:
    """Return the field that asks why; it is kept for ever."""
    return StringField(
        _l("Reason"),
        [
            InputRequired(_l("Say why, in a few words.")),
            Length(3, LONGEST_REASON, _l("Say why, in 3 to 200 characters.")),
        ],
        filters=[lambda text: _plain(text)],
    )


class ReasonForm(SharedForm):
    """Why something is done."""

    reason = reason_field()


class RoleForm(SharedForm):
    """Another role, and why."""

    role = ChoiceField(_l("Role"), [InputRequired(_l("Choose a role."))], wrong=_l("Choose a role."))
    reason = reason_field()

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.role.choices = role_choices(AgencyRole)


class InviteForm(SharedForm):
    """Whom to invite, as what."""

    address = AddressField(_l("Phone or e-mail"), [InputRequired(ASK_ADDRESS)])
    role = ChoiceField(_l("Role"), [InputRequired(_l("Choose a role."))], wrong=_l("Choose a role."))

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.role.choices = role_choices(AgencyRole)


class JoinForm(NewPasswordForm):
    """A new account by an invitation."""

    name = NameField(_l("Your name"), [InputRequired(_l("Enter your name."))])


def _plain(text: str | None) -> str | None:
    """A reason is one line: control characters and runs of spaces become one space."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split()) if text else text
