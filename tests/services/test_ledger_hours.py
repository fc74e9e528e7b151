"""Sums by hour: equal to the ledger at any moment, whatever commits late, whoever fills, and whatever is dated back."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.cli import group
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.ledger import hours, rules
from aurapark.ledger.hours import fill_hours, get_figures, open_again
from aurapark.ledger.models import EventType, LedgerEntry
from aurapark.ledger.queries import list_balances
from aurapark.ledger.service import post
from aurapark.money import Money
from aurapark.reconciliation.doctor import examine
from tests.stories import race

NOW = datetime.now(UTC)
HOUR, LONG_AGO = timedelta(hours=1), datetime(2020, 1, 1, tzinfo=UTC)
HELD = ["gateway_clearing:flutterwave", "gateway_clearing:stripe"]
INSERT = """
    INSERT INTO ledger_entry (event_type, event_id, line, debit, credit, amount, created_at)
    VALUES ('payment', %s, 1, 'gateway_clearing:flutterwave', 'agency_payable:1', %s, now())
"""


def write(event: EventType, event_id: str, postings: list[rules.Posting], at: datetime) -> None:
    """Write movements as if they had been committed then."""

    def work() -> None:
        for line, one in enumerate(postings, 1):
            values = {"debit": one.debit, "credit": one.credit, "currency": one.amount.currency, "created_at": at}
            amount = one.amount.amount
            db.session.add(LedgerEntry(event_type=event, event_id=event_id, line=line, amount=amount, **values))

    in_transaction(work)


def sell(number: int, amount: int, at: datetime, currency: str = "XAF") -> None:
    """A sale of the first agency, a tenth of it commission."""
    paid = Money(amount, currency)
    postings = rules.postings_for_applied_payment(
        "flutterwave", 1, paid=paid, total=paid, commission=Money(amount // 10, currency)
    )
    write(EventType.PAYMENT, str(number), postings, at)


def fill(limit: int = 24) -> int:
    """Fill until nothing more is over."""
    in_all = 0
    while done := in_transaction(lambda: fill_hours(limit)):
        in_all += done
    return in_all


def balances() -> list[tuple[str, str, int]]:
    db.session.rollback()
    found = get_figures(HELD, since=NOW - 40 * 24 * HOUR, zone="Africa/Douala").balances
    return [(one.account, one.currency, one.amount) for one in found]


def truth() -> list[tuple[str, str, int]]:
    return [(one.account, one.currency, one.amount) for one in list_balances()]


def wrong() -> list[str]:
    db.session.rollback()
    return [one.id for one in examine(db.engine, full=True) if one.id == "F1" and one.count]


def test_figures_equal_the_ledger_at_every_moment(app: Flask) -> None:
    assert balances() == truth() == []
    for number in range(30):
        sell(number, 1000 + number, NOW - number * 7 * HOUR, "NGN" if number % 5 == 4 else "XAF")
        if number % 6 == 0:
            assert balances() == truth()
    write(EventType.REFUND, "1", rules.postings_for_refund("flutterwave", refund=Money(300)), NOW - 30 * HOUR)
    assert balances() == truth()
    assert in_transaction(lambda: fill_hours(24)) == 24
    assert balances() == truth()
    assert fill() > 100
    assert balances() == truth()
    assert fill() == 0
    post_now = rules.postings_for_refund("flutterwave", refund=Money(55))
    in_transaction(lambda: post(EventType.REFUND, "2", post_now))
    assert balances() == truth()
    assert wrong() == []
    filled = db.session.scalar(text("SELECT filled_until FROM ledger_filling"))
    ends = {(at - timedelta(minutes=10)).replace(minute=0, second=0, microsecond=0) for at in (NOW, datetime.now(UTC))}
    assert filled in ends  # an hour may have ended meanwhile


def test_days_are_the_days_of_the_zone_and_the_same_filled_or_not(app: Flask) -> None:
    midnight = (NOW - 48 * HOUR).replace(hour=23, minute=0, second=0, microsecond=0)  # in Douala
    sell(1, 500, midnight - timedelta(seconds=1))
    sell(2, 700, midnight)
    sell(3, 900, NOW)
    write(EventType.REFUND, "1", rules.postings_for_refund("flutterwave", refund=Money(300)), midnight)
    write(EventType.DISPUTE_WON, "1", rules.postings_for_dispute_won("flutterwave", disputed=Money(44)), midnight)

    def days() -> list[tuple[str, int, int]]:
        found = get_figures(HELD, since=midnight - 20 * HOUR, zone="Africa/Douala").days
        return [(one.day.isoformat(), one.paid, one.back) for one in found]

    first, today = midnight.date(), (NOW + HOUR).date()
    expected = [(first.isoformat(), 500, 0), ((first + timedelta(days=1)).isoformat(), 700, 300)]
    expected.append((today.isoformat(), 900, 0))
    assert days() == expected
    fill()
    assert days() == expected


def test_an_hour_waits_for_every_transaction_that_began_in_it(
    app: Flask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The late one began in an hour that seems over: without the look at running transactions it is left out."""
    sell(1, 500, NOW - 5 * HOUR)
    seems_over = -2 * HOUR  # as if it were two hours later

    def hurry() -> int:
        return in_transaction(lambda: fill_hours(24, patience=seems_over))

    with psycopg.connect(database_url.replace("+psycopg", "")) as late:
        late.execute(INSERT, ["9", 700])
        while hurry():
            pass
        late.commit()
    assert balances() == truth()
    assert wrong() == []
    in_transaction(lambda: open_again(LONG_AGO))
    careless = hours.HORIZON.text.replace("min(xact_start)", "NULL")
    monkeypatch.setattr(hours, "HORIZON", text(careless))
    with psycopg.connect(database_url.replace("+psycopg", "")) as late:
        late.execute(INSERT, ["10", 700])
        while hurry():
            pass
        late.commit()
    assert balances() != truth()
    assert wrong() == ["F1"]


