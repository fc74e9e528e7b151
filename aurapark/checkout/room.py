"""Whether somebody may keep (more) seats: the rows of whoever counts are locked first, before any booking."""

from dataclasses import dataclass, field

from sqlalchemy import select

from aurapark.booking import hoarding
from aurapark.booking.errors import BookingNotFound
from aurapark.booking.hoarding import Holdings
from aurapark.booking.models import Booking, Channel
from aurapark.booking.service import Holder
from aurapark.extensions import db
from aurapark.limits.service import key_of, lock_holders
from aurapark.timetable.rules import TripLeg


@dataclass(frozen=True, slots=True)
class Room:
    """Whoever is about to hold seats on a trip. A network has a row for each trip: nobody waits for another trip."""

    trip_id: int
    visitor: str | None = None
    phone: str | None = field(default=None, repr=False)
    network: str | None = None
    account: int | None = None

    @property
    def keys(self) -> list[str]:
        """Return the keys of their rows."""
        network = self.network and f"{self.network} {self.trip_id}"
        account = str(self.account) if self.account else None
        named = {"visitor": self.visitor, "account": account, "phone": self.phone, "network": network}
        return [key_of(kind, name) for kind, name in named.items() if name]

    def lock(self) -> None:
        """Lock their rows, for a story that must lock a booking before it can count."""
        lock_holders(self.keys)

    def require(self, trip: TripLeg, seats: int, *, except_id: int = 0) -> None:
        """Lock their rows and raise TooManyHolds, HoldingPaused, NetworkShareUsedUp or NetworkShareTooBig.

        One statement, or none when nobody counts. What the booking `except_id` holds, or held, does not count.
        """
        if not self.keys:
            return
        found = hoarding.count_holdings(
            self.keys,
            self.trip_id,
            visitor=self.visitor,
            account=self.account,
            phone=self.phone,
            network=self.network,
            except_id=except_id,
        )
        for who in ("visitor", "account", "phone"):
            hoarding.require_may_hold(found.get(who, Holdings()), now=trip.asked_at)
        if self.network:
            hoarding.require_share(found["network"], seats, len(trip.layout.seats), now=trip.asked_at)


def room_for(holder: Holder, trip_id: int, *, limited: bool) -> Room:
    """Return who counts for a new hold; nobody for a sale at the counter, or without limits."""
    if not limited or holder.channel == Channel.COUNTER:
        return Room(trip_id)
    return Room(trip_id, holder.visitor_hash, None, holder.network, holder.user_id)


def lock_room_to_pay(reference: str, phone: str | None, *, limited: bool) -> tuple[Room, Room]:
    """Lock whoever counts for a booking that is about to be paid, or held again (two statements).

    Returns who counts while the hold lives, which is the phone alone, and who counts when it has ended.
    Raises BookingNotFound.
    """
    statement = select(Booking.trip_id, Booking.channel, Booking.visitor_hash, Booking.network, Booking.user_id)
    row = db.session.execute(statement.where(Booking.reference == reference)).first()
    if row is None:
        raise BookingNotFound
    if not limited or row.channel == Channel.COUNTER:
        return Room(row.trip_id), Room(row.trip_id)
    everybody = Room(row.trip_id, row.visitor_hash, phone, row.network, row.user_id)
    everybody.lock()
    return Room(row.trip_id, None, phone), everybody
