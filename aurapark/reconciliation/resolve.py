"""A case resolved by a person, with a reason: the money is refunded, applied, put on a booking, or nothing is to do."""

from collections.abc import Callable
from dataclasses import dataclass

from aurapark.audit import ReasonNeeded
from aurapark.cases.errors import CaseClosed, CaseInOtherHands, CaseNotFits
from aurapark.cases.models import Case, CaseKind, CaseState, Resolution
from aurapark.cases.queries import get_case
from aurapark.cases.service import resolve_case, take_case
from aurapark.checkout.attach import attach_charge
from aurapark.checkout.gateways import gateway_for, signer_for, terms_for
from aurapark.checkout.refund_by_hand import retry_refund
from aurapark.checkout.reviews import apply_review, refund_review
from aurapark.checkout.withdraw import ask_again
from aurapark.config import Settings
from aurapark.database import in_transaction

# What is decided about a case of each kind; the rest is closed with a reason.
FITS = {
    Resolution.REFUND: (CaseKind.REVIEW, CaseKind.REFUND_WITHDRAWN),
    Resolution.APPLY: (CaseKind.REVIEW,),
    Resolution.ATTACH: (CaseKind.UNKNOWN_CHARGE,),
    Resolution.RETRY: (CaseKind.REFUND_FAILED,),
}
MONEY_WAITS = (CaseKind.REVIEW, CaseKind.REFUND_FAILED)  # never closed without a deed


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided, who and why; `reference` is the booking a charge is put on."""

    resolution: Resolution
    actor: str
    reason: str
    reference: str | None = None


def actions_for(kind: CaseKind) -> list[Resolution]:
    """Return what a person may decide about a case of this kind."""
    fitting = [resolution for resolution, kinds in FITS.items() if kind in kinds]
    return fitting if kind in MONEY_WAITS else [*fitting, Resolution.NONE]


def take(case_id: int, *, actor: str) -> Case:
    """Put a case into somebody's hands. Raises CaseNotFound, CaseClosed, ReasonNeeded."""
    return in_transaction(lambda: take_case(case_id, actor=actor))


def resolve(case_id: int, decision: Decision, settings: Settings) -> Case:
    """Do what was decided and close the case, in one transaction.

    Money under review must be refunded or applied, a refund that failed sent again or paid by hand
    (`aurapark refunds`): money never stays without a fate.
    Raises CaseNotFound, CaseClosed, CaseInOtherHands, CaseNotFits, ReasonNeeded, and what the deed itself raises.
    """
    case = get_case(case_id)
    _require(case, decision)
    deeds: dict[Resolution, Callable[[], object]] = {
        Resolution.REFUND: lambda: _refund(case, decision),
        Resolution.APPLY: lambda: apply_review(
            _tx_ref(case), actor=decision.actor, reason=decision.reason, signer=signer_for(settings)
        ),
        Resolution.ATTACH: lambda: _attach(case, decision, settings),
        Resolution.RETRY: lambda: retry_refund(
            int(case.details["refund"]), actor=decision.actor, reason=decision.reason
        ),
        Resolution.NONE: lambda: in_transaction(
            lambda: resolve_case(case_id, actor=decision.actor, reason=decision.reason, resolution=Resolution.NONE)
        ),
    }
    deeds[decision.resolution]()
    return get_case(case_id)


def _require(case: Case, decision: Decision) -> None:
    if not decision.actor.strip() or not decision.reason.strip():
        raise ReasonNeeded
    if case.state == CaseState.RESOLVED:
        raise CaseClosed
    if case.owner not in (None, decision.actor.strip()):
        raise CaseInOtherHands(owner=case.owner)
    fits = case.kind in FITS.get(decision.resolution, [kind for kind in CaseKind if kind not in MONEY_WAITS])
    if not fits or (decision.resolution == Resolution.ATTACH) != bool(decision.reference):
        raise CaseNotFits(action=decision.resolution.value, kind=case.kind.value)


def _refund(case: Case, decision: Decision) -> None:
    actor, reason = decision.actor, decision.reason
    if case.kind == CaseKind.REVIEW:
        refund_review(_tx_ref(case), actor=actor, reason=reason)
    else:
        ask_again(int(case.details["refund"]), case_id=case.id, actor=actor, reason=reason)


def _attach(case: Case, decision: Decision, settings: Settings) -> None:
    attach_charge(
        _tx_ref(case),
        str(case.details["charge"]),
        decision.reference or "",
        case_id=case.id,
        actor=decision.actor,
        reason=decision.reason,
        gateway=gateway_for(settings),
        signer=signer_for(settings),
        terms=terms_for(settings),
    )


def _tx_ref(case: Case) -> str:
    return str(case.details["tx_ref"])
