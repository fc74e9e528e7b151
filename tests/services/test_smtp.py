"""Mail by SMTP, against a real server (aiosmtpd) and ones that behave badly: taken, later, never, nobody there."""

import contextlib
import email
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aurapark.notifications import smtp
from aurapark.notifications.errors import NotSent, Refused, Silent, SinkDown
from aurapark.notifications.smtp import MailServer
from tests.services.test_mail import LETTER, SENDER

USER, PASSWORD = "aurapark", "p@ss:word/1"
WITH_PASSWORD = "aurapark:p%40ss%3Aword%2F1@"


class Post:
    """What arrives; `answers` replaces the answer to a command."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.letters: list[bytes] = []
        self.signed_in: list[bytes] = []

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.letters.append(envelope.content)
        return "250 OK"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:
        return self.answers.get("QUIT", "221 bye")

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        self.signed_in.append(data.password)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right)


@contextlib.contextmanager
def running(post: Post, *, tls_at_once: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """A real SMTP server on a free port, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(post, hostname="127.0.0.1", port=port, ssl_context=tls_at_once, **options)
    server.start()
    try:
        yield port
    finally:
        server.stop()


def send(port: int, *, who: str = "", scheme: str = "smtp", query: str = "") -> None:
    MailServer.at(f"{scheme}://{who}127.0.0.1:{port}{query}", sender=SENDER).send(LETTER)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine's loopback address, with its key, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """What the server needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_letter_arrives_whole() -> None:
    post = Post()
    with running(post) as port:
        send(port)
    letter = email.message_from_bytes(post.letters[0], policy=policy.default)
    assert (letter["Subject"], letter["To"], letter["Message-ID"]) == (LETTER.subject, LETTER.to, LETTER.message_id)
    assert letter.get_body(("plain",)).get_content().replace("\r\n", "\n") == LETTER.text


@pytest.mark.parametrize(
    ("command", "answer", "error", "words"),
    [
        ("RCPT", "450 mailbox busy", NotSent, "address: 450"),
        ("RCPT", "550 <traveller@example.com> unknown", Refused, "address: 550"),
        ("RCPT", "530 sign in first", SinkDown, "530"),
        ("RCPT", "421 closing", SinkDown, "421"),
        ("MAIL", "550 not from you", SinkDown, "sender 550"),
        ("MAIL", "552 too large", Refused, "552"),
        ("DATA", "451 try later", NotSent, "letter: 451"),
        ("DATA", "554 no such letter here", Refused, "letter: 554"),
    ],
)
def test_what_the_server_says_is_understood(command: str, answer: str, error: type[Exception], words: str) -> None:
    with running(Post(**{command: answer})) as port, pytest.raises(error, match=words) as told:
        send(port)
    assert type(told.value) is error
    assert "example.com" not in str(told.value)


@pytest.mark.parametrize("farewell", ["500 what", "421 gone"])
def test_a_letter_that_was_taken_is_sent_whatever_the_farewell(farewell: str) -> None:
    post = Post(QUIT=farewell)
    with running(post) as port:
        send(port)
    assert len(post.letters) == 1


