"""Announcing and sending: once each, in the transaction that makes it true, and no message waits for another."""

import email
import json
import threading
from collections.abc import Callable
from email import policy
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, text

from aurapark.booking.models import Booking
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.notifications import relay
from aurapark.notifications.messages import Message, announce
from aurapark.notifications.relay import send_due
from aurapark.notifications.sms import SmsFiles
from aurapark.outbox import MOST_TRIES
from tests.bookings import PHONE, make_hold, make_ticketed
from tests.factories import Network


def say(message: Message, booking: Booking, **changes: str) -> None:
    in_transaction(lambda: announce(message, booking, **changes))


def outbox() -> list[tuple[str, str, str, int]]:
    rows = db.session.execute(text("SELECT kind, dedupe_key, state, attempts FROM outbox ORDER BY kind, dedupe_key"))
    return [tuple(row) for row in rows]


def run_sql(statement: str) -> None:
    in_transaction(lambda: db.session.execute(text(statement)))


def sent(settings: Settings, kind: str) -> list[Path]:
    folder = settings.var / kind
    return sorted(folder.iterdir()) if folder.exists() else []


def body_of(mail: Path) -> str:
    letter = email.message_from_bytes(mail.read_bytes(), policy=policy.default)
    return letter.get_body(("plain",)).get_content()


def test_a_ticket_goes_by_sms_and_mail_once(network: Network, settings: Settings) -> None:
    booking = make_ticketed(network, settings)
    say(Message.TICKET, booking)
    say(Message.TICKET, booking)
    assert send_due(settings, 10) == 2
    assert send_due(settings, 10) == 0
    (sms,), (mail,) = sent(settings, "sms"), sent(settings, "mail")
    written = json.loads(sms.read_text())
    assert (written["to"], written["kind"], written["bookingRef"]) == (PHONE, "ticket", booking.reference)
    assert set(written) == {"to", "text", "kind", "bookingRef"}
    letter = email.message_from_bytes(mail.read_bytes(), policy=policy.default)
    assert letter["To"] == "traveller@example.com"
    reference = booking.reference
    assert outbox() == [("mail", f"{reference}:ticket:mail", "done", 1), ("sms", f"{reference}:ticket:sms", "done", 1)]


def test_announcing_is_one_statement_with_ids_only(network: Network, settings: Settings) -> None:
    booking = make_ticketed(network, settings)
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    say(Message.TICKET, booking)
    assert len(statements) == 1
    payloads = db.session.execute(text("SELECT DISTINCT payload FROM outbox")).scalars().all()
    assert payloads == [{"booking": booking.reference, "message": "ticket"}]


def test_nothing_is_announced_when_the_transaction_fails(network: Network, settings: Settings) -> None:
    booking = make_ticketed(network, settings)

    def work() -> None:
        announce(Message.TICKET, booking)
        raise LookupError

    with pytest.raises(LookupError):
        in_transaction(work)
    assert outbox() == []


def test_without_an_address_there_is_no_mail(network: Network, settings: Settings) -> None:
    booking = make_ticketed(network, settings, payer_email=None)
    say(Message.TICKET, booking)
    assert [row[0] for row in outbox()] == ["sms"]


def test_an_address_taken_away_meanwhile_finishes_quietly(network: Network, settings: Settings) -> None:
    say(Message.TICKET, make_ticketed(network, settings))
    run_sql("UPDATE booking SET payer_email = NULL")
    assert send_due(settings, 10) == 2
    assert (len(sent(settings, "sms")), len(sent(settings, "mail"))) == (1, 0)
    assert {row[2] for row in outbox()} == {"done"}


def test_a_failed_payment_is_told_while_the_hold_lives(network: Network, settings: Settings) -> None:
    booking = make_hold(network, settings)
    say(Message.PAYMENT_FAILED, booking, occasion="1")
    say(Message.PAYMENT_FAILED, booking, occasion="2")
    assert send_due(settings, 2) == 2
    (sms,), (mail,) = sent(settings, "sms"), sent(settings, "mail")
    assert "n'est pas passé. Sièges 12, 13 gardés jusqu'à" in json.loads(sms.read_text())["text"]
    assert "Vos sièges sont gardés jusqu’à" in body_of(mail)


def test_when_the_hold_is_over_a_failed_payment_is_told_by_mail_alone(network: Network, settings: Settings) -> None:
    say(Message.PAYMENT_FAILED, make_hold(network, settings))
    run_sql("UPDATE booking SET hold_expires_at = now()")
    assert send_due(settings, 10) == 2
    (mail,) = sent(settings, "mail")
    assert "vos sièges sont de nouveau libres" in body_of(mail)
    assert sent(settings, "sms") == []


