"""Guessing slowed down: tries are counted before they are judged, so that many at once slip by no limit.

Counters are rows in PostgreSQL: emptying Redis frees nobody. Nobody is ever locked out for good, and a browser in which
somebody has signed in before has a counter of its own, which the guesses of others do not touch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from aurapark.accounts.models import SignInThrottle
from aurapark.errors import N_, TooMany
from aurapark.extensions import db
from aurapark.references import fingerprint

QUIET = timedelta(minutes=15)  # without a try, and past the delay: all is forgotten


class TooManyTries(TooMany):
    sentence = N_(
        "There were too many tries. Wait until %(at)s and try again; or use the device you signed in with before."
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """So many tries are `free`; each further one doubles the delay from `step` up to `longest`."""

    free: int
    step: timedelta
    longest: timedelta


ACCOUNT = Rule(free=5, step=timedelta(minutes=1), longest=timedelta(minutes=15))
NETWORK = Rule(free=200, step=timedelta(seconds=5), longest=timedelta(minutes=2))  # thousands of phones share one
REGISTER = Rule(free=30, step=timedelta(seconds=10), longest=timedelta(minutes=5))  # each one may cost an SMS


@dataclass(frozen=True, slots=True)
class Count:
    """How a counter stands."""

    tries: int = 0
    last_at: datetime | None = None
    delayed_until: datetime | None = None


def next_count(count: Count, rule: Rule, *, now: datetime) -> Count | None:
    """Return the counter after one more try, None when the try must wait for `delayed_until`."""
    if count.delayed_until is not None and count.delayed_until > now:
        return None
    latest = max(filter(None, (count.last_at, count.delayed_until)), default=now)
    tries = 1 if now - latest >= QUIET else count.tries + 1
    over = tries - rule.free
    wait = min(rule.step * 2 ** min(over, 30), rule.longest) if over >= 0 else None
    return Count(tries, now, now + wait if wait else None)


def account_key(user_id: int | None, address: str, *, device: str | None) -> str:
    """Return the counter of one account: its known device's own, or that of everybody else. What was typed counts for
    accounts that do not exist.
    """
    if device is not None:
        return f"device:{user_id}:{device}"
    return f"account:{user_id}" if user_id is not None else f"address:{fingerprint(address)}"


def count_tries(rules: dict[str, Rule]) -> None:
    """Count one try at each of these counters, in a transaction of its own. Raises TooManyTries: then none counts."""
    moment = db.session.execute(select(func.now())).scalar_one()
    for key, rule in sorted(rules.items()):
        found = lock(key)
        count = next_count(found, rule, now=moment)
        if count is None:
            raise TooManyTries(found.delayed_until or moment)
        values = {"tries": count.tries, "last_at": count.last_at, "delayed_until": count.delayed_until}
        _change(SignInThrottle.key == key, values)


def lock(key: str) -> Count:
    """Return a counter, locked until the transaction ends; a new one is made at its first try."""
    db.session.execute(insert(SignInThrottle).values(key=key, tries=0).on_conflict_do_nothing())
    columns = (SignInThrottle.tries, SignInThrottle.last_at, SignInThrottle.delayed_until)
    statement = select(*columns).where(SignInThrottle.key == key).with_for_update()
    return Count(*db.session.execute(statement).one())


def forgive(account: str, *, network: str | None = None) -> None:
    """Take a try back that was none: the account's counter is empty again, the network's one lower."""
    db.session.execute(
        delete(SignInThrottle).where(SignInThrottle.key == account), execution_options={"synchronize_session": False}
    )
    if network is not None:
        lower = {"tries": func.greatest(SignInThrottle.tries - 1, 0), "delayed_until": None}
        _change(SignInThrottle.key == network, lower)


def _change(which: ColumnElement[bool], values: Mapping[str, object]) -> None:
    statement = update(SignInThrottle).where(which).values(**values)
    db.session.execute(statement, execution_options={"synchronize_session": False})
