"""The ways out: from MAIL_URL and SMS_URL to what takes a letter or an SMS away, each behind a breaker.

One a process and address. While a breaker is open nobody asks the host, and no message waits behind its name.
"""

from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from aurapark.breaker import Breaker
from aurapark.notifications.bulksms import BulkSms
from aurapark.notifications.errors import BadAddress, NotSent, Refused, Silent, SinkDown
from aurapark.notifications.files import folder_of
from aurapark.notifications.mail import MailFiles
from aurapark.notifications.sms import SmsFiles
from aurapark.notifications.smtp import MailServer


class Sink(Protocol):
    """Something that takes letters away, or SMS."""

    def send(self, parcel: Any, /) -> None:
        """Send it. Raises SinkDown when nothing can go out now; Silent, NotSent and Refused when this one does not."""


class WayOut:
    """A sink with its breaker: five times in a row without an answer close it for 30 seconds."""

    def __init__(self, sink: Sink, breaker: Breaker) -> None:
        self.sink = sink
        self._breaker = breaker

    @property
    def up(self) -> bool:
        """Say whether it may be asked now."""
        return self._breaker.closed

    def send(self, parcel: Any) -> None:
        """Send it; raises what the sink raises."""
        try:
            self.sink.send(parcel)
        except (SinkDown, Silent):
            self._breaker.failed()
            raise
        except BadAddress:  # we never asked
            raise
        except (NotSent, Refused):
            self._breaker.answered()
            raise
        self._breaker.answered()


@lru_cache(maxsize=4)
def mail_way_out(url: str, *, sender: str) -> WayOut:
    """Return the way out that MAIL_URL names."""
    files = urlsplit(url).scheme == "file"
    sink = MailFiles(folder_of(url), sender) if files else MailServer.at(url, sender=sender)
    return WayOut(sink, Breaker(host="mail"))


@lru_cache(maxsize=4)
def sms_way_out(url: str) -> WayOut:
    """Return the way out that SMS_URL names."""
    sink = SmsFiles(folder_of(url)) if urlsplit(url).scheme == "file" else BulkSms.at(url)
    return WayOut(sink, Breaker(host="sms"))
