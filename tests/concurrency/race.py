"""Many buyers at once on one trip: real threads, real connections, real commits, a barrier before every shot."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flask import Flask
from sqlalchemy import text

from aurapark.booking.errors import SeatsTaken
from aurapark.booking.models import Booking
from aurapark.database import in_transaction
from aurapark.extensions import db

CLIENTS = 64
LEGS = {("DLA", "EDA"): (0, 1), ("EDA", "YAO"): (1, 2), ("DLA", "YAO"): (0, 2)}
SEATS = [str(number) for number in range(10, 18)]

Hold = Callable[[Sequence[str], str, str], Booking]


@dataclass
class Outcome:
    """What came of the rounds: winners of each, seat × segment places sold twice, errors that are no refusal."""

    winners: list[int] = field(default_factory=list)
    sold_twice: int = 0
    errors: list[BaseException] = field(default_factory=list)


def run_rounds(app: Flask, hold: Hold, *, rounds: int, seed: int, clients: int = CLIENTS) -> Outcome:
    """Let all clients fire at the same and overlapping seats, `rounds` times; holds of the round before have lapsed."""
    outcome, rng = Outcome(), random.Random(seed)
    for _ in range(rounds):
        wishes = [_wish(rng) for _ in range(clients)]
        won = _fire(app, hold, wishes, outcome)
        places = Counter(place for seats, leg in won for seat in seats for place in _places(seat, leg))
        outcome.sold_twice += sum(count - 1 for count in places.values())
        outcome.winners.append(len(won))
        in_transaction(lambda: db.session.execute(text("UPDATE seat_claim SET expires_at = now() - interval '1 s'")))
    return outcome


def _wish(rng: random.Random) -> tuple[list[str], tuple[str, str]]:
    return rng.sample(SEATS, rng.randint(1, 3)), rng.choice(list(LEGS))


def _places(seat: str, leg: tuple[str, str]) -> list[tuple[str, int]]:
    return [(seat, segment) for segment in range(*LEGS[leg])]


def _fire(
    app: Flask, hold: Hold, wishes: list[tuple[list[str], tuple[str, str]]], outcome: Outcome
) -> list[tuple[list[str], tuple[str, str]]]:
    barrier, won = threading.Barrier(len(wishes)), []

    def client(wish: tuple[list[str], tuple[str, str]]) -> None:
        seats, leg = wish
        barrier.wait()
        with app.app_context():
            try:
                hold(seats, *leg)
                won.append(wish)
            except SeatsTaken:
                pass
            except BaseException as error:
                outcome.errors.append(error)

    threads = [threading.Thread(target=client, args=(wish,)) for wish in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won
