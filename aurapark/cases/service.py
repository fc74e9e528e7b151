"""Opening, taking and resolving cases: called inside one transaction, after booking, payments and claims are locked."""

from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from aurapark import audit, states
from aurapark.audit import ReasonNeeded
from aurapark.cases.errors import CaseClosed, CaseInOtherHands, CaseMoved, CaseNotFound
from aurapark.cases.models import Case, CaseKind, CaseState, Resolution
from aurapark.extensions import db


def open_case(kind: CaseKind, entity: str, entity_id: str, details: dict[str, Any]) -> bool:
    """Open a case unless it is open, or was resolved with the very same details; says whether it is new.

    Any number of processes may say the same at once: it is opened once.
    """
    same = (Case.kind == kind) & (Case.entity == entity) & (Case.entity_id == entity_id)
    decided = select(Case.id).where(same, Case.state == CaseState.RESOLVED, Case.details == details)
    row = select(literal(kind.value), literal(entity), literal(entity_id), literal(details, JSONB)).where(
        ~decided.exists()
    )
    statement = insert(Case).from_select(["kind", "entity", "entity_id", "details"], row).on_conflict_do_nothing()
    case_id = db.session.scalar(statement.returning(Case.id))
    if case_id is None:
        return False
    after = {"kind": kind.value, "entity": entity, "entity_id": entity_id}
    audit.record("case.open", "case", str(case_id), after=after)
    return True


def hand_case(kind: CaseKind, entity: str, entity_id: str, details: dict[str, Any], *, owner: str) -> None:
    """Open a case that is in somebody's hands from the beginning, or put the one that is open there."""
    open_case(kind, entity, entity_id, details)
    same = (Case.kind == kind) & (Case.entity == entity) & (Case.entity_id == entity_id)
    if case := _lock(same & (Case.state != CaseState.RESOLVED)):
        take_case(case.id, actor=owner)


def take_case(case_id: int, *, actor: str) -> Case:
    """Put a case into somebody's hands, out of another's too. Raises CaseNotFound, CaseClosed, ReasonNeeded."""
    case = _lock(Case.id == case_id)
    if case is None:
        raise CaseNotFound
    before = _standing(case)
    _take(case, actor)
    after = _standing(case)
    audit.record("case.take", "case", str(case.id), actor=actor, reason="taken", before=before, after=after)
    return case


def hand_over(case_id: int, *, to: str, seen: str | None, actor: str, reason: str) -> Case:
    """Put a case into the hands of somebody, oneself too; `seen` is who had it on the page of whoever decides.

    Raises CaseNotFound, CaseClosed, CaseMoved, ReasonNeeded.
    """
    case = _lock(Case.id == case_id)
    if case is None:
        raise CaseNotFound
    if case.state != CaseState.RESOLVED and case.owner != seen:
        raise CaseMoved
    before = _standing(case)
    _take(case, to)
    after = _standing(case)
    audit.record("case.take", "case", str(case.id), actor=actor, reason=reason, before=before, after=after)
    return case


def resolve_case(case_id: int, *, actor: str, reason: str, resolution: Resolution) -> Case:
    """Close a case; one that nobody has in hand is taken with that.

    Raises CaseNotFound, CaseClosed, CaseInOtherHands, ReasonNeeded.
    """
    case = _lock(Case.id == case_id)
    if case is None:
        raise CaseNotFound
    _resolve(case, actor, reason, resolution)
    return case


def resolve_review(payment_id: str, *, actor: str, reason: str, resolution: Resolution) -> None:
    """Close the case of a payment under review, by its public id, when it has one; a rule asks no owner.

    Raises CaseInOtherHands, ReasonNeeded.
    """
    mine = (Case.kind == CaseKind.REVIEW) & (Case.entity == "payment") & (Case.entity_id == payment_id)
    case = _lock(mine & (Case.state != CaseState.RESOLVED))
    if case is not None:
        _resolve(case, actor, reason, resolution)


def resolve_refund(refund_id: int, *, actor: str, reason: str, resolution: Resolution) -> None:
    """Close the cases of a refund of ours, when it has any; a rule asks no owner.

    Raises CaseInOtherHands, ReasonNeeded.
    """
    kinds = (CaseKind.REFUND_FAILED, CaseKind.REFUND_OVERDUE)
    mine = Case.kind.in_(kinds) & (Case.entity == "refund") & (Case.entity_id == str(refund_id))
    while case := _lock(mine & (Case.state != CaseState.RESOLVED)):
        _resolve(case, actor, reason, resolution)


def resolve_payout(payout_id: int, *, actor: str, reason: str) -> None:
    """Close the cases of a payout of ours that is over, or was followed by another one; it asks no owner."""
    kinds = (CaseKind.PAYOUT_FAILED, CaseKind.PAYOUT_OVERDUE)
    mine = Case.kind.in_(kinds) & (Case.entity == "payout") & (Case.entity_id == str(payout_id))
    while case := _lock(mine & (Case.state != CaseState.RESOLVED)):
        _resolve(case, actor, reason, Resolution.RULE)


def resolve_dispute(dispute_id: int, *, actor: str, reason: str, resolution: Resolution) -> None:
    """Close the case of a dispute of ours, when it has one; a rule asks no owner.

    Raises CaseInOtherHands, ReasonNeeded.
    """
    mine = (Case.kind == CaseKind.DISPUTE) & (Case.entity == "dispute") & (Case.entity_id == str(dispute_id))
    case = _lock(mine & (Case.state != CaseState.RESOLVED))
    if case is not None:
        _resolve(case, actor, reason, resolution)


def _resolve(case: Case, actor: str, reason: str, resolution: Resolution) -> None:
    if not reason.strip():
        raise ReasonNeeded
    if case.owner not in (None, actor) and resolution != Resolution.RULE and case.state != CaseState.RESOLVED:
        raise CaseInOtherHands(owner=case.owner)
    before = _standing(case)
    _take(case, actor)
    now = db.session.scalar(select(func.now()))
    states.move(case, CaseState.RESOLVED)
    case.resolved_at = now
    case.resolution, case.reason = resolution, reason.strip()
    db.session.flush()
    after = {**_standing(case), "resolution": resolution.value, "kind": case.kind.value, "entity_id": case.entity_id}
    audit.record("case.resolve", "case", str(case.id), actor=actor, reason=case.reason, before=before, after=after)


def _standing(case: Case) -> dict[str, Any]:
    return {"state": case.state.value, "owner": case.owner}


def _take(case: Case, actor: str) -> None:
    if not actor.strip():
        raise ReasonNeeded
    if case.state == CaseState.RESOLVED:
        raise CaseClosed
    if case.state == CaseState.OPEN:
        states.move(case, CaseState.IN_HAND)
    case.owner = actor.strip()
    db.session.flush()


def _lock(which) -> Case | None:  # type: ignore[no-untyped-def]  # SQLAlchemy expressions
    statement = select(Case).where(which).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).first()