def test_any_number_may_fill_at_once(app: Flask) -> None:
    for number in range(40):
        sell(number, 1000, NOW - (number + 2) * HOUR)
    done = race(app, *[lambda: fill(3)] * 4)
    assert [one for one in done if not isinstance(one, int)] == []
    assert balances() == truth()
    assert wrong() == []


def test_reading_while_hours_are_filled_is_exact(app: Flask) -> None:
    for number in range(60):
        sell(number, 1000, NOW - (number + 2) * HOUR)
    expected, over, odd = truth(), threading.Event(), []

    def look() -> None:
        while not over.is_set():
            if (seen := balances()) != expected:
                odd.append(seen)

    def work() -> None:
        try:
            for _ in range(3):
                fill(1)
                in_transaction(lambda: open_again(LONG_AGO))
        finally:
            over.set()

    race(app, look, work)
    assert odd == []


def test_what_is_dated_back_opens_its_hours_again(app: Flask) -> None:
    sell(1, 500, NOW - 5 * HOUR)
    fill()
    sell(2, 800, NOW - 9 * HOUR)
    assert (balances() == truth(), wrong()) == (False, ["F1"])
    in_transaction(lambda: open_again(NOW - 9 * HOUR))
    assert balances() == truth()
    fill()
    assert (balances() == truth(), wrong()) == (True, [])
    sell(3, 800, NOW - 9 * HOUR)
    assert app.test_cli_runner().invoke(group, ["ledger", "refill"]).output.startswith("hours added up: ")
    assert (balances() == truth(), wrong()) == (True, [])


def test_doctor_finds_an_hour_that_was_changed(app: Flask) -> None:
    sell(1, 500, NOW - 5 * HOUR)
    fill()
    in_transaction(lambda: db.session.execute(text("UPDATE ledger_hour SET debit = debit + 1 WHERE debit > 0")))
    assert wrong() == ["F1"]
