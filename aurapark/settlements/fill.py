"""Writing an agency's movements into its settlements, a bounded piece at a time. Never commits.

Every movement on what we owe an agency, save what pays it or carries its debt out, becomes one line: in the settlement
of the month its trip departs in or of the month it happened in, whichever is later; when that one is closed, in the
first that is not. So what comes late falls into exactly one period, and which one does not depend on when we look.

All of it is SQL over sets: memory does not grow with the number of movements, neither here nor, beyond its work_mem, in
PostgreSQL. Whoever fills or closes holds the row of the agency's progress; should that ever fail, the key of the lines
refuses a movement twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text, update

from aurapark.extensions import db
from aurapark.ledger.rules import payable
from aurapark.settlements.models import SettlementProgress

AT_ONCE = 20_000  # movements in one transaction
OVERLAP = timedelta(hours=1)  # looked at again for what was committed late: our transactions live for seconds
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
PATIENCE = text("SELECT set_config('statement_timeout', '10min', TRUE), set_config('work_mem', '32MB', TRUE)")

_BEGIN = text("INSERT INTO settlement_progress (agency_id) VALUES (:agency) ON CONFLICT DO NOTHING")
_HOLD = """
    SELECT p.filled_to, a.timezone, (
        SELECT max(s.period_end) FROM settlement s WHERE s.agency_id = a.id AND s.state <> 'open')
    FROM settlement_progress p JOIN agency a ON a.id = p.agency_id WHERE a.id = :agency FOR UPDATE OF p
"""
_HOLD_OR_LEAVE, _HOLD_IN_TURN = text(_HOLD + " SKIP LOCKED"), text(_HOLD)
_UNTIL = text("""
    SELECT coalesce(last.created_at, now()), last.created_at IS NOT NULL
    FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT created_at FROM ledger_entry WHERE agency_id = :agency AND created_at > :filled_to
        ORDER BY created_at OFFSET :at_once - 1 LIMIT 1) last ON TRUE
""")

# What is not settled yet, with the month it belongs to. A movement is dated by the beginning of its transaction, so the
# movements of one event stand or fall together.
_TAKEN = """
    WITH taken AS MATERIALIZED (
        SELECT e.id, e.event_type, e.booking_id, b.channel, t.route_id, e.created_at, t.departs_at,
            CASE WHEN e.credit = :payable THEN e.amount ELSE -e.amount END AS amount,
            CASE WHEN e.credit = :payable THEN e.debit ELSE e.credit END AS against,
            date_trunc('month', greatest(e.created_at, t.departs_at, :first_open), :zone) AS period_start
        FROM ledger_entry e
        LEFT JOIN booking b ON b.id = e.booking_id
        LEFT JOIN trip t ON t.id = b.trip_id
        WHERE e.agency_id = :agency AND :payable IN (e.debit, e.credit)
            AND e.event_type NOT IN ('payout', 'carry_out')
            AND e.created_at BETWEEN :since AND :until
            AND NOT EXISTS (SELECT FROM settlement_line l WHERE l.ledger_entry_id = e.id)
    )
