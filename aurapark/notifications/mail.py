"""Mail: how a letter becomes a message on the wire, and where it goes: an SMTP server, or files."""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol, Self, cast
from urllib.parse import unquote, urlsplit

from aurapark.notifications.errors import BadAddress, SinkDown
from aurapark.notifications.files import folder_of, write_whole

SMTP_TIMEOUT = 10  # seconds for each step, so that a whole letter stays below the lease
SMTP_PORT = 25
LOOPBACK = ("localhost", "127.0.0.1", "::1")
DOWN = (
    smtplib.SMTPServerDisconnected,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, ready to be put on the wire. `pictures` are PNG by the content id that the HTML names (`cid:`)."""

    name: str
    reference: str
    to: str
    subject: str
    text: str
    html: str
    language: str
    written_at: datetime
    message_id: str
    calendar: bytes | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)


class MailSink(Protocol):
    """Something that takes a letter away."""

    def send(self, letter: Letter) -> None:
        """Send it. Raises SinkDown when nothing can go out, anything else when this letter cannot."""


@dataclass(frozen=True, slots=True)
class MailFiles:
    """Writes each letter into a folder as one .eml file."""

    folder: Path
    sender: str

    def send(self, letter: Letter) -> None:
        """Write the file; the same letter again replaces it. Raises SinkDown, BadAddress."""
        content = compose(letter, sender=self.sender).as_bytes()
        try:
            write_whole(self.folder, f"{letter.name}.eml", content)
        except OSError as error:
            raise SinkDown(f"mail folder: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class MailServer:
    """Hands each letter to an SMTP server, encrypted where the server offers it; a password goes no other way."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sender: str

    @classmethod
    def at(cls, url: str, *, sender: str) -> Self:
        """Return the server that `smtp://user:pass@host:port` names."""
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname or "", parts.port or SMTP_PORT, user, password, sender)

    def send(self, letter: Letter) -> None:
        """Send it. Raises SinkDown when the server cannot be used, SMTPException when it refuses this letter."""
        message = compose(letter, sender=self.sender)
        try:
            with smtplib.SMTP(self.host, self.port, timeout=SMTP_TIMEOUT) as server:
                self._greet(server)
                server.send_message(message)
        except OSError as error:
            if isinstance(error, smtplib.SMTPException) and not isinstance(error, DOWN):
                raise
            raise SinkDown(f"mail server: {type(error).__name__}") from error

    def _greet(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        encrypted = server.has_extn("starttls")
        if encrypted:
            server.starttls(context=ssl.create_default_context())
        if self.user:
            if not encrypted and self.host not in LOOPBACK:
                raise SinkDown("mail server: no password over a line that is not encrypted")
            server.login(self.user, self.password)


def mail_sink(url: str, *, sender: str) -> MailSink:
    """Return the sink that MAIL_URL names."""
    if urlsplit(url).scheme == "file":
        return MailFiles(folder_of(url), sender)
    return MailServer.at(url, sender=sender)


def compose(letter: Letter, *, sender: str) -> EmailMessage:
    """Return the letter as text and HTML with its pictures and its calendar file.

    Raises BadAddress for a line break in a header, and unless there is exactly one address to go to.
    """
    message = EmailMessage(policy=SMTP)
    headers = {
        "From": sender,
        "To": letter.to,
        "Subject": letter.subject,
        "Date": format_datetime(letter.written_at),
        "Message-ID": letter.message_id,
        "Content-Language": letter.language,
        "Auto-Submitted": "auto-generated",
    }
    for name, value in headers.items():
        message[name] = _one_line(value)
    _require_one_address(message)
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    _add_pictures(message, letter.pictures)
    if letter.calendar is not None:
        _add_calendar(message, letter.calendar, filename=f"aurapark-{letter.reference}.ics")
    return message


def _one_line(value: str) -> str:
    if not value or any(ord(letter) < ord(" ") or letter in "\x7f\x85\u2028\u2029" for letter in value):
        raise BadAddress("a header is one line of text")
    return value


def _require_one_address(message: EmailMessage) -> None:
    to = message["To"]
    if len(to.addresses) != 1 or to.defects or to.addresses[0].addr_spec != str(to) or not str(to).isascii():
        raise BadAddress("a letter goes to one plain address")


def _add_pictures(message: EmailMessage, pictures: Mapping[str, bytes]) -> None:
    html = cast(EmailMessage, message.get_body(("html",)))
    for content_id, png in pictures.items():
        html.add_related(png, maintype="image", subtype="png", cid=f"<{content_id}>", disposition="inline")


def _add_calendar(message: EmailMessage, calendar: bytes, *, filename: str) -> None:
    parameters = {"charset": "utf-8", "method": "PUBLISH"}
    message.add_attachment(calendar, maintype="text", subtype="calendar", filename=filename, params=parameters)
