"""Flutterwave's published test cards and failing mobile money numbers."""

import re
from dataclasses import dataclass
from typing import Any

FAILING_PHONES = {"233121212121", "233010101011", "237121212121", "237010101011"}
FAILED_PHONE = "Mocked a Failed Transaction"
FAILED_OTPS = {"5548": "Invalid OTP", "6648": "Insufficient Funds"}
APPROVED_CARD = "Approved. Successful"
APPROVED_PHONE = "Transaction Successful"


@dataclass(frozen=True)
class Card:
    """A test card: what it is printed with, and why it fails, if it does."""

    number: str
    expiry: str
    cvv: str
    kind: str
    refusal: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the card as charges carry it, without token."""
        return {
            "first_6digits": self.number[:6],
            "last_4digits": self.number[-4:],
            "issuer": f"{self.kind.split()[0].upper()} TEST BANK DEBIT",
            "country": "NIGERIA NG",
            "type": self.kind.split()[0].upper(),
            "expiry": self.expiry,
        }


CARDS = {
    card.number: card
    for card in (
        Card("5531886652142950", "09/32", "564", "Mastercard PIN"),
        Card("5438898014560229", "10/31", "564", "Mastercard 3DS"),
        Card("4187427415564246", "09/32", "828", "Visa 3DS"),
        Card("4556052704172643", "09/32", "899", "Visa AVS"),
        Card("5377283645077450", "09/31", "789", "Mastercard preauth"),
        Card("5258585922666506", "09/31", "883", "Mastercard", "Insufficient Funds"),
        Card("5143010522339965", "08/31", "276", "Mastercard", "Do Not Honour"),
        Card("5590131743294314", "11/32", "887", "Mastercard", "Suspected Fraud"),
        Card("5399834697894723", "09/31", "883", "Mastercard", "Incorrect PIN"),
    )
}
USUAL_CARD = CARDS["5531886652142950"]


def read_card(text: str) -> Card | None:
    """Return the test card with this number, written with or without spaces."""
    return CARDS.get(re.sub(r"[\s-]", "", text))


def read_phone(text: str) -> str | None:
    """Return the digits of a phone number with its country code (237 when nine are given), or None."""
    digits = re.sub(r"[\s().+-]", "", text).removeprefix("00")
    if not re.fullmatch(r"\d{9,15}", digits):
        return None
    return f"237{digits}" if len(digits) == 9 else digits


def phone_refusal(phone: str) -> str | None:
    """Return why a payment from this number fails, or None when it passes."""
    return FAILED_PHONE if phone in FAILING_PHONES else None


def card_refusal(card: Card, otp: str) -> str | None:
    """Return why this card with this one-time password fails, or None when it passes."""
    return card.refusal or FAILED_OTPS.get(otp)