"""
_WRITE = """, named AS (
        SELECT taken.*, s.id AS settlement_id,
            coalesce(taken.departs_at < s.period_start, TRUE) AS carried,
            CASE
                WHEN event_type = 'carry_in' THEN 'carry'
                WHEN event_type = 'correction' THEN 'correction'
                WHEN against = 'platform_commission' THEN 'commission'
                WHEN against LIKE 'agency_cash:%' AND (amount < 0 OR event_type = 'refund') THEN 'cash_kept'
                WHEN event_type IN ('payment', 'review_applied') THEN 'sale'
                WHEN event_type IN ('refund_due', 'refund_withdrawn', 'dispute_lost') THEN 'refund'
            END AS kind
        FROM taken
        LEFT JOIN settlement s ON s.agency_id = :agency AND s.period_start = taken.period_start
    ), written AS (
        INSERT INTO settlement_line (ledger_entry_id, settlement_id, booking_id, kind, carried, amount)
        SELECT id, settlement_id, booking_id, kind, carried, amount FROM named
        WHERE settlement_id IS NOT NULL ORDER BY id
        RETURNING settlement_id, kind, carried, amount
    ), days AS (
        INSERT INTO agency_day (agency_id, day, channel, route_id, bookings, seats, gross, commission, refunds)
        SELECT :agency, CAST(created_at AT TIME ZONE :zone AS date), channel, route_id,
            count(*) FILTER (WHERE kind = 'sale'),
            coalesce(sum((SELECT count(*) FROM passenger p WHERE p.booking_id = named.booking_id))
                     FILTER (WHERE kind = 'sale'), 0),
            coalesce(sum(amount) FILTER (WHERE kind = 'sale'), 0),
            coalesce(-sum(amount) FILTER (WHERE kind = 'commission'), 0),
            coalesce(-sum(amount) FILTER (WHERE kind = 'refund'), 0)
        FROM named WHERE settlement_id IS NOT NULL AND channel IS NOT NULL
        GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
        ON CONFLICT (agency_id, day, channel, route_id) DO UPDATE SET
            bookings = agency_day.bookings + EXCLUDED.bookings, seats = agency_day.seats + EXCLUDED.seats,
            gross = agency_day.gross + EXCLUDED.gross, commission = agency_day.commission + EXCLUDED.commission,
            refunds = agency_day.refunds + EXCLUDED.refunds
    ), sums AS (
        SELECT settlement_id, count(*) AS lines,
            coalesce(sum(amount) FILTER (WHERE kind = 'sale' AND NOT carried), 0) AS gross,
            coalesce(-sum(amount) FILTER (WHERE kind = 'commission' AND NOT carried), 0) AS commission,
            coalesce(-sum(amount) FILTER (WHERE kind = 'refund' AND NOT carried), 0) AS refunds,
            coalesce(-sum(amount) FILTER (WHERE kind = 'cash_kept' AND NOT carried), 0) AS cash_kept,
            coalesce(sum(amount) FILTER (WHERE carried), 0) AS carried
        FROM written GROUP BY settlement_id
    ), added AS (
        UPDATE settlement s SET gross = s.gross + sums.gross, commission = s.commission + sums.commission,
            refunds = s.refunds + sums.refunds, cash_kept = s.cash_kept + sums.cash_kept,
            carried = s.carried + sums.carried, lines = s.lines + sums.lines
        FROM sums WHERE s.id = sums.settlement_id
    )
    SELECT coalesce(sum(lines), 0),
        (SELECT array_agg(DISTINCT period_start) FROM named WHERE settlement_id IS NULL) AS not_open
    FROM sums
"""
_WRITE_TAKEN = text(_TAKEN + _WRITE)
_OPEN = text("""
    INSERT INTO settlement (agency_id, period_start, period_end)
    SELECT CAST(:agency AS integer), period_start,
        (period_start AT TIME ZONE :zone + interval '1 month') AT TIME ZONE :zone
    FROM unnest(CAST(:starts AS timestamptz[])) period_start
    ON CONFLICT (agency_id, period_start) DO NOTHING
""")
_FILLED = text("UPDATE settlement_progress SET filled_to = :until WHERE agency_id = :agency")
# A line stands in the month of the latest of three moments. Which other month it is, is asked only of those that moved.
_MISPLACED = text("""
    WITH misplaced AS MATERIALIZED (
        SELECT l.ledger_entry_id, greatest(e.created_at, t.departs_at, :first_open) AS latest
        FROM settlement s
        JOIN settlement_line l ON l.settlement_id = s.id
        JOIN ledger_entry e ON e.id = l.ledger_entry_id
        JOIN booking b ON b.id = l.booking_id
        JOIN trip t ON t.id = b.trip_id
        WHERE s.agency_id = :agency AND s.state = 'open' AND (
            greatest(e.created_at, t.departs_at, :first_open) < s.period_start
            OR greatest(e.created_at, t.departs_at, :first_open) >= s.period_end
            OR l.carried <> (t.departs_at < s.period_start))
    )
    SELECT ledger_entry_id, date_trunc('month', latest, :zone) FROM misplaced LIMIT :at_once
""")
_MOVE = text("""
    UPDATE settlement_line l SET settlement_id = s.id, carried = t.departs_at < s.period_start
    FROM unnest(CAST(:ids AS bigint[]), CAST(:starts AS timestamptz[])) m (id, period_start)
    JOIN settlement s ON s.agency_id = :agency AND s.period_start = m.period_start
    JOIN ledger_entry e ON e.id = m.id JOIN booking b ON b.id = e.booking_id JOIN trip t ON t.id = b.trip_id
    WHERE l.ledger_entry_id = m.id
