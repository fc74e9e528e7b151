"""Sends what is due: claims one outbox row, reads, lets the database go, sends, and says how it went.

Rows are claimed one at a time, so that a lease covers one message, several senders share the work, and a row
that cannot be sent waits alone. A message may go out again after a crash between sending and finishing: it has
the same file name and Message-ID then.
"""

import logging
import traceback
from datetime import timedelta
from functools import partial

from aurapark import outbox
from aurapark.booking.queries import get_booking_view
from aurapark.config import Settings
from aurapark.database import in_transaction, let_go
from aurapark.notifications.about import is_true, read_about
from aurapark.notifications.errors import SinkDown
from aurapark.notifications.mail import Letter, mail_sink
from aurapark.notifications.messages import Channel, Message, address
from aurapark.notifications.render import private_link, write_letter, write_sms
from aurapark.notifications.sms import Sms, SmsFiles
from aurapark.outbox import Work

log = logging.getLogger(__name__)


def send_due(settings: Settings, limit: int) -> int:
    """Send up to `limit` messages that are due, oldest first; returns how many rows were taken up.

    A channel whose way out is closed is left alone until the next call; the other goes on. Call it inside an
    application context and outside a transaction.
    """
    open_channels = [channel.value for channel in Channel]
    for taken in range(limit):
        work = _claim(open_channels, settings)
        if work is None:
            return taken
        try:
            _send(work, settings)
        except Exception as error:  # one bad row, whatever is wrong with it, delays nobody
            _give_back(work, error, settings)
            if isinstance(error, SinkDown):
                open_channels.remove(work.kind)
        else:
            in_transaction(partial(outbox.finish, work))
    return limit


def _claim(channels: list[str], settings: Settings) -> Work | None:
    lease = timedelta(seconds=settings.lease_seconds)
    return next(iter(in_transaction(lambda: outbox.claim(channels, limit=1, lease=lease))), None)


def _send(work: Work, settings: Settings) -> None:
    try:
        parcel = _write(work, settings)
    finally:
        let_go()
    if isinstance(parcel, Sms):
        SmsFiles.at(settings.sms_url).send(parcel)
    elif isinstance(parcel, Letter):
        mail_sink(settings.mail_url, sender=settings.mail_from).send(parcel)
    log.info("message_%s outbox=%s kind=%s", "sent" if parcel else "not_needed", work.id, work.kind)


def _write(work: Work, settings: Settings) -> Sms | Letter | None:
    """Return what to send, None when there is nothing to say any more or no address to say it to."""
    message, channel = Message(work.payload["message"]), Channel(work.kind)
    view = get_booking_view(work.payload["booking"])
    about = read_about(message, view, work.payload)
    if not address(view.booking, channel) or not is_true(message, view, about):
        return None
    keys = (settings.secret_key, *settings.secret_key_fallbacks)
    link = private_link(view.booking, site_url=settings.site_url, keys=keys)
    name = f"{work.created_at:%Y%m%dT%H%M%S}-{view.booking.reference}-{message}-{work.id}"
    if channel == Channel.SMS:
        return write_sms(message, view, about, name=name, link=link)
    written_at, site_url = work.created_at, settings.site_url
    return write_letter(message, view, about, name=name, link=link, site_url=site_url, written_at=written_at)


def _give_back(work: Work, error: Exception, settings: Settings) -> None:
    """Try later. What is noted and logged names the error and its place, never its text: that may hold an address."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.warning(
        "message_not_sent outbox=%s kind=%s attempt=%s error=%s at=%s:%s",
        work.id,
        work.kind,
        work.attempts,
        type(error).__name__,
        place.name,
        place.lineno,
    )
    base = timedelta(seconds=settings.retry_base_seconds)
    in_transaction(lambda: outbox.give_back(work, type(error).__name__, base=base))
