"""What the pages about accounts ask for. Whatever else is sent has no effect: no role, no agency, no "verified"."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length, Optional

from aurapark.accounts.addresses import Address, AddressError, read_address, read_email
from aurapark.accounts.one_time import CODE_LENGTH
from aurapark.accounts.passwords import LONGEST
from aurapark.web.fields import ChoiceField, NameField, PhoneField, SharedForm, options

LONGEST_TYPED = 300
MOST_PASSWORD = 1000  # characters that are read at all; more than 128 is refused with words
ASK_ADDRESS = _l("Enter your phone number or your e-mail address.")
ASK_PASSWORD = _l("Enter your password.")


class AddressField(StringField):  # type: ignore[misc]  # wtforms has no types
    """A phone number or an e-mail address; data is an Address, and what was typed stays in the field."""

    data: Any

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist:
            return
        self.data = None
        try:
            self.data = read_address(valuelist[0]) if valuelist[0].strip() else None
        except AddressError as error:
            raise ValueError(gettext(error.sentence)) from None

    def _value(self) -> str:
        return str(self.raw_data[0])[:LONGEST_TYPED] if self.raw_data else ""


class OwnEmailField(EmailField):  # type: ignore[misc]
    """An e-mail address; data is an Address."""

    data: Any

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist:
            return
        self.data = None
        try:
            self.data = Address(read_email(valuelist[0])) if valuelist[0].strip() else None
        except AddressError as error:
            raise ValueError(gettext(error.sentence)) from None

    def _value(self) -> str:
        return str(self.raw_data[0])[:LONGEST_TYPED] if self.raw_data else ""


def _password(label: Any, name: str) -> PasswordField:
    return PasswordField(label, [InputRequired(ASK_PASSWORD), Length(max=MOST_PASSWORD)], name=name)


def _new_password() -> PasswordField:
    too_long = _l("A password has at most %(max)s characters.", max=LONGEST)
    checks = [InputRequired(_l("Choose a password.")), Length(max=MOST_PASSWORD, message=too_long)]
    return PasswordField(_l("New password"), checks, name="new_password")


class SignInForm(SharedForm):
    """An address and a password. What is no address is nobody's: it is not told apart."""

    address = StringField(_l("Phone or e-mail"), [InputRequired(ASK_ADDRESS), Length(max=LONGEST_TYPED)])
    password = _password(_l("Password"), "password")
    next = HiddenField()

    @property
    def read(self) -> Address | None:
        """The address that was typed, None when it is none."""
        try:
            return read_address(self.address.data or "")
        except AddressError:
            return None


class AskForm(SharedForm):
    """Where to send a code or a link."""

    address = AddressField(_l("Phone or e-mail"), [InputRequired(ASK_ADDRESS)])
    next = HiddenField()


class RegisterForm(SharedForm):
    """A new account. The name is for forms that ask for one; it may be left out."""

    address = AddressField(_l("Phone or e-mail"), [InputRequired(ASK_ADDRESS)])
    name = NameField(_l("Your name"), [Optional()])
    new_password = _new_password()
    next = HiddenField()


class CodeForm(SharedForm):
    """The figures of a code, with or without spaces."""

    code = StringField(_l("Code"), [InputRequired(_l("Enter the code of 6 figures."))])
    next = HiddenField()

    @property
    def figures(self) -> str:
        """What was typed, without what people put between figures."""
        return "".join(letter for letter in self.code.data or "" if letter.isascii() and letter.isdigit())[
            : CODE_LENGTH + 1
        ]


class NewPasswordForm(SharedForm):
    """A new password by a link."""

    new_password = _new_password()


class ChangePasswordForm(SharedForm):
    """A new password after the present one."""

    password = _password(_l("Present password"), "password")
    new_password = _new_password()


class ChangeEmailForm(SharedForm):
    """A new e-mail address, after the password."""

    address = OwnEmailField(
        _l("New e-mail address"), [InputRequired(_l("Enter an e-mail address such as awa@example.cm."))]
    )
    password = _password(_l("Password"), "password")


class ChangePhoneForm(SharedForm):
    """A new phone number, after the password."""

    address = PhoneField(_l("New phone number"), [InputRequired(_l("Enter a mobile number, such as 6 71 23 45 67."))])
    password = _password(_l("Password"), "password")


class LanguageForm(SharedForm):
    """The language of pages and messages."""

    language = ChoiceField(
        _l("Language"),
        [InputRequired(_l("Choose one of the languages from the list."))],
        choices=options((("fr", "Français"), ("en", "English"))),
        wrong=_l("Choose one of the languages from the list."),
    )
