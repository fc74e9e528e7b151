"""Loading the demo: the network, trips for the days ahead, the people on them. Loading again adds what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby, pairwise

from sqlalchemy import text

from aurapark import clock
from aurapark.checkout.gateways import gateway_for, signer_for, terms_for
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.demo.accounts import write_accounts, write_payout_accounts
from aurapark.demo.bulk import list_prices, list_trips_to_fill, write_sales
from aurapark.demo.buses import write_buses
from aurapark.demo.charges import Sandbox, find_sandbox, tell_sandbox
from aurapark.demo.demand import DELAY_MINUTES, DELAYED_DEPARTURE, Special, TripToFill, find_specials, happens_on
from aurapark.demo.factors import write_factors
from aurapark.demo.network import write_agencies, write_places
from aurapark.demo.sales import Sale, sell
from aurapark.demo.scenarios import Stage, play_scenarios
from aurapark.extensions import db
from aurapark.settlements.calculate import calculate_settlements
from aurapark.settlements.fill import AT_ONCE
from aurapark.timetable.generate import generate_trips
from aurapark.timetable.holidays import write_known

DAYS_AHEAD = 14
PAST_DAYS = (9, 17, 25)  # of the month before: so that there is a settlement to look at, closed by the job
TRIPS_AT_ONCE = 300
DEFAULT_SEED = 237

TRIPS_THERE = text("SELECT EXISTS (SELECT FROM trip)")
CODES = text("SELECT reference FROM booking UNION ALL SELECT code FROM ticket")
CANCEL = text("""
    UPDATE trip SET state = 'cancelled', cancelled_at = now(), cancel_reason = 'mechanical_failure'
    WHERE id = ANY(:ids) AND state = 'scheduled'
""")
DELAY = text("UPDATE trip SET delay_minutes = :minutes, delay_reason = 'traffic' WHERE id = ANY(:ids)")
LEAVE = text("UPDATE trip SET state = :to WHERE state = :state AND service_date = ANY(:days)")
ANALYZE = text("ANALYZE")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one load added. `charges` is None when no sandbox answered."""

    trips: int
    bookings: int
    seats: int
    charges: int | None
    scenarios: Sequence[str] = ()

    def as_text(self) -> str:
        """Return what happened, in a line."""
        added = f"{self.trips} trips, {self.bookings} bookings for {self.seats} seats"
        if self.charges is None:
            return f"{added}; no sandbox answered: it knows none of the charges, and no scenario was played"
        played = " ".join(self.scenarios) or "none new"
        return f"{added}, {self.charges} charges told to the sandbox; scenarios: {played}"


def is_empty() -> bool:
    """Say whether there is no trip at all."""
    return not db.session.scalar(TRIPS_THERE)


def load_demo(settings: Settings, *, seed: int = DEFAULT_SEED, scale: int = 1) -> Loaded:
    """Load the demo, or what has been missing since the last load; `scale` copies of the network for load tests.

    Commits in steps, each complete in itself. The same seed on the same day gives the same people on the same seats.
    """
    in_transaction(write_places)
    for copy in range(scale):
        in_transaction(lambda: write_agencies(copy))  # noqa: B023  run at once
        in_transaction(lambda: write_buses(copy))  # noqa: B023  run at once
    in_transaction(write_accounts)
    keys = (settings.secret_key, *settings.secret_key_fallbacks)
    in_transaction(lambda: write_factors(keys))
    in_transaction(lambda: write_payout_accounts(keys))
    for year in (clock.today().year, clock.today().year + 1):
        in_transaction(lambda: write_known(year))  # noqa: B023  run at once
    past = _past_days() if is_empty() else []
    days = [clock.today() + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)]
    trips = sum(in_transaction(lambda: generate_trips(day, 1)) for day in (*past, *days))  # noqa: B023  run at once
    bookings, seats = (
        sum(both) for both in zip(_fill_past(settings, seed, past), _fill_trips(settings, seed), strict=True)
    )
    in_transaction(lambda: db.session.execute(ANALYZE))
    while calculate_settlements(settings, AT_ONCE):  # what is dated days ago is looked for in settlements at once
        pass
    sandbox = find_sandbox(settings)
    if sandbox is None:
        return Loaded(trips, bookings, seats, charges=None)
    return Loaded(trips, bookings, seats, tell_sandbox(sandbox), play_scenarios(_stage(settings, sandbox)))


def _stage(settings: Settings, sandbox: Sandbox) -> Stage:
    """The demo's payers pay at the sandbox, whichever gateway the site uses."""
    settings = replace(settings, payment_gateway="flutterwave")
    return Stage(gateway_for(settings), signer_for(settings), terms_for(settings), sandbox, clock.today())


def _past_days() -> list[date]:
    month_before = clock.today().replace(day=1) - timedelta(days=1)
    return [month_before.replace(day=day) for day in PAST_DAYS]


def _fill_past(settings: Settings, seed: int, days: Sequence[date]) -> tuple[int, int]:
    """Sell the seats of days that are over, and let their trips have left; returns as `_fill_trips` does."""
    trips = [trip for day in days for trip in list_trips_to_fill(day, day, settings.commission_percent)]
    sold = _sell(settings, seed, trips, {})
    for state, to in pairwise(("scheduled", "boarding", "departed", "completed")):
        values = {"state": state, "to": to, "days": list(days)}
        in_transaction(lambda: db.session.execute(LEAVE, values))  # noqa: B023  run at once
    return sold


def _fill_trips(settings: Settings, seed: int) -> tuple[int, int]:
    """Sell the seats of every trip that has nobody on it; returns the number of bookings and of seats."""
    today = clock.today()
    trips = list_trips_to_fill(today, today + timedelta(days=DAYS_AHEAD), settings.commission_percent)
    specials = {
        trip_id: special
        for _, of_day in groupby(trips, key=lambda trip: trip.day)
        for trip_id, special in find_specials(list(of_day)).items()
    }
    in_transaction(lambda: _disrupt(trips, specials))
    return _sell(settings, seed, trips, specials)


def _sell(settings: Settings, seed: int, trips: Sequence[TripToFill], specials: dict[int, Special]) -> tuple[int, int]:
    prices, used, now = list_prices(clock.today()), set(db.session.scalars(CODES)), clock.now()
    signer, bookings, seats = signer_for(settings), 0, 0
    for start in range(0, len(trips), TRIPS_AT_ONCE):
        sales: list[Sale] = []
        for trip in trips[start : start + TRIPS_AT_ONCE]:
            fares = prices[trip.route_id, trip.service_class]
            sales += sell(trip, specials.get(trip.trip_id), fares, seed=seed, now=now, used=used)
        in_transaction(lambda: write_sales(sales, token_key=settings.secret_key, signer=signer))  # noqa: B023  run at once
        bookings += len(sales)
        seats += sum(len(sale.seated) for sale in sales)
    return bookings, seats


def _disrupt(trips: Sequence[TripToFill], specials: dict[int, Special]) -> None:
    cancelled = [trip_id for trip_id, special in specials.items() if special == Special.CANCELLED]
    delayed = [trip.trip_id for trip in trips if trip.key == DELAYED_DEPARTURE and happens_on(trip.day)]
    db.session.execute(CANCEL, {"ids": cancelled})
    db.session.execute(DELAY, {"ids": delayed, "minutes": DELAY_MINUTES})
