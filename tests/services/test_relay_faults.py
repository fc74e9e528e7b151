"""Sending while the world outside misbehaves: nobody's row pays for it, and nobody gets the same message twice."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import breaker, outbox
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.notifications import relay
from aurapark.notifications.messages import Channel, Message, announce
from aurapark.notifications.relay import send_due
from aurapark.notifications.ways_out import mail_way_out, sms_way_out
from tests.bookings import make_ticketed
from tests.factories import Network
from tests.services.test_bulksms import Provider, problem
from tests.services.test_smtp import Post, running


@pytest.fixture
def provider() -> Iterator[Provider]:
    playing = Provider()
    yield playing
    playing.stop()
    sms_way_out.cache_clear()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def environment(provider: Provider, post: Post) -> Iterator[dict[str, str]]:
    with running(post) as port:
        yield {"SMS_URL": provider.url(), "MAIL_URL": f"smtp://127.0.0.1:{port}"}
    mail_way_out.cache_clear()


def sell(network: Network, settings: Settings, *seats: str, **changes: object) -> None:
    for seat in seats:
        booking = make_ticketed(network, settings, seats=[seat], **changes)
        in_transaction(lambda booking=booking: announce(Message.TICKET, booking))


def rows(kind: str) -> list[tuple[str, int]]:
    statement = text("SELECT state, attempts FROM outbox WHERE kind = :kind ORDER BY id")
    return [tuple(row) for row in db.session.execute(statement, {"kind": kind})]


def let_wait() -> None:
    in_transaction(lambda: db.session.execute(text("UPDATE outbox SET next_at = next_at - interval '1 day'")))


def test_both_channels_go_out(network: Network, settings: Settings, provider: Provider, post: Post) -> None:
    sell(network, settings, "1", "2")
    assert send_due(settings, 10) == 4
    assert (len(provider.sent), len(post.letters)) == (2, 2)
    assert rows("sms") == rows("mail") == [("done", 1)] * 2


def test_a_clear_no_is_dead_at_once_and_says_why(
    network: Network, settings: Settings, provider: Provider, post: Post
) -> None:
    provider.answer, post.answers["RCPT"] = (400, problem("bad-request", 400)), "550 nobody here"
    sell(network, settings, "1")
    send_due(settings, 10)
    assert rows("sms") == rows("mail") == [("dead", 1)]
    errors = db.session.scalars(text("SELECT last_error FROM outbox ORDER BY kind")).all()
    assert errors == ["address: 550", "SMS: bad-request"]


def test_an_empty_account_stops_the_channel_and_costs_no_row_a_try(
    network: Network, settings: Settings, provider: Provider, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(breaker.time, "monotonic", lambda: clock[0])
    sms_way_out.cache_clear()
    monkeypatch.setattr(sms_way_out(settings.sms_url)._breaker, "_clock", lambda: clock[0])
    provider.answer = (403, problem("insufficient-credits", 403))
    sell(network, settings, "1", "2", "3")
    for _ in range(9):
        send_due(settings, 10)
        let_wait()
    assert len(post.letters) == 3
    assert len(provider.asked) == breaker.FAILURES
    assert rows("sms") == [("ready", 0)] * 3
    provider.answer, clock[0] = None, breaker.OPEN_SECONDS + 1
    send_due(settings, 10)
    assert rows("sms") == [("done", 1)] * 3


def test_a_letter_that_silences_the_server_delays_nobody(network: Network, settings: Settings, post: Post) -> None:
    post.answers["DATA"] = "451 not now"
    sell(network, settings, "1")
    send_due(settings, 10)
    assert rows("mail") == [("ready", 1)]
    del post.answers["DATA"]
    sell(network, settings, "2")
    send_due(settings, 10)
    assert rows("mail") == [("ready", 1), ("done", 1)]
    let_wait()
    send_due(settings, 10)
    assert rows("mail") == [("done", 2), ("done", 1)]
    assert len(post.letters) == 2


def test_a_sender_that_dies_after_sending_repeats_itself_recognisably(
    network: Network, settings: Settings, provider: Provider, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(network, settings, "1")

    def die(_: object) -> bool:
        raise KeyboardInterrupt

    for _ in Channel:
        with monkeypatch.context() as patched:
            patched.setattr(relay.outbox, "finish", die)
            with pytest.raises(KeyboardInterrupt):
                send_due(settings, 1)
    in_transaction(lambda: db.session.execute(text("UPDATE outbox SET lease_until = now() - interval '1 s'")))
    assert send_due(settings, 10) == 2
    assert rows("sms") == rows("mail") == [("done", 2)]
    assert (len(provider.asked), len(provider.sent)) == (2, 1)
    ids = {letter.partition(b"Message-ID: ")[2].partition(b"\r\n")[0] for letter in post.letters}
    assert (len(post.letters), len(ids)) == (2, 1)


def test_a_sender_that_lost_its_lease_changes_nothing(
    app: Flask, network: Network, settings: Settings, provider: Provider
) -> None:
    sell(network, settings, "1", payer_email=None)
    (slow,) = in_transaction(lambda: outbox.claim(["sms"], limit=1, lease=timedelta(seconds=-1)))
    assert send_due(settings, 10) == 1
    assert not in_transaction(lambda: outbox.finish(slow))
    assert not in_transaction(lambda: outbox.give_up(slow, "late"))
    assert not in_transaction(lambda: outbox.postpone(slow, "late", wait=timedelta(0)))
    assert rows("sms") == [("done", 2)]


def test_two_senders_at_once_send_nothing_twice(
    app: Flask, network: Network, settings: Settings, provider: Provider
) -> None:
    sell(network, settings, *map(str, range(1, 13)), payer_email=None)
    both = threading.Barrier(2)

    def sender() -> None:
        with app.app_context():
            both.wait()
            send_due(settings, 20)
            db.session.remove()

    threads = [threading.Thread(target=sender) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(provider.asked) == len(provider.sent) == 12
    assert rows("sms") == [("done", 1)] * 12
