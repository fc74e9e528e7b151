"""What the pages for an agency's staff ask for. Whatever else is sent has no effect: no agency, no user, no state."""

import re
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import InputRequired, Length, ValidationError

from aurapark.accounts.forms import ASK_ADDRESS, AddressField, NewPasswordForm
from aurapark.accounts.models import AgencyRole
from aurapark.agencies.payout_accounts import NewAccount
from aurapark.agencies.payout_models import AccountKind
from aurapark.phones import PhoneError, read_phone
from aurapark.web.fields import ChoiceField, NameField, SharedForm, options
from aurapark.web.role_names import KIND_NAMES, role_choices

LONGEST_REASON = 200
LONGEST_NAME = 80
CHOOSE_KIND = _l("Choose a kind of account.")
ASK_HOLDER = _l("Enter the name under which the account is kept.")


def reason_field() -> StringField:
    """Return the field that asks why; it is kept for ever."""
    return StringField(
        _l("Reason"),
        [
            InputRequired(_l("Say why, in a few words.")),
            Length(3, LONGEST_REASON, _l("Say why, in 3 to 200 characters.")),
        ],
        filters=[lambda text: one_line(text)],
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


def one_line(text: str | None) -> str | None:
    """Return text as one line: control characters and runs of spaces become one space."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split()) if text else text


class PayoutAccountForm(SharedForm):
    """Where the agency wants to be paid, and why that changes. `account` is what was understood."""

    kind = ChoiceField(_l("Kind of account"), [InputRequired(CHOOSE_KIND)], wrong=CHOOSE_KIND)
    holder = StringField(
        _l("Name of the account's holder"),
        [InputRequired(ASK_HOLDER), Length(2, LONGEST_NAME, ASK_HOLDER)],
        filters=[lambda text: one_line(text)],
    )
    number = StringField(_l("Number"), [InputRequired(_l("Enter the number of the account."))])
    bank = StringField(_l("Bank"), [Length(max=LONGEST_NAME)], filters=[lambda text: one_line(text)])
    reason = reason_field()

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.kind.choices = options(KIND_NAMES.items())

    def validate_number(self, field: StringField) -> None:
        """A mobile number for mobile money, the 23 figures of a bank account otherwise."""
        self._number = ""
        if self.kind.data == AccountKind.BANK:
            self._number = "".join(letter for letter in field.data or "" if letter not in " -.")
            if not re.fullmatch(r"[0-9]{23}", self._number):
                raise ValidationError(str(_l("Enter the 23 figures of the account: bank, branch, account, key.")))
            return
        try:
            self._number = read_phone(field.data or "")
        except PhoneError as error:
            raise ValidationError(gettext(error.sentence)) from None

    def validate_bank(self, field: StringField) -> None:
        """A bank account says at which bank."""
        if self.kind.data == AccountKind.BANK and not field.data:
            raise ValidationError(str(_l("Enter the name of the bank.")))

    @property
    def account(self) -> NewAccount:
        """Return what was typed, once it was found to be valid."""
        kind = AccountKind(self.kind.data)
        return NewAccount(kind, self.holder.data, self._number, self.bank.data if kind == AccountKind.BANK else None)