""")
_ADD_UP = text("""
    UPDATE settlement s SET gross = sums.gross, commission = sums.commission, refunds = sums.refunds,
        cash_kept = sums.cash_kept, carried = sums.carried, lines = sums.lines
    FROM (
        SELECT s.id, count(l.amount) AS lines,
            coalesce(sum(l.amount) FILTER (WHERE l.kind = 'sale' AND NOT l.carried), 0) AS gross,
            coalesce(-sum(l.amount) FILTER (WHERE l.kind = 'commission' AND NOT l.carried), 0) AS commission,
            coalesce(-sum(l.amount) FILTER (WHERE l.kind = 'refund' AND NOT l.carried), 0) AS refunds,
            coalesce(-sum(l.amount) FILTER (WHERE l.kind = 'cash_kept' AND NOT l.carried), 0) AS cash_kept,
            coalesce(sum(l.amount) FILTER (WHERE l.carried), 0) AS carried
        FROM settlement s LEFT JOIN settlement_line l ON l.settlement_id = s.id
        WHERE s.agency_id = :agency AND s.state = 'open' GROUP BY s.id
    ) sums WHERE s.id = sums.id
        AND (s.gross, s.commission, s.refunds, s.cash_kept, s.carried, s.lines)
            IS DISTINCT FROM
            (sums.gross, sums.commission, sums.refunds, sums.cash_kept, sums.carried, sums.lines)
""")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who writes an agency's lines at present: up to when they are written, and the end of the last closed period."""

    agency_id: int
    zone: str
    filled_to: datetime
    first_open: datetime

    @property
    def values(self) -> dict[str, Any]:
        """Return what the statements of this module ask for."""
        return {
            "agency": self.agency_id,
            "zone": self.zone,
            "payable": payable(self.agency_id),
            "first_open": self.first_open,
        }


def hold(agency_id: int, *, wait: bool) -> Holder | None:
    """Lock an agency's progress until the transaction ends; None when somebody else has it and we do not wait."""
    statement = _HOLD_IN_TURN if wait else _HOLD_OR_LEAVE
    found = db.session.execute(statement, {"agency": agency_id}).first()
    if found is None:
        db.session.execute(_BEGIN, {"agency": agency_id})
        found = db.session.execute(statement, {"agency": agency_id}).first()
    if found is None:
        return None
    filled_to, zone, first_open = found
    return Holder(agency_id, zone, filled_to or LONG_AGO, first_open or LONG_AGO)


def fill_piece(holder: Holder, at_once: int = AT_ONCE) -> tuple[int, bool]:
    """Write the lines of the next `at_once` movements or so; how many were written, and whether more wait."""
    db.session.execute(PATIENCE)
    asked = {"agency": holder.agency_id, "filled_to": holder.filled_to, "at_once": at_once}
    until, more = db.session.execute(_UNTIL, asked).one()
    written = write_lines(holder, since=holder.filled_to - OVERLAP, until=until)
    db.session.execute(_FILLED, {"agency": holder.agency_id, "until": until})
    return written, more


def write_lines(holder: Holder, *, since: datetime, until: datetime) -> int:
    """Write every line that is missing of the movements of a stretch of time, both ends included; how many."""
    window = {**holder.values, "since": since, "until": until}
    written, not_open = db.session.execute(_WRITE_TAKEN, window).one()
    if not_open:
        _open(holder, not_open)
        written += db.session.execute(_WRITE_TAKEN, window).one()[0]
    return int(written)


def put_right(holder: Holder) -> None:
    """Move lines whose trip departs in another month by now, and add the open settlements up anew from their lines."""
    while moved := db.session.execute(_MISPLACED, {**holder.values, "at_once": AT_ONCE}).all():
        ids, starts = zip(*moved, strict=True)
        _open(holder, sorted(set(starts)))
        db.session.execute(_MOVE, {"agency": holder.agency_id, "ids": list(ids), "starts": list(starts)})
    db.session.execute(_ADD_UP, {"agency": holder.agency_id})


def _open(holder: Holder, starts: Sequence[datetime]) -> None:
    """Open the settlements of these months, where they are not."""
    db.session.execute(_OPEN, {"agency": holder.agency_id, "zone": holder.zone, "starts": list(starts)})


def look_again(agency_ids: Sequence[int]) -> None:
    """Have every movement of these agencies looked at again: something was posted with a date of the past."""
    statement = update(SettlementProgress).where(SettlementProgress.agency_id.in_(agency_ids)).values(filled_to=None)
    db.session.execute(statement)
