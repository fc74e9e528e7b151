"""Settlements: filled as money moves, closed when the month is over, equal to what the raw events say."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from aurapark import clock
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.errors import DomainError
from aurapark.extensions import db
from aurapark.reconciliation.doctor import Verdict, examine
from aurapark.settlements import calculate, fill
from aurapark.settlements.calculate import calculate_settlements, close_month
from aurapark.settlements.errors import AlreadyClosed, PeriodNotOver, SettlementNotFound, TripsNotOver
from aurapark.settlements.models import Settlement, SettlementState
from aurapark.settlements.rules import Month, month_of
from tests.books import PARTS, Books, Sale, net_of, write_events
from tests.factories import Network
from tests.stories import confirm, race

ZONE = "Africa/Douala"
OF_SETTLEMENTS = ("I10", "I11", "I14", "I15", "I16")


def this_month() -> Month:
    return month_of(clock.now(), ZONE)


def before(month: Month, by: int = 1) -> Month:
    """The month so many months before."""
    for _ in range(by):
        month = month_of(month.bounds(ZONE)[0] - timedelta(days=1), ZONE)
    return month


def parts_now() -> dict[tuple[int, str], dict[str, int]]:
    """Every settlement's parts, by agency and month."""
    db.session.expire_all()
    found = db.session.query(Settlement).all()
    return {
        (one.agency_id, str(month_of(one.period_start, ZONE))): {part: getattr(one, part) for part in PARTS}
        for one in found
    }


def calculate_all(settings: Settings, limit: int = 1000) -> None:
    while calculate_settlements(settings, limit):
        pass


def move_trip(trip_id: int, state: str) -> None:
    moved = text("UPDATE trip SET state = :state WHERE id = :id")
    in_transaction(lambda: db.session.execute(moved, {"id": trip_id, "state": state}))


def require_clean() -> None:
    """Doctor's statements about the ledger and settlements find nothing."""
    db.session.rollback()
    findings = [one for one in examine(db.engine) if one.id in OF_SETTLEMENTS]
    assert [one for one in findings if one.verdict == Verdict.FOUND] == []
    assert {one.id for one in findings} == set(OF_SETTLEMENTS)


