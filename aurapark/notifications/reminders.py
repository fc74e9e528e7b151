"""The reminder before a journey: an SMS on the eve at 18:00, or three hours before for whoever bought after that.

There is no table of it: a reminder that was written is a row of the outbox, whose key is unique. So any number of
processes may sweep at once, and one that was down catches up. The database's clock and the agency's zone decide.
"""

from sqlalchemy import select, text

from aurapark.booking.models import Booking
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.notifications.messages import Message, announce

# Nobody is woken: three hours before a morning's bus that was bought late the evening before is left out.
DUE = text("""
SELECT booking.id
  FROM trip
  JOIN agency ON agency.id = trip.agency_id
  JOIN booking ON booking.trip_id = trip.id AND booking.state = 'confirmed' AND booking.payer_phone IS NOT NULL
  JOIN trip_stop ON trip_stop.trip_id = trip.id AND trip_stop.position = booking.board_segment
 CROSS JOIN LATERAL (SELECT trip_stop.departs_at + make_interval(mins => trip.delay_minutes) AS leaves_at) AS bus
 CROSS JOIN LATERAL (SELECT
       (date_trunc('day', bus.leaves_at AT TIME ZONE agency.timezone) - interval '6 hours')
           AT TIME ZONE agency.timezone AS eve,
       bus.leaves_at - interval '3 hours' AS late) AS remind
 WHERE trip.state IN ('scheduled', 'boarding')
   AND trip.departs_at BETWEEN now() - interval '2 days' AND now() + interval '31 hours'
   AND bus.leaves_at > now()
   AND CASE WHEN booking.confirmed_at < remind.eve THEN remind.eve <= now()
            ELSE booking.confirmed_at < remind.late AND remind.late <= now()
             AND (remind.late AT TIME ZONE agency.timezone)::time BETWEEN '06:00' AND '21:00' END
   AND NOT EXISTS (SELECT FROM outbox
                    WHERE outbox.kind = 'sms' AND outbox.dedupe_key = booking.reference || ':reminder:sms')
 ORDER BY bus.leaves_at, booking.id
 LIMIT :limit
""")


def remind(_settings: Settings, limit: int) -> int:
    """Write the reminders that are due, the next buses first; returns how many bookings were taken up."""
    return in_transaction(lambda: _remind(limit))


def _remind(limit: int) -> int:
    ids = list(db.session.scalars(DUE, {"limit": limit}))
    for booking in db.session.scalars(select(Booking).where(Booking.id.in_(ids)).order_by(Booking.id)):
        announce(Message.REMINDER, booking)
    return len(ids)