def test_void_tickets_are_not_sent(network: Network, settings: Settings) -> None:
    say(Message.TICKET, make_ticketed(network, settings))
    run_sql("UPDATE ticket SET state = 'void'")
    assert send_due(settings, 10) == 2
    assert sent(settings, "sms") == sent(settings, "mail") == []


def test_a_bad_row_delays_nobody(network: Network, settings: Settings) -> None:
    bad, good = make_ticketed(network, settings), make_ticketed(network, settings, seats=["20"])
    say(Message.TICKET, bad)
    say(Message.TICKET, good)
    run_sql(f"UPDATE outbox SET payload = '{{}}' WHERE dedupe_key LIKE '{bad.reference}%'")  # noqa: S608
    assert send_due(settings, 10) == 4
    assert {(row[1].split(":")[0], row[2]) for row in outbox()} == {(bad.reference, "ready"), (good.reference, "done")}
    assert (
        db.session.execute(text("SELECT DISTINCT last_error FROM outbox WHERE state = 'ready'")).scalar() == "KeyError"
    )
    assert send_due(settings, 10) == 0


def test_a_row_that_fails_for_a_day_is_dead(network: Network, settings: Settings) -> None:
    say(Message.TICKET, make_ticketed(network, settings, payer_email=None))
    run_sql(f"UPDATE outbox SET payload = '{{}}', attempts = {MOST_TRIES - 1}")  # noqa: S608
    assert send_due(settings, 10) == 1
    assert [row[2] for row in outbox()] == ["dead"]


@pytest.mark.parametrize(
    "address", ["a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com", "a b", "é@a.cm"]
)
def test_a_bad_address_is_no_second_recipient(network: Network, settings: Settings, address: str) -> None:
    say(Message.TICKET, make_ticketed(network, settings, payer_email=address))
    assert send_due(settings, 10) == 2
    assert (len(sent(settings, "sms")), len(sent(settings, "mail"))) == (1, 0)
    assert [row[2] for row in outbox()] == ["dead", "done"]


def test_a_closed_channel_leaves_the_other_open(
    network: Network, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.var.joinpath("mail").write_text("a file where the folder should be")
    for seat in ("20", "21", "22"):
        say(Message.TICKET, make_ticketed(network, settings, seats=[seat]))
    assert send_due(settings, 10) == 4
    assert len(sent(settings, "sms")) == 3
    assert [row[2:] for row in outbox() if row[0] == "mail"] == [("ready", 0)] * 3
    assert "example.com" not in caplog.text
    assert PHONE not in caplog.text


def test_the_limit_is_kept(network: Network, settings: Settings) -> None:
    say(Message.TICKET, make_ticketed(network, settings))
    assert send_due(settings, 1) == 1
    assert send_due(settings, 1) == 1
    assert send_due(settings, 1) == 0


def test_no_connection_is_held_while_sending(
    network: Network, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    out: list[int] = []
    monkeypatch.setattr(SmsFiles, "send", lambda *_: out.append(db.engine.pool.checkedout()))
    say(Message.TICKET, make_ticketed(network, settings, payer_email=None))
    send_due(settings, 10)
    assert out == [0]


def test_a_crash_before_finishing_sends_the_same_file_again(
    network: Network, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(Message.TICKET, make_ticketed(network, settings))

    def die(_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(relay.outbox, "finish", die)
        with pytest.raises(KeyboardInterrupt):
            send_due(settings, 10)
    run_sql("UPDATE outbox SET lease_until = now() - interval '1 s' WHERE state = 'leased'")
    assert send_due(settings, 10) == 2
    assert (len(sent(settings, "sms")), len(sent(settings, "mail"))) == (1, 1)


def test_two_senders_share_the_work_and_send_nothing_twice(
    app: Flask, network: Network, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seat in range(1, 21):
        say(Message.TICKET, make_ticketed(network, settings, seats=[str(seat)], payer_email=None))
    texts: list[str] = []
    both = threading.Barrier(2)
    monkeypatch.setattr(SmsFiles, "send", lambda _, sms: texts.append(sms.text))
    taken: list[int] = []

    def sender() -> None:
        with app.app_context():
            both.wait()
            taken.append(send_due(settings, 50))
            db.session.remove()

    in_threads(sender, 2)
    assert sum(taken) == 20
    assert len(texts) == len(set(texts)) == 20


def in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
