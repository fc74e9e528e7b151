"""Mail by SMTP: one letter a connection, encrypted, and a clear word about what became of it.

A letter that the server has taken counts as sent whatever happens afterwards: a farewell that goes wrong must not send
it twice. The one gap no client can close is a line that breaks between the last dot and the answer.
"""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from aurapark.notifications.errors import NotSent, Refused, Silent, SinkDown
from aurapark.notifications.mail import Letter, compose

STEP_SECONDS = 10.0  # for each answer
LONGEST_SECONDS = 45.0  # for a whole letter, below the time limit of a job and far below the lease
PORTS = {"smtp": 25, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
CLOSING = 421
TOO_LARGE = 552
NOT_US = (530, 534, 535, 538)  # it wants a sign-in, or a better one: nothing this letter can help


@dataclass(frozen=True, slots=True)
class MailServer:
    """Hands each letter to an SMTP server. STARTTLS is used where it is offered; a password goes no other way."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sender: str
    tls: bool = False  # from the first byte (smtps)
    must_encrypt: bool = False

    @classmethod
    def at(cls, url: str, *, sender: str) -> Self:
        """Return the server that `smtp://user:pass@host:port` names; `smtps:` for TLS, `?starttls=required`."""
        parts = urlsplit(url)
        return cls(
            host=parts.hostname or "",
            port=parts.port or PORTS[parts.scheme],
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
            tls=parts.scheme == "smtps",
            must_encrypt=parse_qs(parts.query).get("starttls") == ["required"],
        )

    def send(self, letter: Letter) -> None:
        """Send it. Raises SinkDown when nothing can go out now; Silent, NotSent, Refused when this letter does not."""
        message = compose(letter, sender=self.sender)
        with self._connection() as server:
            _hand_over(server, message)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        """Open and greet; whatever goes wrong before the letter's turn is the server's affair, not the letter's."""
        try:
            server = self._open()
        except (OSError, smtplib.SMTPException) as error:
            raise SinkDown(f"mail server: {_kind(error)}") from error
        watch = threading.Timer(LONGEST_SECONDS, _cut, [server])
        watch.daemon = True
        watch.start()
        try:
            try:
                self._greet(server)
            except (OSError, smtplib.SMTPException) as error:
                raise SinkDown(f"mail server: {_kind(error)}") from error
            yield server
        finally:
            watch.cancel()
            _leave(server)

    def _open(self) -> smtplib.SMTP:
        name = parseaddr(self.sender)[1].rpartition("@")[2] or "localhost"  # not the name of this machine
        if self.tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, name, timeout=STEP_SECONDS, context=context)
        return smtplib.SMTP(self.host, self.port, name, timeout=STEP_SECONDS)

    def _greet(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        encrypted = self.tls
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            encrypted = True
        if self.must_encrypt and not encrypted:
            raise SinkDown("mail server: offers no encryption")
        if self.user:
            if not encrypted and self.host not in LOOPBACK:
                raise SinkDown("mail server: no password over a line that is not encrypted")
            server.login(self.user, self.password)


def _hand_over(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise _verdict(code, "address") from error
    except smtplib.SMTPSenderRefused as error:
        refusal = Refused(f"letter: {TOO_LARGE}") if error.smtp_code == TOO_LARGE else None
        raise refusal or SinkDown(f"mail server: sender {error.smtp_code}") from error
    except smtplib.SMTPResponseException as error:
        raise _verdict(error.smtp_code, "letter") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Silent(f"mail server fell silent: {_kind(error)}") from error


def _verdict(code: int, what: str) -> SinkDown | NotSent | Refused:
    """Return what an answer means (RFC 5321, 4.2.1): 4xx comes again, 5xx never will."""
    if code == CLOSING or code in NOT_US:
        return SinkDown(f"mail server: {code}")
    return Refused(f"{what}: {code}") if 500 <= code < 600 else NotSent(f"{what}: {code}")


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye and close; nothing that happens here matters any more."""
    with contextlib.suppress(OSError, smtplib.SMTPException, ValueError):
        server.docmd("QUIT")
    server.close()


def _cut(server: smtplib.SMTP) -> None:
    """End a dialogue that takes too long: whoever waits for the next line is told that the line is dead."""
    line = server.sock
    if line is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(line, socket.SHUT_RDWR)


def _kind(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
