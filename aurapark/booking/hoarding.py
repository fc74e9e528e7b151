"""How much may be kept without paying: what one visitor, account, phone and network hold is counted from bookings.

The limits are exact: whoever is counted is locked first. Counter sales are no holds of this kind. A hold that was
given back, or paid, never counts as lapsed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Text, bindparam, text

from aurapark.booking.errors import HoldingPaused, NetworkShareTooBig, NetworkShareUsedUp, TooManyHolds
from aurapark.extensions import db

MAX_LIVE_HOLDS = 2
MAX_LAPSES = 3  # within LAPSE_WINDOW
LAPSE_WINDOW = timedelta(hours=1)
PAUSE = timedelta(minutes=15)
NETWORK_PERCENT = 30

# The function (migration 0019) locks the rows of `keys` first, sorted, and then counts.
COUNT = text("""
    SELECT who, live, ends_at, lapses
    FROM count_holdings(:keys, :trip_id, :visitor, :account, :phone, :network, :except_id, :back)
""").bindparams(bindparam("keys", type_=ARRAY(Text)))


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one visitor, account or phone has: live unpaid holds, when the first of them ends, ends of lapsed ones,
    latest first; for a network `live` is its unpaid seats on the trip."""

    live: int = 0
    ends_at: datetime | None = None
    lapses: Sequence[datetime] = ()


def count_holdings(
    keys: Sequence[str],
    trip_id: int,
    *,
    visitor: str | None,
    account: int | None,
    phone: str | None,
    network: str | None,
    except_id: int = 0,
) -> dict[str, Holdings]:
    """Lock the holders of these keys and return what each of them has unpaid (one statement).

    The booking `except_id` does not count. It stays true until the transaction ends.
    """
    rows = db.session.execute(
        COUNT,
        {
            "keys": sorted(set(keys)),
            "trip_id": trip_id,
            "visitor": visitor,
            "account": account,
            "phone": phone,
            "network": network,
            "except_id": except_id,
            "back": LAPSE_WINDOW + PAUSE,
        },
    )
    return {row.who: Holdings(row.live, row.ends_at, row.lapses or ()) for row in rows}


def require_may_hold(holdings: Holdings, *, now: datetime) -> None:
    """Raise HoldingPaused after too many lapsed holds, TooManyHolds when there are as many live ones as may be."""
    if (until := paused_until(holdings.lapses)) and until > now:
        raise HoldingPaused(until, count=MAX_LAPSES)
    if holdings.live >= MAX_LIVE_HOLDS:
        raise TooManyHolds(holdings.ends_at or now, count=MAX_LIVE_HOLDS)


def require_share(holdings: Holdings, wanted: int, seats_on_trip: int, *, now: datetime) -> None:
    """Raise NetworkShareUsedUp when a network would hold more of a trip than its share, seats being paid included.

    NetworkShareTooBig when it could never hold as many at once: on a small bus.
    """
    most = seats_on_trip * NETWORK_PERCENT // 100
    if wanted > most:
        raise NetworkShareTooBig(max=most)
    if holdings.live + wanted > most:
        raise NetworkShareUsedUp(holdings.ends_at or now)


def paused_until(lapses: Sequence[datetime]) -> datetime | None:
    """Return the end of the pause that the latest lapse earned, None when it was no third one within an hour."""
    if len(lapses) < MAX_LAPSES or lapses[0] - lapses[MAX_LAPSES - 1] > LAPSE_WINDOW:
        return None
    return lapses[0] + PAUSE
