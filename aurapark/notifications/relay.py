"""Sends what is due: claims one outbox row, reads, lets the database go, sends, and says how it went.

Rows are claimed one at a time, so that a lease covers one message, several senders share the work, and a row
that cannot be sent waits alone. A message may go out again after a crash between sending and finishing: it has
the same file name, Message-ID and provider's id then, by which the second one can be known, or is never sent.
"""

import random
from datetime import timedelta
from functools import partial

from aurapark import outbox
from aurapark.config import Settings
from aurapark.database import in_transaction, let_go
from aurapark.log import log_event, log_failure
from aurapark.metrics import count_message
from aurapark.notifications.errors import NotSent, Refused, SinkDown
from aurapark.notifications.messages import Channel
from aurapark.notifications.parcels import write_parcel
from aurapark.notifications.ways_out import WayOut, mail_way_out, sms_way_out
from aurapark.outbox import Work


def send_due(settings: Settings, limit: int) -> int:
    """Send up to `limit` messages that are due, oldest first; returns how many rows were taken up.

    A channel whose way out is closed is left alone, no row of it claimed; the other goes on. Call it inside an
    application context and outside a transaction.
    """
    open_channels = [channel.value for channel in Channel if _way_out(channel, settings).up]
    for taken in range(limit):
        work = _claim(open_channels, settings)
        if work is None:
            return taken
        try:
            _send(work, settings)
        except Exception as error:  # one bad row, whatever is wrong with it, delays nobody
            _note_failure(work, error, settings)
            if isinstance(error, SinkDown) or not _way_out(Channel(work.kind), settings).up:
                open_channels.remove(work.kind)
        else:
            in_transaction(partial(outbox.finish, work))
    return limit


def _claim(channels: list[str], settings: Settings) -> Work | None:
    lease = timedelta(seconds=settings.lease_seconds)
    return next(iter(in_transaction(lambda: outbox.claim(channels, limit=1, lease=lease))), None)


def _way_out(channel: Channel, settings: Settings) -> WayOut:
    if channel == Channel.SMS:
        return sms_way_out(settings.sms_url)
    return mail_way_out(settings.mail_url, sender=settings.mail_from)


def _send(work: Work, settings: Settings) -> None:
    try:
        parcel = write_parcel(work, settings)
    finally:
        let_go()
    if parcel:
        _way_out(Channel(work.kind), settings).send(parcel)
    log_event("message_sent" if parcel else "message_not_needed", outbox=work.id, kind=work.kind)
    count_message(work.kind, "sent" if parcel else "not_needed")


def _note_failure(work: Work, error: Exception, settings: Settings) -> None:
    """Put the row back, or away. What is noted is our own words or the error's kind: its text may hold an address."""
    ours = isinstance(error, SinkDown | NotSent | Refused)
    note = str(error) if ours else type(error).__name__
    count_message(work.kind, "not_sent")
    log_failure("message_not_sent", error, outbox=work.id, kind=work.kind, attempt=work.attempts, why=note)
    base = timedelta(seconds=settings.retry_base_seconds)
    if isinstance(error, SinkDown):
        wait = base * random.uniform(0.5, 1)  # nosec B311  # noqa: S311  jitter, not a secret
        in_transaction(lambda: outbox.postpone(work, note, wait=wait))
    elif isinstance(error, Refused):
        in_transaction(lambda: outbox.give_up(work, note))
    else:
        in_transaction(lambda: outbox.give_back(work, note, base=base))
