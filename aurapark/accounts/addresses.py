"""What people sign in with: an e-mail address or a phone number, read from one field."""

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from aurapark.errors import N_
from aurapark.phones import PhoneError, read_phone

LONGEST_EMAIL = 254


class AddressError(ValueError):
    """Neither an e-mail address nor a phone number; `sentence` is an English msgid."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address in lower case, or a phone number in E.164."""

    value: str

    @property
    def is_phone(self) -> bool:
        """Say whether it is a phone number."""
        return self.value.startswith("+")


def read_address(text: str) -> Address:
    """Return the address people mean. Raises AddressError."""
    if "@" in text:
        return Address(read_email(text))
    try:
        return Address(read_phone(text))
    except PhoneError as error:
        if not re.search(r"\d", text):
            raise AddressError(N_("Enter your phone number or your e-mail address.")) from None
        raise AddressError(error.sentence) from None


def read_email(text: str) -> str:
    """Return an e-mail address in lower case. Raises AddressError; whether it exists is not asked."""
    try:
        checked = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise AddressError(N_("Enter an e-mail address such as awa@example.cm.")) from None
    email = (checked.ascii_email or "").lower()
    if not email or len(email) > LONGEST_EMAIL:
        raise AddressError(N_("Enter an e-mail address such as awa@example.cm."))
    return email
