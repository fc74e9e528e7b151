"""What a row of the outbox becomes when its turn comes: an SMS, a letter, or nothing any more."""

from collections.abc import Callable

from aurapark.booking.queries import get_booking_view
from aurapark.config import Settings
from aurapark.notifications.about import is_true, read_about
from aurapark.notifications.account import write_about_account
from aurapark.notifications.agency import write_about_agency
from aurapark.notifications.alarms import write_alarm
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import Channel, Message, address
from aurapark.notifications.render import private_link, write_letter, write_sms
from aurapark.notifications.sms import Sms
from aurapark.notifications.statements import write_about_statement
from aurapark.notifications.words import find_words
from aurapark.outbox import Work

Parcel = Sms | Letter | None


def write_parcel(work: Work, settings: Settings) -> Parcel:
    """Return what to send, None when there is nothing to say any more or no address to say it to."""
    about = next((key for key in WRITERS if key in work.payload), None)
    if about is None:
        raise KeyError("a row about nothing we know")
    return WRITERS[about](work, settings)


def write_about_booking(work: Work, settings: Settings) -> Parcel:
    """Return a message about a booking, as the booking is now."""
    message, channel = Message(work.payload["message"]), Channel(work.kind)
    view = get_booking_view(work.payload["booking"])
    about = read_about(message, view, work.payload)
    if not address(view.booking, channel) or not is_true(message, channel, view, about):
        return None
    keys = (settings.secret_key, *settings.secret_key_fallbacks)
    link = private_link(view.booking, site_url=settings.site_url, keys=keys)
    name = f"{work.created_at:%Y%m%dT%H%M%S}-{view.booking.reference}-{message}-{work.id}"
    words = find_words(channel, message, view.booking.language)
    if channel == Channel.SMS:
        return write_sms(message, view, about, name=name, number=work.id, link=link, words=words)
    written_at, site_url = work.created_at, settings.site_url
    return write_letter(
        message, view, about, name=name, link=link, site_url=site_url, written_at=written_at, words=words
    )


WRITERS: dict[str, Callable[[Work, Settings], Parcel]] = {  # by the word in the row's payload
    "booking": write_about_booking,
    "alarm": write_alarm,
    "account": write_about_account,
    "agency": write_about_agency,
    "statement": write_about_statement,
}
