"""What our messages are called on pages for the platform."""

from enum import StrEnum

from aurapark.accounts.messages import AccountMessage
from aurapark.agencies.messages import AgencyMessage
from aurapark.errors import N_
from aurapark.notifications.alarms import Alarm
from aurapark.notifications.messages import Channel, Message

CHANNEL_NAMES = {Channel.SMS: N_("SMS"), Channel.MAIL: N_("E-mail")}
LANGUAGE_NAMES = {"fr": "Français", "en": "English"}
NAMES: dict[str, str] = {
    Message.TICKET: N_("Tickets after paying"),
    Message.OTHER_SEATS: N_("Paid late, other seats"),
    "changed": N_("Name or seat changed"),
    "disputed": N_("Payment disputed"),
    Message.PAYMENT_FAILED: N_("Payment not gone through"),
    Message.PAID_TOO_LATE: N_("Paid too late"),
    Message.CANCELLED: N_("Booking or seats cancelled"),
    Message.REFUND_ASKED: N_("Money is being refunded"),
    Message.REFUND_SENT: N_("Refund sent"),
    Message.REFUND_FAILED: N_("Refund delayed"),
    Message.REMINDER: N_("Reminder before the trip"),
    AccountMessage.CODE: N_("Code to prove an address"),
    AccountMessage.HAS_ACCOUNT: N_("This address has an account"),
    AccountMessage.RESET: N_("New password"),
    AccountMessage.PASSWORD_CHANGED: N_("Password changed"),
    AccountMessage.ADDRESS_CHANGED: N_("Address of an account changed"),
    AccountMessage.FACTOR_ADDED: N_("Second factor added"),
    AccountMessage.FACTOR_REMOVED: N_("Second factor removed"),
    AccountMessage.RECOVERY_CODES_MADE: N_("New recovery codes"),
    AccountMessage.RECOVERY_CODE_USED: N_("Recovery code used"),
    AgencyMessage.INVITATION: N_("Invitation to an agency"),
    AgencyMessage.PAYOUT_ACCOUNT_CHANGED: N_("Payout account changed"),
    AgencyMessage.PAYOUT_ACCOUNT_WITHDRAWN: N_("Change of payout account withdrawn"),
    "paid": N_("Agency paid"),
    Alarm.FORGED_EVENTS: N_("Alarm: payment notices with a wrong signature"),
    Alarm.OPEN_CASES: N_("Alarm: open cases about money"),
}


def name_of(message: StrEnum) -> str:
    """Return what a message is called, as a msgid; its own word where nobody has named it."""
    return NAMES.get(message, message.value)
