"""A letter on the wire: its parts and its headers. Who takes it is in test_smtp.py."""

import email
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from pathlib import Path

import pytest

from aurapark.notifications.errors import BadAddress
from aurapark.notifications.mail import Letter, MailFiles, compose

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


@pytest.mark.parametrize("times", [1, 2, 3, 8])
def test_a_long_foreign_subject_is_read_back_to_the_letter(times: int) -> None:
    subject = ("Réservé : Ŋgaoundéré – Bâfoussam, " * times).strip()
    raw = compose(replace(LETTER, subject=subject), sender='"Marie-Noëlle Ngo" <tickets@aurapark.example>').as_bytes()
    letter = email.message_from_bytes(raw, policy=policy.default)
    assert letter["Subject"] == subject
    assert letter["From"].addresses[0].display_name == "Marie-Noëlle Ngo"
    headers, _, _ = raw.partition(b"\r\n\r\n")
    assert headers.isascii()
    assert max(len(line) for line in headers.split(b"\r\n")) <= 78


def test_the_same_letter_again_has_the_same_message_id_and_date() -> None:
    first, second = (compose(LETTER, sender=SENDER) for _ in range(2))
    assert (first["Message-ID"], first["Date"]) == (second["Message-ID"], second["Date"])
