"""Mail: how a letter becomes a message on the wire, and the files that take it in development."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import cast

from aurapark.notifications.errors import BadAddress, SinkDown
from aurapark.notifications.files import write_whole


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


class _Lines(EmailPolicy):
    """Folds a long subject without losing a letter: the standard policy drops blanks between its encoded words."""

    def fold(self, name: str, value: str) -> str:
        if name != "Subject" or value.isascii():
            return str(super().fold(name, value))
        subject = Header(str(value), "utf-8", header_name=name)
        return f"{name}: {subject.encode(linesep=self.linesep)}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")


LINES = _Lines(linesep="\r\n")


def compose(letter: Letter, *, sender: str) -> EmailMessage:
    """Return the letter as text and HTML with its pictures and its calendar file.

    Raises BadAddress for a line break in a header, and unless there is exactly one address to go to.
    """
    message = EmailMessage(policy=LINES)
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
