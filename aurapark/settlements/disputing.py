"""Disputing a line of a closed settlement, taking that back, and the platform's answer. Never commits.

A correction is a movement of its own in the ledger, written with the answer: the closed settlement stays as it is, and
the job that fills settlements puts it into the first period that is not closed. One person of the platform's finance
answers; what a correction brings in is paid like everything else, by two.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from aurapark import audit, states
from aurapark.agencies.models import Agency
from aurapark.agencies.statement_messages import StatementMessage, tell_agency, tell_finance
from aurapark.extensions import db
from aurapark.keyset import Page, Place, fetch_page
from aurapark.ledger import rules
from aurapark.ledger.models import EventType
from aurapark.ledger.service import post
from aurapark.money import Money
from aurapark.settlements.close import ENTITY
from aurapark.settlements.dispute_models import LineDispute, LineDisputeState
from aurapark.settlements.errors import (
    AnsweredAlready,
    CorrectionTooLarge,
    DisputedTooLate,
    LineDisputeNotFound,
    LineNotFound,
    NotClosedYet,
    NotDisputable,
)
from aurapark.settlements.models import LineKind, Settlement, SettlementLine, SettlementState
from aurapark.settlements.rules import month_of

WINDOW = timedelta(days=90)  # after the close
SHOWN = 20  # disputes on the page of a settlement


def dispute_line(settlement: Settlement, entry_id: int, *, by: int, actor: str, reason: str) -> LineDispute:
    """Dispute one line of a settlement of the agency.

    Raises LineNotFound, NotDisputable, NotClosedYet, DisputedTooLate, and DisputedAlready at the commit.
    """
    line = _line(settlement.id, entry_id)
    if line.kind == LineKind.CARRY:
        raise NotDisputable
    if settlement.state == SettlementState.OPEN or settlement.closed_at is None:
        raise NotClosedYet
    if db.session.scalar(select(func.now() > settlement.closed_at + WINDOW)):
        raise DisputedTooLate
    values = {"settlement_id": settlement.id, "agency_id": settlement.agency_id, "opened_by": by, "reason": reason}
    dispute = LineDispute(ledger_entry_id=line.ledger_entry_id, **values)
    db.session.add(dispute)
    db.session.flush()
    _note("settlement.dispute", dispute, actor=actor, reason=reason)
    _tell(dispute, settlement, StatementMessage.DISPUTED, StatementMessage.DISPUTE_NOTED)
    return dispute


def withdraw_dispute(settlement: Settlement, entry_id: int, *, by: int, actor: str) -> LineDispute:
    """Take back what was disputed, while it is not answered. Raises LineDisputeNotFound, AnsweredAlready."""
    dispute = _hold(settlement.id, entry_id)
    _end(dispute, LineDisputeState.WITHDRAWN, by=by)
    _note("settlement.dispute_withdraw", dispute, actor=actor, reason="withdrawn by the agency")
    _tell(dispute, settlement, StatementMessage.DISPUTE_WITHDRAWN, StatementMessage.DISPUTE_TAKEN_BACK)
    return dispute


def accept_dispute(
    settlement: Settlement, entry_id: int, amount: int, *, by: int, actor: str, reason: str
) -> LineDispute:
    """Correct a disputed line by an amount, + in favour of the agency: one movement, in the first period not closed.

    Raises LineDisputeNotFound, AnsweredAlready, CorrectionTooLarge.
    """
    dispute = _hold(settlement.id, entry_id)
    if not 0 < abs(amount) <= abs(_line(settlement.id, entry_id).amount):
        raise CorrectionTooLarge
    dispute.amount, dispute.answer = amount, reason
    _end(dispute, LineDisputeState.ACCEPTED, by=by)
    agency_id, given = settlement.agency_id, Money(abs(amount), settlement.currency)
    postings = rules.postings_for_correction(agency_id, amount=given, for_agency=amount > 0)
    post(EventType.CORRECTION, str(dispute.id), postings, agency_id=agency_id)
    _note("settlement.dispute_accept", dispute, actor=actor, reason=reason)
    _tell(dispute, settlement, None, StatementMessage.DISPUTE_ACCEPTED)
    return dispute


def refuse_dispute(settlement: Settlement, entry_id: int, *, by: int, actor: str, reason: str) -> LineDispute:
    """Leave a disputed line as it is. Raises LineDisputeNotFound, AnsweredAlready."""
    dispute = _hold(settlement.id, entry_id)
    dispute.answer = reason
    _end(dispute, LineDisputeState.REFUSED, by=by)
    _note("settlement.dispute_refuse", dispute, actor=actor, reason=reason)
    _tell(dispute, settlement, None, StatementMessage.DISPUTE_REFUSED)
    return dispute


def list_disputes(settlement_id: int) -> Sequence[LineDispute]:
    """Return the newest disputes of a settlement (one statement)."""
    wanted = select(LineDispute).where(LineDispute.settlement_id == settlement_id)
    return db.session.scalars(wanted.order_by(LineDispute.id.desc()).limit(SHOWN)).all()


def list_line_disputes(entry_id: int) -> Sequence[LineDispute]:
    """Return every dispute of a line, newest first: one at most that is not withdrawn (one statement)."""
    wanted = select(LineDispute).where(LineDispute.ledger_entry_id == entry_id)
    return db.session.scalars(wanted.order_by(LineDispute.id.desc()).limit(SHOWN)).all()


def list_all_disputes(state: LineDisputeState | None, *, after: Place | None = None) -> Page[Any]:
    """Return one page of disputes with their line and agency, newest first, in one state or in any (one statement)."""
    wanted: Any = (
        select(
            LineDispute.id,
            LineDispute.settlement_id,
            LineDispute.ledger_entry_id,
            LineDispute.state,
            LineDispute.reason,
            LineDispute.opened_at,
            LineDispute.amount,
            SettlementLine.kind,
            SettlementLine.amount.label("line_amount"),
            Agency.name.label("agency"),
            Agency.timezone,
            Settlement.period_start,
        )
        .join(SettlementLine, SettlementLine.ledger_entry_id == LineDispute.ledger_entry_id)
        .join(Settlement, Settlement.id == LineDispute.settlement_id)
        .join(Agency, Agency.id == LineDispute.agency_id)
    )
    wanted = wanted.where(LineDispute.state == state) if state else wanted
    return fetch_page(wanted, (LineDispute.id,), after=after)


def _line(settlement_id: int, entry_id: int) -> SettlementLine:
    line = db.session.get(SettlementLine, entry_id) if 0 < entry_id < 2**63 else None
    if line is None or line.settlement_id != settlement_id:
        raise LineNotFound
    return line


def _hold(settlement_id: int, entry_id: int) -> LineDispute:
    """Lock the newest dispute of a line: who comes second finds it answered."""
    line = _line(settlement_id, entry_id)
    wanted = select(LineDispute).where(LineDispute.ledger_entry_id == line.ledger_entry_id)
    locked = wanted.order_by(LineDispute.id.desc()).limit(1).with_for_update()
    dispute = db.session.scalars(locked.execution_options(populate_existing=True)).first()
    if dispute is None:
        raise LineDisputeNotFound
    return dispute


def _end(dispute: LineDispute, to: LineDisputeState, *, by: int) -> None:
    if dispute.state != LineDisputeState.OPEN:
        raise AnsweredAlready
    with db.session.no_autoflush:
        dispute.ended_by, dispute.ended_at = by, db.session.scalar(select(func.now()))
    states.move(dispute, to)
    db.session.flush()


def _note(action: str, dispute: LineDispute, *, actor: str, reason: str) -> None:
    after = {"state": dispute.state.value, "line": dispute.ledger_entry_id, "amount": dispute.amount}
    audit.record(action, ENTITY, str(dispute.settlement_id), actor=actor, reason=reason, after=after)


def _tell(
    dispute: LineDispute, settlement: Settlement, platform: StatementMessage | None, agency: StatementMessage
) -> None:
    zone = db.session.scalar(select(Agency.timezone).where(Agency.id == settlement.agency_id)) or "UTC"
    facts = {
        "settlement": settlement.id,
        "line": dispute.ledger_entry_id,
        "month": str(month_of(settlement.period_start, zone)),
        "amount": dispute.amount,
    }
    if platform is not None:
        tell_finance(platform, settlement.agency_id, dispute.id, facts)
    tell_agency(agency, settlement.agency_id, dispute.id, facts)
