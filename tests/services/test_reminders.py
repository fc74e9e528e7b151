"""Reminders: on the eve at 18:00, or three hours before; once, to whoever travels, and to nobody who does not."""

import json
import threading
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking.models import Booking
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.notifications.relay import send_due
from aurapark.notifications.reminders import remind
from tests.bookings import make_ticketed
from tests.factories import Network
from tests.stories import confirm

CANCEL = "UPDATE booking SET state = 'cancelled', cancelled_at = now(), cancelled_because = 'traveller'"
DOUALA = ZoneInfo("Africa/Douala")


def set_clock(at: datetime) -> None:
    """Let the database believe it is another moment: `now()` is looked up in the search path first."""
    run_sql("CREATE SCHEMA IF NOT EXISTS other_time")
    run_sql(
        "CREATE OR REPLACE FUNCTION other_time.now() RETURNS timestamptz LANGUAGE sql STABLE "
        f"AS $$ SELECT timestamptz '{at.isoformat()}' $$"
    )
    run_sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = other_time, pg_catalog, public', "
        "current_database()); END $$"
    )
    db.session.remove()
    db.engine.dispose()


def run_sql(statement: str, **values: object) -> None:
    in_transaction(lambda: db.session.execute(text(statement), values))


def sell(network: Network, *, bought: datetime, leaves: datetime, seats: Sequence[str] = ("12",)) -> Booking:
    """A confirmed booking, bought then, on a bus that leaves then."""
    bookings = [confirm(network, seat) for seat in seats]
    (first,) = db.session.scalars(text("SELECT min(departs_at) FROM trip_stop"))
    run_sql("UPDATE booking SET confirmed_at = :bought", bought=bought)
    run_sql("UPDATE trip SET departs_at = departs_at + :by, arrives_at = arrives_at + :by", by=leaves - first)
    run_sql("UPDATE trip_stop SET departs_at = departs_at + :by", by=leaves - first)
    return bookings[0]


def told(settings: Settings) -> list[str]:
    """The reminders that went out."""
    written = [json.loads(path.read_text()) for path in sorted((settings.var / "sms").glob("*"))]
    return [sms["text"] for sms in written if sms["kind"] == "reminder"]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2027, 3, day, hour, minute, tzinfo=DOUALA)


LEAVES = at(18, 7, 30)


@pytest.mark.parametrize(
    ("bought", "leaves", "now", "due"),
    [
        (at(10, 9), LEAVES, at(17, 17, 59), 0),  # a minute before 18:00 of the eve
        (at(10, 9), LEAVES, at(17, 18), 1),
        (at(10, 9), LEAVES, at(18, 7, 29), 1),  # whoever should have written it was down all night
        (at(10, 9), LEAVES, at(18, 7, 30), 0),  # it has left
        (at(17, 18, 5), LEAVES, at(18, 6), 0),  # bought after 18:00: nobody is woken at 04:30
        (at(17, 18, 5), at(18, 14), at(18, 10, 59), 0),
        (at(17, 18, 5), at(18, 14), at(18, 11), 1),  # three hours before
        (at(18, 11, 5), at(18, 14), at(18, 12), 0),  # bought after that
        (at(10, 9), at(18, 0, 30), at(17, 18), 1),  # half past midnight has its eve too
    ],
)
def test_a_reminder_is_due_on_the_eve_or_three_hours_before(
    network: Network, settings: Settings, bought: datetime, leaves: datetime, now: datetime, due: int
) -> None:
    sell(network, bought=bought, leaves=leaves)
    set_clock(now)
    assert remind(settings, 10) == due
    assert remind(settings, 10) == 0
    send_due(settings, 10)
    assert len(told(settings)) == due


def test_it_says_when_and_where_in_the_agencys_time(network: Network, settings: Settings) -> None:
    reference = sell(network, bought=at(10, 9), leaves=LEAVES).reference
    set_clock(at(17, 18))
    remind(settings, 10)
    send_due(settings, 10)
    (sms,) = told(settings)
    assert sms.startswith(f"Rappel AuraPark {reference} : Douala")
    assert "jeu 18/03 07:30, siège 12. Soyez à la gare à 07:00 avec votre CNI." in sms


@pytest.mark.parametrize(
    "change",
    [
        CANCEL,
        "UPDATE ticket SET state = 'void'",
        "UPDATE trip SET state = 'cancelled', cancelled_at = now()",
        "UPDATE trip_stop SET departs_at = departs_at - interval '2 days'",
    ],
)
def test_what_is_off_by_the_time_of_sending_is_not_told(network: Network, settings: Settings, change: str) -> None:
    sell(network, bought=at(10, 9), leaves=LEAVES)
    set_clock(at(17, 18))
    assert remind(settings, 10) == 1
    run_sql(change)
    send_due(settings, 10)
    assert told(settings) == []
    assert db.session.scalars(text("SELECT DISTINCT state FROM outbox")).all() == ["done"]


def test_only_those_who_travel_are_reminded(network: Network, settings: Settings) -> None:
    make_ticketed(network, settings, seats=["20"])  # still held
    sell(network, bought=at(10, 9), leaves=LEAVES)
    run_sql(f"{CANCEL} WHERE state = 'confirmed'")
    set_clock(at(17, 18))
    assert remind(settings, 10) == 0


def test_a_delay_moves_the_hour(network: Network, settings: Settings) -> None:
    sell(network, bought=at(17, 19), leaves=at(18, 14))
    run_sql("UPDATE trip SET delay_minutes = 120")
    set_clock(at(18, 12, 59))
    assert remind(settings, 10) == 0
    set_clock(at(18, 13))
    assert remind(settings, 10) == 1


def test_many_processes_at_once_write_each_reminder_once(app: Flask, network: Network, settings: Settings) -> None:
    sell(network, bought=at(10, 9), leaves=LEAVES, seats=["1", "2", "3", "4", "5"])
    set_clock(at(17, 18))
    together = threading.Barrier(4)

    def sweep() -> None:
        with app.app_context():
            together.wait()
            remind(settings, 10)
            db.session.remove()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    send_due(settings, 50)
    assert len(set(told(settings))) == len(told(settings)) == 5


def test_the_limit_is_kept(network: Network, settings: Settings) -> None:
    sell(network, bought=at(10, 9), leaves=LEAVES, seats=["1", "2", "3"])
    set_clock(at(17, 18))
    assert [remind(settings, 2), remind(settings, 2), remind(settings, 2)] == [2, 1, 0]
