"""A letter on the wire: its parts, its headers, and the SMTP server that takes it or not."""

import email
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from pathlib import Path

import pytest

from aurapark.notifications.errors import BadAddress, SinkDown
from aurapark.notifications.mail import Letter, MailFiles, MailServer, compose, mail_sink

SENDER = "AuraPark <tickets@aurapark.example>"
LETTER = Letter(
    name="20261218T063000-7K3QF9-ticket-1",
    reference="7K3QF9",
    to="traveller@example.com",
    subject="Votre billet 7K3QF9 : Douala – Yaoundé, ven. 18 déc. 2026, 7 h 30",
    text="Votre billet est prêt.\n.\nFin\n",
    html="<!doctype html><p>Votre billet est prêt.</p>" + "é" * 2000,
    language="fr",
    written_at=datetime(2026, 12, 18, 6, 30, tzinfo=UTC),
    message_id="<7K3QF9.1@aurapark.cm>",
    calendar=b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
    pictures={"K@aurapark.cm": b"\x89PNG\r\n"},
)


class Server:
    """A tiny SMTP server for one letter; `refuse` is the answer it gives instead of 250 to that command."""

    def __init__(self, refuse: dict[str, str]) -> None:
        self.refuse = refuse
        self.received = b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.socket.getsockname()[1]}"

    def serve(self) -> None:
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as line:
            self.say(line, "220 hello")
            while command := line.readline().decode().strip():
                word = command.split()[0].upper()
                self.say(line, self.refuse.get(word) or {"DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 fine"))
                if word == "DATA" and word not in self.refuse:
                    while not self.received.endswith(b"\r\n.\r\n"):
                        self.received += line.readline()
                    self.say(line, "250 taken")
                if word == "QUIT":
                    return

    @staticmethod
    def say(line, text: str) -> None:
        line.write(f"{text}\r\n".encode())
        line.flush()

    def stop(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


@pytest.fixture
def refuse() -> dict[str, str]:
    return {}


@pytest.fixture
def server(refuse: dict[str, str]) -> Iterator[Server]:
    running = Server(refuse)
    yield running
    running.stop()


def test_a_letter_has_text_html_picture_and_calendar() -> None:
    letter = email.message_from_bytes(compose(LETTER, sender=SENDER).as_bytes(), policy=policy.default)
    assert letter.get_body(("plain",)).get_content().replace("\r\n", "\n") == LETTER.text
    assert letter.get_body(("html",)).get_content().strip() == LETTER.html
    parts = {part.get_content_type(): part for part in letter.walk()}
    assert parts["image/png"]["Content-ID"] == "<K@aurapark.cm>"
    assert parts["text/calendar"].get_filename() == "aurapark-7K3QF9.ics"
    assert parts["text/calendar"].get_param("method") == "PUBLISH"
    assert parts["text/calendar"].get_payload(decode=True) == LETTER.calendar


def test_headers_are_read_back(tmp_path: Path) -> None:
    MailFiles(tmp_path / "mail", SENDER).send(LETTER)
    (path,) = (tmp_path / "mail").iterdir()
    assert path.name == f"{LETTER.name}.eml"
    letter = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (letter["From"], letter["To"], letter["Subject"]) == (SENDER, LETTER.to, LETTER.subject)
    assert letter["Date"].datetime == LETTER.written_at
    assert letter["Message-ID"] == LETTER.message_id
    assert letter["Auto-Submitted"] == "auto-generated"
    assert max(len(line) for line in path.read_bytes().split(b"\r\n")) <= 998


@pytest.mark.parametrize("field", ["to", "subject", "language", "message_id"])
@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\rBcc: y", "x\u2028y", "\x00", ""]
)
def test_a_line_break_in_any_header_is_refused(field: str, evil: str) -> None:
    with pytest.raises(BadAddress):
        compose(replace(LETTER, **{field: evil}), sender=SENDER)


def test_a_line_break_in_the_sender_is_refused() -> None:
    with pytest.raises(BadAddress):
        compose(LETTER, sender="A <a@example.com>\nBcc: evil@example.com")


@pytest.mark.parametrize(
    "to", ["a@example.com, b@example.com", "A <a@example.com>", "nobody", "a@example.com;b@example.com"]
)
def test_a_letter_goes_to_one_plain_address(to: str) -> None:
    with pytest.raises(BadAddress):
        compose(replace(LETTER, to=to), sender=SENDER)


def test_an_smtp_server_gets_the_letter(server: Server) -> None:
    mail_sink(server.url, sender=SENDER).send(LETTER)
    letter = email.message_from_bytes(server.received.removesuffix(b".\r\n"), policy=policy.default)
    assert letter["Subject"] == LETTER.subject
    assert letter["To"] == LETTER.to


@pytest.mark.parametrize("refuse", [{"RCPT": "550 unknown here"}, {"DATA": "554 not this one"}])
def test_a_refused_letter_is_that_letters_trouble(server: Server) -> None:
    with pytest.raises(OSError, match=r"unknown here|not this one"):
        mail_sink(server.url, sender=SENDER).send(LETTER)


@pytest.mark.parametrize("refuse", [{"EHLO": "421 too busy", "HELO": "421 too busy"}])
def test_a_busy_server_is_down_for_all(server: Server) -> None:
    with pytest.raises(SinkDown):
        mail_sink(server.url, sender=SENDER).send(LETTER)


def test_no_server_is_down_for_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    with pytest.raises(SinkDown):
        mail_sink(f"smtp://127.0.0.1:{port}", sender=SENDER).send(LETTER)


def test_no_password_without_encryption(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurapark.notifications.mail.LOOPBACK", ())
    with pytest.raises(SinkDown, match="password"):
        mail_sink(server.url.replace("//", "//user:secret@"), sender=SENDER).send(LETTER)


def test_the_password_is_not_printed() -> None:
    sink = MailServer.at("smtp://user:p%40ss@mail.example.com", sender=SENDER)
    assert (sink.password, sink.port) == ("p@ss", 25)
    assert "p@ss" not in repr(sink)
