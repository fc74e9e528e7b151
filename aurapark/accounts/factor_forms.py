"""What the pages about second factors ask for."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from aurapark.accounts.factor_models import LONGEST_NAME
from aurapark.accounts.forms import ASK_PASSWORD, MOST_PASSWORD
from aurapark.web.fields import SharedForm

LONGEST_CODE = 40
NOT_HERE = _l("Your browser did not ask for a passkey. Turn on JavaScript, or set up an authenticator app instead.")


class ProveForm(SharedForm):
    """A code of the app or a recovery code; beside it where to go on."""

    code = StringField(_l("Code"), [InputRequired(_l("Enter the code.")), Length(max=LONGEST_CODE)])
    next = HiddenField()


class OwnerForm(SharedForm):
    """Asks for the password again, of somebody who has one; `account` is their address, for password managers."""

    password = PasswordField(_l("Your password"), [InputRequired(ASK_PASSWORD), Length(max=MOST_PASSWORD)])
    next = HiddenField()

    def __init__(self, *given: Any, has_password: bool, account: str, **options: Any) -> None:
        super().__init__(*given, **options)
        self.account = account
        if not has_password:
            del self.password

    @property
    def given_password(self) -> str | None:
        """The password that was typed, None for somebody who has none."""
        return self.password.data if "password" in self else None


class AppForm(OwnerForm):
    """The first code of an authenticator app."""

    code = StringField(_l("Code that the app shows"), [InputRequired(_l("Enter the code.")), Length(max=LONGEST_CODE)])


class PasskeyForm(OwnerForm):
    """A new passkey: its name, and what the browser's script fills in."""

    name = StringField(_l("Name"), [InputRequired(_l("Give the passkey a name.")), Length(max=LONGEST_NAME)])
    credential = HiddenField(validators=[InputRequired(NOT_HERE)])
