"""Cameroonian mobile numbers: every way people write them in, one way out (E.164)."""

import re

import phonenumbers

from aurapark.errors import N_

COUNTRY, COUNTRY_CODE = "CM", 237
MAX_LENGTH = 40
OLD_LENGTH = 8  # numbers had 8 digits until November 2014
MOBILE = re.compile(r"6\d{8}")


class PhoneError(ValueError):
    """Not a number we can send an SMS to; `sentence` is an English msgid that says what to do."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


def read_phone(text: str) -> str:
    """Return `+2376XXXXXXXX` for a mobile number in any writing: spaces, dots, dashes, 237, 00237, +237.

    Raises PhoneError, a ValueError.
    """
    number = _parse(text)
    if number.country_code != COUNTRY_CODE:
        raise PhoneError(N_("Enter a number from Cameroon (+237): the ticket goes there by SMS."))
    digits = str(number.national_number)
    if len(digits) == OLD_LENGTH and digits[0] not in "23":
        raise PhoneError(N_("This is an old number with 8 digits. Put a 6 before it, as in 6 71 23 45 67."))
    if digits[0] in "23" and len(digits) in (OLD_LENGTH, OLD_LENGTH + 1):
        raise PhoneError(N_("This is a landline, which gets no SMS. Enter a mobile number, which begins with 6."))
    if not MOBILE.fullmatch(digits):
        raise PhoneError(N_("Enter a mobile number of 9 digits, such as 6 71 23 45 67."))
    return f"+{COUNTRY_CODE}{digits}"


def _parse(text: str) -> phonenumbers.PhoneNumber:
    text = " ".join(text.split())  # every kind of space becomes a plain one
    if len(text) > MAX_LENGTH or re.search(r"\d.*[^\W\d_]", text):  # letters after a digit are no number
        raise PhoneError(N_("Enter a mobile number of 9 digits, such as 6 71 23 45 67."))
    try:
        return phonenumbers.parse(text, COUNTRY)
    except phonenumbers.NumberParseException:
        raise PhoneError(N_("Enter a mobile number of 9 digits, such as 6 71 23 45 67.")) from None
