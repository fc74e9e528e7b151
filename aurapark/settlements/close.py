"""Closing a month of an agency: its last lines, its sums for good, its debt carried to the next. Never commits."""

from sqlalchemy import func, select, text

from aurapark import audit, states
from aurapark.agencies.statement_messages import StatementMessage, tell_agency
from aurapark.extensions import db
from aurapark.ledger import rules
from aurapark.ledger.models import EventType
from aurapark.ledger.service import post
from aurapark.money import Money
from aurapark.settlements.errors import (
    AlreadyClosed,
    EarlierPeriodOpen,
    PeriodNotOver,
    SettlementNotFound,
    TripsNotOver,
)
from aurapark.settlements.fill import OVERLAP, PATIENCE, Holder, put_right, write_lines
from aurapark.settlements.models import Settlement, SettlementState
from aurapark.settlements.rules import month_of
from aurapark.timetable.models import ON_SALE_STATES, Trip

ENTITY = "settlement"
OVER = "the month is over"

_NEXT = text("""
    INSERT INTO settlement (agency_id, period_start, period_end)
    VALUES (:agency, :start, (CAST(:start AS timestamptz) AT TIME ZONE :zone + interval '1 month') AT TIME ZONE :zone)
    ON CONFLICT (agency_id, period_start) DO NOTHING
""")
_CARRY = text("""
    WITH line AS (
        INSERT INTO settlement_line (ledger_entry_id, settlement_id, kind, carried, amount)
        SELECT e.id, s.id, 'carry', TRUE, -e.amount
        FROM ledger_entry e JOIN settlement s ON s.agency_id = :agency AND s.period_start = :start
        WHERE e.event_type = 'carry_in' AND e.event_id = :event
        RETURNING settlement_id, amount
    )
    UPDATE settlement s SET carried = s.carried + line.amount, lines = s.lines + 1
    FROM line WHERE s.id = line.settlement_id
""")


def close(holder: Holder, settlement_id: int, *, actor: str, reason: str = OVER) -> Settlement:
    """Close one settlement of the agency that is held.

    Raises SettlementNotFound, AlreadyClosed, PeriodNotOver, EarlierPeriodOpen, TripsNotOver.
    """
    settlement = _lock(holder, settlement_id)
    _require_over(settlement)
    db.session.execute(PATIENCE)
    write_lines(holder, since=settlement.period_start - OVERLAP, until=settlement.period_end)
    put_right(holder)
    db.session.refresh(settlement)
    now = db.session.scalar(select(func.now()))
    states.move(settlement, SettlementState.CLOSED)
    settlement.closed_at = now
    db.session.flush()
    after = {"net": settlement.net, "lines": settlement.lines, "period": settlement.period_start.isoformat()}
    audit.record("settlement.close", ENTITY, str(settlement.id), actor=actor, reason=reason, after=after)
    if settlement.net < 0:
        _carry(holder, settlement)
    facts = {"settlement": settlement.id, "month": str(month_of(settlement.period_start, holder.zone))}
    tell_agency(StatementMessage.READY, holder.agency_id, settlement.id, {**facts, "net": settlement.net})
    return settlement


def _lock(holder: Holder, settlement_id: int) -> Settlement:
    statement = select(Settlement).where(Settlement.id == settlement_id, Settlement.agency_id == holder.agency_id)
    locked = statement.with_for_update().execution_options(populate_existing=True)
    settlement = db.session.scalars(locked).first()
    if settlement is None:
        raise SettlementNotFound
    return settlement


def _require_over(settlement: Settlement) -> None:
    """Raise what is in the way of closing: the database's clock decides, and every trip must have left."""
    if settlement.state != SettlementState.OPEN:
        raise AlreadyClosed
    if db.session.scalar(select(func.now() < settlement.period_end)):
        raise PeriodNotOver
    before = select(Settlement.id).where(
        Settlement.agency_id == settlement.agency_id,
        Settlement.state == SettlementState.OPEN,
        Settlement.period_start < settlement.period_start,
    )
    if db.session.scalar(select(before.exists())):
        raise EarlierPeriodOpen
    waiting = select(Trip.id).where(
        Trip.agency_id == settlement.agency_id,
        Trip.departs_at >= settlement.period_start,
        Trip.departs_at < settlement.period_end,
        Trip.state.in_(ON_SALE_STATES),
    )
    if db.session.scalar(select(waiting.exists())):
        raise TripsNotOver


def _carry(holder: Holder, settlement: Settlement) -> None:
    """Post that the agency owes us, and make it the first line of the very next period."""
    owed, event = Money(-settlement.net, settlement.currency), str(settlement.id)
    agency_id = settlement.agency_id
    post(EventType.CARRY_OUT, event, rules.postings_for_carry_out(agency_id, owed=owed), agency_id=agency_id)
    post(EventType.CARRY_IN, event, rules.postings_for_carry_in(agency_id, owed=owed), agency_id=agency_id)
    values = {"agency": agency_id, "start": settlement.period_end, "zone": holder.zone, "event": event}
    db.session.execute(_NEXT, values)
    db.session.execute(_CARRY, values)
