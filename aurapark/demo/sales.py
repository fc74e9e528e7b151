"""The demo's sales: who sits where on a trip, as parties of one to six with names, prices and references. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from aurapark.demo import people
from aurapark.demo.demand import Special, TripToFill, fills_up, load_factor, seats_to_sell
from aurapark.fares.models import Category
from aurapark.fares.rules import SeatPrices
from aurapark.references import ALPHABET
from aurapark.timetable.rules import Leg

PARTY_SIZES, PARTY_WEIGHTS = (1, 2, 3, 4, 5, 6), (50, 28, 11, 7, 2, 2)
WHOLE_WAY = 0.7  # share of the parties that travel from end to end
HOLD = timedelta(minutes=15)
BOOKED_BEFORE = (12, 4 * 24 * 60)  # minutes
PAID_AFTER = (1, 9)  # minutes


@dataclass(frozen=True, slots=True)
class Seated:
    """One passenger of a sale."""

    seat: str
    place: int
    name: str
    category: Category
    prices: SeatPrices

    @property
    def amount(self) -> int:
        """Return what this seat costs."""
        return self.prices.of(self.category)


@dataclass(frozen=True, slots=True)
class Sale:
    """One paid booking of the demo."""

    reference: str
    trip: TripToFill
    leg: Leg
    seated: Sequence[Seated]
    phone: str
    email: str | None
    language: str
    created_at: datetime
    paid_at: datetime
    tx_ref: str
    method: str
    ticket_codes: Sequence[str]

    @property
    def total(self) -> int:
        """Return what was paid."""
        return sum(passenger.amount for passenger in self.seated)


def sell(
    trip: TripToFill,
    special: Special | None,
    prices: Mapping[Leg, SeatPrices],
    *,
    seed: int,
    now: datetime,
    used: set[str],
) -> list[Sale]:
    """Return the sales of one trip, at least one; the same for the same departure, day and seed.

    `used` are references and codes given out before; new ones are added to it.
    """
    if special == Special.CANCELLED:
        return []
    chance = Random(f"{seed}:{trip.agency}:{trip.route}:{trip.departs}:{trip.day}")  # nosec B311  demo people, no secret
    seats = seats_to_sell(trip, special, chance)
    fills = fills_up(special)
    factor = 1.0 if fills else load_factor(trip.day, trip.days_ahead, chance)
    parties = _parties(seats, len(trip.stops) - 1, factor, chance, whole_way=fills)
    return [_sale(trip, leg, party, prices[leg], chance, now, used) for leg, party in parties]


def _parties(
    seats: Sequence[str], segments: int, factor: float, chance: Random, *, whole_way: bool
) -> Iterator[tuple[Leg, list[str]]]:
    """Seat parties until that share of the seats' segments is sold; a party sits on seats that follow each other."""
    taken = dict.fromkeys(seats, 0)  # a bit per segment
    to_sell = max(1, round(factor * len(seats) * segments))
    while to_sell > 0:
        leg = Leg(0, segments) if whole_way or chance.random() < WHOLE_WAY else _some_leg(segments, chance)
        wanted = (1 << leg.alight) - (1 << leg.board)
        size = chance.choices(PARTY_SIZES, weights=PARTY_WEIGHTS)[0]
        party = _free_block(taken, wanted, size, chance) or _free_block(taken, wanted, 1, chance)
        if not party:
            if leg.segments == segments:
                return
            continue
        for seat in party:
            taken[seat] |= wanted
        to_sell -= len(party) * leg.segments
        yield leg, party


def _some_leg(segments: int, chance: Random) -> Leg:
    board = chance.randrange(segments)
    return Leg(board, chance.randint(board + 1, segments))


def _free_block(taken: Mapping[str, int], wanted: int, size: int, chance: Random) -> list[str]:
    seats = list(taken)
    start = chance.randrange(len(seats))
    block: list[str] = []
    for seat in seats[start:] + seats[:start]:
        block = [*block, seat] if not taken[seat] & wanted else []
        if len(block) == size:
            return block
    return []


def _sale(
    trip: TripToFill,
    leg: Leg,
    seats: Sequence[str],
    prices: SeatPrices,
    chance: Random,
    now: datetime,
    used: set[str],
) -> Sale:
    reference = _unused(6, chance, used)
    phone, email = people.new_payer(chance, reference)
    created_at = min(now, trip.sales_close_at(leg.board)) - _minutes(BOOKED_BEFORE, chance)
    ordered = trip.layout.in_order(list(seats))
    return Sale(
        reference=reference,
        trip=trip,
        leg=leg,
        seated=[
            Seated(seat, place, people.new_name(chance), people.new_category(chance, with_adult=place > 0), prices)
            for place, seat in enumerate(ordered)
        ],
        phone=phone,
        email=email,
        language=chance.choice(["fr", "fr", "en"]),
        created_at=created_at,
        paid_at=created_at + _minutes(PAID_AFTER, chance),
        tx_ref=f"AP-{_unused(12, chance, used)}-1",
        method=chance.choice(["mtn", "mtn", "orange", "card"]),
        ticket_codes=[_unused(10, chance, used) for _ in ordered],
    )


def _minutes(between: tuple[int, int], chance: Random) -> timedelta:
    return timedelta(seconds=chance.randint(between[0] * 60, between[1] * 60))


def _unused(length: int, chance: Random, used: set[str]) -> str:
    while (code := "".join(chance.choices(ALPHABET, k=length))) in used:
        pass
    used.add(code)
    return code