def test_the_password_goes_over_tls_only(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    post = Post()
    with running(post, tls_context=tls, authenticator=post.authenticate, auth_required=True) as port:
        send(port, who=WITH_PASSWORD)
    assert (post.signed_in, len(post.letters)) == ([PASSWORD.encode()], 1)
    monkeypatch.setattr(smtp, "LOOPBACK", ())
    post = Post()
    plain = running(post, authenticator=post.authenticate, auth_require_tls=False)
    with plain as port, pytest.raises(SinkDown, match="no password"):
        send(port, who=WITH_PASSWORD)
    assert post.signed_in == []


def test_a_wrong_password_is_the_servers_affair(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    post = Post()
    server = running(post, tls_context=tls, authenticator=post.authenticate)
    with server as port, pytest.raises(SinkDown, match="SMTPAuthenticationError 535") as told:
        send(port, who="aurapark:wrong@")
    assert "wrong" not in str(told.value)


def test_smtps_speaks_tls_from_the_start(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post()
    with running(post, tls_at_once=tls) as port:
        with pytest.raises(SinkDown, match="SSLCertVerificationError"):
            send(port, scheme="smtps")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        send(port, scheme="smtps")
    assert len(post.letters) == 1


def test_a_certificate_nobody_signed_stops_the_letter(tls: ssl.SSLContext) -> None:
    post = Post()
    with running(post, tls_context=tls) as port, pytest.raises(SinkDown, match="SSLCertVerificationError"):
        send(port)
    assert post.letters == []


def test_a_server_without_encryption_is_refused_where_it_is_required() -> None:
    post = Post()
    with running(post) as port, pytest.raises(SinkDown, match="no encryption"):
        send(port, query="?starttls=required")
    assert post.letters == []


class Rude:
    """A server that answers politely up to a command, and from then on does as told with the line."""

    def __init__(self, until: str, manner: str) -> None:
        self.until, self.manner = until, manner
        self.over = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rwb") as line, contextlib.suppress(OSError):
            if self.until == "CONNECT":
                return self._be_rude(line)
            self._say(line, "220 hello")
            while command := line.readline().decode().strip():
                word = command.split()[0].upper()
                if word == self.until:
                    return self._be_rude(line)
                self._say(line, "354 go on" if word == "DATA" else "250 fine")
                if word == "DATA":
                    while line.readline() not in (b".\r\n", b""):
                        pass
                    return self._be_rude(line)
        return None

    def _be_rude(self, line: Any) -> None:
        """Hang up, say nothing, or go on for ever with one answer."""
        while self.manner != "hang up" and not self.over.wait(0.02):
            if self.manner == "trickle":
                self._say(line, "250-and another thing")

    @staticmethod
    def _say(line: Any, text: str) -> None:
        line.write(f"{text}\r\n".encode())
        line.flush()

    def __enter__(self) -> int:
        return self.port

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(5)
        self.socket.close()


@pytest.mark.parametrize(
    ("until", "manner", "error"),
    [
        ("CONNECT", "hang up", SinkDown),
        ("CONNECT", "say nothing", SinkDown),
        ("EHLO", "hang up", SinkDown),
        ("EHLO", "trickle", SinkDown),
        ("MAIL", "say nothing", Silent),
        ("after DATA", "hang up", Silent),
        ("after DATA", "say nothing", Silent),
        ("after DATA", "trickle", Silent),
    ],
)
def test_a_server_that_breaks_off_or_hangs_is_left_in_time(
    until: str, manner: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "STEP_SECONDS", 0.2)
    monkeypatch.setattr(smtp, "LONGEST_SECONDS", 0.4)
    with Rude(until, manner) as port, pytest.raises(error) as told:
        send(port)
    assert type(told.value) is error


def test_nobody_there_is_down_for_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    with pytest.raises(SinkDown, match="ConnectionRefusedError"):
        send(port)


def test_the_password_is_not_printed() -> None:
    server = MailServer.at("smtp://user:p%40ss@mail.example.com", sender=SENDER)
    assert (server.password, server.port) == ("p@ss", 25)
    assert MailServer.at("smtps://mail.example.com", sender=SENDER).port == 465
    assert "p@ss" not in repr(server)


def test_we_greet_by_our_domain_not_by_the_name_of_this_machine() -> None:
    heard: list[str] = []

    class Listening(SMTP):
        async def smtp_EHLO(self, hostname: str) -> None:
            heard.append(hostname)
            await super().smtp_EHLO(hostname)

    class Server(Controller):
        def factory(self) -> SMTP:
            return Listening(self.handler)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(Post(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        send(port)
    finally:
        server.stop()
    assert heard == ["aurapark.example"]