class TwoMonths:
    """Two agencies' sales of the two months before this one, with everything that can happen to them."""

    def __init__(self, bookings: int, seed: int) -> None:
        self.chance, self.books, self.bookings = random.Random(seed), Books(), bookings
        self.agencies = [Network.make(), Network.make()]
        self.months = [before(this_month(), 2), before(this_month())]
        self.edges = [month.bounds(ZONE) for month in self.months]
        self.trips = {network.agency.id: self._trips(network) for network in self.agencies}
        self.sales: list[Sale] = []

    def _trips(self, network: Network) -> list[Any]:
        """Twelve trips of each month: the first leaves at its very first moment, the last in its last second."""
        found = []
        for start, end in self.edges:
            moments = [start, *(start + (end - start) * n / 12 for n in range(1, 11)), end - timedelta(seconds=1)]
            found += [network.add_trip(at, state="completed") for at in moments]
        first, end = self.edges[0]
        cancelled = network.add_trip(first + timedelta(days=3), state="cancelled", cancelled_at=first)
        return [*found, cancelled]

    def happen(self) -> None:
        """Write what happened until the two months were over."""
        write_events(self._happen)

    def _happen(self) -> None:
        for number in range(self.bookings):
            network = self.agencies[number % 2]
            trip = self.chance.choice(self.trips[network.agency.id])
            at = trip.departs_at - timedelta(minutes=self.chance.randint(15, 20_000))
            cash = number % 7 == 0 or (network is self.agencies[1] and trip.departs_at < self.edges[1][0])
            sale = self.books.sell(network, trip, at, self.chance.choice([1500, 3000, 4005, 12_345]), cash=cash)
            self.sales.append(sale)
            if trip.state == "cancelled":
                self.books.refund(sale, max(at, self.edges[0][0]), sale.total)
            elif number % 5 == 0:
                first = sale.total // 3
                self.books.refund(sale, at + timedelta(minutes=3), first)
                self.books.refund(sale, trip.departs_at + timedelta(days=2), sale.total - first)
            elif number % 11 == 0:
                later = trip.departs_at + timedelta(days=1)
                self.books.refund(sale, at + timedelta(minutes=3), sale.total // 2, withdrawn=later)
            elif number % 17 == 0:
                self.books.lose(sale, trip.departs_at + timedelta(days=3))

    def happen_late(self) -> None:
        """Write what happens today to trips of months that are closed."""
        untouched = [sale for sale in self.sales if not sale.refunded][::9]
        write_events(lambda: [self.books.refund(sale, clock.now(), sale.total // 4) for sale in untouched])

    def expected(self) -> dict[tuple[int, str], dict[str, int]]:
        return self.books.expected([str(before(this_month(), by)) for by in (3, 2, 1)])


def test_a_sale_is_two_lines_of_the_month_it_departs_in(network: Network, settings: Settings) -> None:
    confirm(network)
    assert calculate_settlements(settings, 1000) == 2
    one = db.session.query(Settlement).one()
    assert (one.gross, one.commission, one.net, one.lines) == (4000, 400, 3600, 2)
    assert calculate_settlements(settings, 1000) == 0
    days = db.session.execute(text("SELECT bookings, seats, gross, commission, refunds FROM agency_day")).all()
    assert days == [(1, 1, 4000, 400, 0)]
    require_clean()


def test_five_hundred_bookings_equal_the_raw_events_to_the_franc(app: Flask, settings: Settings) -> None:
    story = TwoMonths(500, seed=6)
    story.happen()
    calculate_all(settings)
    assert parts_now() == story.expected()
    states = {(one.agency_id, str(month_of(one.period_start, ZONE))): one.state for one in db.session.query(Settlement)}
    over = [str(month) for month in story.months]
    assert {states[network.agency.id, month] for network in story.agencies for month in over} == {"closed"}
    negative = parts_now()[story.agencies[1].agency.id, over[0]]
    assert net_of(negative) < 0  # sold for cash only: it owes the commission
    require_clean()
    frozen = {key: parts for key, parts in parts_now().items() if states[key] == SettlementState.CLOSED}
    story.happen_late()
    calculate_all(settings)
    assert parts_now() == story.expected()
    assert {key: parts_now()[key] for key in frozen} == frozen
    require_clean()


def test_days_add_up_to_the_lines(app: Flask, settings: Settings) -> None:
    story = TwoMonths(120, seed=7)
    story.happen()
    calculate_all(settings)
    days = db.session.execute(text("SELECT sum(gross), sum(commission), sum(refunds), sum(bookings) FROM agency_day"))
    lines = db.session.execute(
        text("""
            SELECT sum(amount) FILTER (WHERE kind = 'sale'), -sum(amount) FILTER (WHERE kind = 'commission'),
                -sum(amount) FILTER (WHERE kind = 'refund'), count(*) FILTER (WHERE kind = 'sale')
            FROM settlement_line
        """)
    )
    assert days.one() == lines.one()


@pytest.mark.parametrize("dies_after", [1, 2, 3, 5, 8])
def test_whoever_dies_between_two_commits_leaves_work_that_goes_on(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch, dies_after: int
) -> None:
    story, commits = TwoMonths(60, seed=dies_after), []

    def dying(work: Callable[[], Any]) -> Any:
        result = in_transaction(work)
        commits.append(1)
        if len(commits) == dies_after:
            raise KeyboardInterrupt
        return result

    story.happen()
    monkeypatch.setattr(calculate, "in_transaction", dying)
    with pytest.raises(KeyboardInterrupt):
        calculate_all(settings, 10)
    calculate_all(settings, 10)
    assert parts_now() == story.expected()
    require_clean()


def look_again(story: TwoMonths) -> None:
    in_transaction(lambda: fill.look_again([network.agency.id for network in story.agencies]))
    db.session.remove()


def four_at_once(app: Flask, settings: Settings) -> list[BaseException]:
    """Calculate in four threads at the same time; the errors that are no refusal."""
    outcomes = race(app, *[lambda: calculate_all(settings, 20)] * 4)
    return [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, DomainError)]


def test_four_at_once_make_one_settlement_each(app: Flask, settings: Settings) -> None:
    story = TwoMonths(80, seed=3)
    story.happen()
    db.session.remove()
    assert four_at_once(app, settings) == []
    calculate_all(settings)
    assert parts_now() == story.expected()
    require_clean()


def test_without_lock_and_key_the_same_four_settle_twice(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guards are what the test above shows: without the lock the key refuses, without both money doubles."""
    story = TwoMonths(80, seed=3)
    story.happen()
    db.session.remove()
    unlocked = text(fill._HOLD.replace("FOR UPDATE OF p", ""))
    monkeypatch.setattr(fill, "_HOLD_OR_LEAVE", unlocked)
    assert any(isinstance(error, IntegrityError) for error in four_at_once(app, settings))
    in_transaction(
        lambda: db.session.execute(text("ALTER TABLE settlement_line DROP CONSTRAINT pk_settlement_line CASCADE"))
    )
    look_again(story)
    doubled = text("SELECT count(*) - count(DISTINCT ledger_entry_id) FROM settlement_line")
    for seed in range(10, 20):
        more = TwoMonths(80, seed=seed)
        more.books.count = 1000 * seed
        more.happen()
        look_again(more)
        four_at_once(app, settings)
        if in_transaction(lambda: db.session.scalar(doubled)):
            return
    pytest.fail("ten rounds without any guard, and nothing was settled twice: the race is not forced")


def test_a_month_is_refused_with_what_is_in_the_way(network: Network, settings: Settings) -> None:
    agency_id, last = network.agency.id, before(this_month())
    with pytest.raises(SettlementNotFound):
        close_month(agency_id, last, actor="ada")
    start, end = last.bounds(ZONE)
    trip = network.add_trip(end - timedelta(hours=1))
    books = Books(count=1000)
    write_events(lambda: books.sell(network, trip, start, 4000))
    in_transaction(lambda: fill.look_again([agency_id]))
    with pytest.raises(TripsNotOver):
        close_month(agency_id, last, actor="ada")
    assert calculate_settlements(settings, 1000) == 0  # written by then, and left open
    in_transaction(
        lambda: db.session.execute(text("UPDATE trip SET state = 'boarding' WHERE id = :id"), {"id": trip.id})
    )
    in_transaction(
        lambda: db.session.execute(text("UPDATE trip SET state = 'departed' WHERE id = :id"), {"id": trip.id})
    )
    assert close_month(agency_id, last, actor="ada").net == 3600
    with pytest.raises(AlreadyClosed):
        close_month(agency_id, last, actor="ada")
    confirm(network)
    with pytest.raises(PeriodNotOver):
        close_month(agency_id, month_of(network.trip.departs_at, ZONE), actor="ada")


def test_a_trip_moved_over_midnight_takes_its_lines_with_it(network: Network, settings: Settings) -> None:
    last = before(this_month())
    start, end = last.bounds(ZONE)
    trip = network.add_trip(end - timedelta(hours=1), state="completed")
    stays = network.add_trip(end - timedelta(hours=2), state="completed")
    books = Books()
    write_events(lambda: [books.sell(network, one, start, total) for one, total in ((trip, 4000), (stays, 3000))])
    in_transaction(lambda: fill.fill_piece(fill.hold(network.agency.id, wait=True) or pytest.fail("not held")))
    later = text("UPDATE trip SET departs_at = departs_at + interval '2 hours' WHERE id = :id")
    in_transaction(lambda: db.session.execute(later, {"id": trip.id}))
    close_month(network.agency.id, last, actor="ada")
    found = parts_now()
    assert found[network.agency.id, str(last)]["gross"] == 3000
    assert found[network.agency.id, str(this_month())]["gross"] == 4000
    require_clean()


class TestWhatTheDatabaseRefuses:
    """Raw SQL, as whoever has the application's role could send."""

    @pytest.fixture
    def closed(self, network: Network, settings: Settings) -> Settlement:
        start, end = before(this_month()).bounds(ZONE)
        trip = network.add_trip(end - timedelta(hours=1), state="completed")
        books = Books()
        write_events(lambda: [books.sell(network, trip, start, 4000), books.sell(network, network.trip, start, 4000)])
        calculate_all(settings)
        return db.session.query(Settlement).order_by(Settlement.period_start).first() or pytest.fail("none")

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE settlement SET gross = 1 WHERE id = :id",
            "UPDATE settlement SET state = 'open', closed_at = NULL WHERE id = :id",
            "UPDATE settlement SET period_end = period_end + interval '1 day' WHERE id = :id",
            "DELETE FROM settlement WHERE id = :id",
            "DELETE FROM settlement_line WHERE settlement_id = :id",
            "UPDATE settlement_line SET amount = amount + 1 WHERE settlement_id = :id",
            "UPDATE settlement_line SET settlement_id = :id WHERE settlement_id <> :id",
            "UPDATE settlement_line l SET settlement_id = s.id FROM settlement s WHERE s.id <> :id",
            "UPDATE settlement SET state = 'closed', closed_at = now() WHERE id <> :id",
            "UPDATE settlement SET state = 'paid', paid_at = now() WHERE id <> :id",
            "INSERT INTO settlement (agency_id, period_start, period_end)"
            " SELECT agency_id, period_start + interval '1 day', period_end FROM settlement WHERE id = :id",
        ],
    )
    def test_nothing_changes_after_the_close(self, closed: Settlement, statement: str) -> None:
        before_it = parts_now()
        with pytest.raises((IntegrityError, DomainError)):
            in_transaction(lambda: db.session.execute(text(statement), {"id": closed.id}))
        assert parts_now() == before_it

    def test_a_close_waits_for_a_line_that_is_being_written(self, network: Network, database_url: str) -> None:
        last = before(this_month())
        start, end = last.bounds(ZONE)
        trip = network.add_trip(end - timedelta(hours=1), state="completed")
        books = Books()
        write_events(lambda: books.sell(network, trip, start, 4000))
        in_transaction(lambda: fill.fill_piece(fill.hold(network.agency.id, wait=True) or pytest.fail("not held")))
        write_events(lambda: books.sell(network, trip, start, 3000))
        engine = create_engine(database_url)
        line = text("""
            INSERT INTO settlement_line (ledger_entry_id, settlement_id, booking_id, kind, carried, amount)
            SELECT e.id, s.id, e.booking_id, 'sale', FALSE, e.amount FROM ledger_entry e, settlement s
            WHERE e.amount = 3000
        """)
        with engine.connect() as writer:
            writer.execute(line)
            with pytest.raises(DomainError):  # its lock is not had in three seconds
                close_month(network.agency.id, last, actor="ada")
            writer.commit()
        engine.dispose()
        assert close_month(network.agency.id, last, actor="ada").gross == 7000
        require_clean()


def test_a_month_ends_at_midnight_of_the_agency(settings: Settings) -> None:
    assert Month(2026, 10).bounds(ZONE)[1] == datetime(2026, 11, 1, tzinfo=ZoneInfo(ZONE))
    assert month_of(datetime(2026, 10, 31, 23, 30, tzinfo=ZoneInfo("UTC")), ZONE) == Month(2026, 11)
