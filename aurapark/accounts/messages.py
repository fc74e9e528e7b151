"""What we tell people about their account. The row in the outbox holds ids only: no secret, no address."""

from enum import StrEnum

from aurapark import outbox
from aurapark.accounts.models import OneTimeToken, User

SMS, MAIL = "sms", "mail"  # kinds of outbox rows, as for all messages


class AccountMessage(StrEnum):
    """An occasion to write to somebody about their account; also the name of its templates."""

    CODE = "code"
    HAS_ACCOUNT = "has_account"
    RESET = "reset"
    PASSWORD_CHANGED = "password_changed"  # nosec B105  # noqa: S105  a word, no password
    ADDRESS_CHANGED = "address_changed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"


def send_secret(message: AccountMessage, token: OneTimeToken) -> None:
    """Send what this one-time secret is for to the address it was made for, in the transaction under way."""
    payload = {"account": message.value, "token": token.id}
    outbox.publish([(_channel(token.sent_to), f"account:{token.id}:{message}", payload)])


def tell(message: AccountMessage, user: User, *, occasion: str) -> None:
    """Tell somebody what happened to their account, by mail where we have an address, else by SMS."""
    kind = MAIL if user.email else SMS
    payload = {"account": message.value, "user": user.id}
    outbox.publish([(kind, f"account:{user.id}:{message}:{occasion}", payload)])


def tell_old_address(token: OneTimeToken, old: str) -> None:
    """Tell the address that `token` has taken the place of; `token.details["old"]` holds it until it is forgotten."""
    payload = {"account": AccountMessage.ADDRESS_CHANGED.value, "token": token.id}
    outbox.publish([(_channel(old), f"account:{token.id}:{AccountMessage.ADDRESS_CHANGED}", payload)])


def _channel(address: str) -> str:
    return SMS if address.startswith("+") else MAIL
