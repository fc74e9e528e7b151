"""I28, as far as the tables can tell: nobody keeps more unpaid than the limits allow at this moment."""

from typing import Any

from sqlalchemy import text

from aurapark.booking.hoarding import MAX_LIVE_HOLDS, NETWORK_PERCENT
from aurapark.extensions import db
from aurapark.fleet.rules import read_grid
from aurapark.reconciliation.doctor import FIRST_ROWS, Finding, Verdict

ID, FINDS = "I28", "a visitor, an account, a phone or a network that keeps more unpaid than it may"

HOLDS = text("""
    WITH live AS (
        SELECT reference, visitor_hash, user_id, payer_phone FROM booking
        WHERE state = 'held' AND hold_expires_at > now() AND channel <> 'counter'
    )
    SELECT 'visitor' AS who, array_agg(reference) AS bookings FROM live WHERE visitor_hash IS NOT NULL
    GROUP BY visitor_hash HAVING count(*) > :most
    UNION ALL
    SELECT 'account', array_agg(reference) FROM live WHERE user_id IS NOT NULL
    GROUP BY user_id HAVING count(*) > :most
    UNION ALL
    SELECT 'phone', array_agg(reference) FROM live WHERE payer_phone IS NOT NULL
    GROUP BY payer_phone HAVING count(*) > :most
""")
SHARES = text("""
    SELECT c.trip_id, b.network, count(DISTINCT c.seat) AS seats, m.grid
    FROM seat_claim c JOIN booking b ON b.id = c.booking_id JOIN trip t ON t.id = c.trip_id
    JOIN seat_map m ON m.id = t.seat_map_id
    WHERE c.state <> 'sold' AND (c.state = 'paying' OR c.expires_at > now()) AND b.network IS NOT NULL
        AND b.channel <> 'counter'
    GROUP BY c.trip_id, b.network, m.grid
""")


def examine_limits() -> Finding:
    """Count what is kept now. Holds made while RATE_LIMITS was off are found until they end."""
    found: list[dict[str, Any]] = [
        {"who": row.who, "bookings": row.bookings} for row in db.session.execute(HOLDS, {"most": MAX_LIVE_HOLDS})
    ]
    for share in db.session.execute(SHARES):
        most = len(read_grid(share.grid).seats) * NETWORK_PERCENT // 100
        if share.seats > most:
            found.append({"who": share.network, "trip": share.trip_id, "seats": share.seats, "most": most})
    verdict = Verdict.FOUND if found else Verdict.CLEAN
    return Finding(ID, FINDS, verdict, len(found), found[:FIRST_ROWS])
