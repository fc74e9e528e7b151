"""What the platform decides about an agency: whether it is on sale, and its commission. Never commits.

A sale reads the agency's state in its own transaction, at the hold and again when a payment starts, so that nothing
begins to be sold after a suspension was committed. Money that is already under way still confirms, tickets stay good.
"""

from aurapark import audit, states
from aurapark.agencies.errors import AgencySuspended, WrongAgencyState
from aurapark.agencies.models import Agency, AgencyState
from aurapark.agencies.queries import get_agency
from aurapark.log import log_event

ENTITY = "agency"
LEGAL = ("legal_name", "legal_address", "rccm", "niu")
ACTIONS = {AgencyState.PENDING: "agency.accept", AgencyState.SUSPENDED: "agency.reactivate"}


def activate(agency_id: int, *, actor: str, reason: str) -> Agency:
    """Put an agency on sale: a new one, or one that was suspended. Raises AgencyNotFound, WrongAgencyState."""
    agency = get_agency(agency_id, lock=True)
    action = ACTIONS.get(agency.state)
    if action is None:
        raise WrongAgencyState
    _move(agency, AgencyState.ACTIVE, action, actor=actor, reason=reason)
    return agency


def suspend(agency_id: int, *, actor: str, reason: str) -> Agency:
    """Take an agency off sale. Raises AgencyNotFound, WrongAgencyState."""
    agency = get_agency(agency_id, lock=True)
    if not states.may_move(agency, AgencyState.SUSPENDED):
        raise WrongAgencyState
    _move(agency, AgencyState.SUSPENDED, "agency.suspend", actor=actor, reason=reason)
    return agency


def set_commission(agency_id: int, percent: int | None, *, actor: str, reason: str) -> Agency:
    """Set the share of new bookings' fares that the platform keeps; None: the platform's usual one.

    Bookings that are there keep the rate that is frozen on them. Raises AgencyNotFound.
    """
    agency = get_agency(agency_id, lock=True)
    if agency.commission_percent == percent:
        return agency
    before, after = {"percent": agency.commission_percent}, {"percent": percent}
    agency.commission_percent = percent
    audit.record("commission.change", ENTITY, str(agency.id), actor=actor, reason=reason, before=before, after=after)
    log_event("commission_changed", agency=agency.id)
    return agency


def set_legal_data(agency_id: int, data: dict[str, str | None], *, actor: str, reason: str) -> Agency:
    """Set what an agency is called in the registers (`LEGAL`), for its statements. Raises AgencyNotFound."""
    agency = get_agency(agency_id, lock=True)
    before = {name: getattr(agency, name) for name in LEGAL}
    if before == data:
        return agency
    agency.legal_name, agency.legal_address = data["legal_name"], data["legal_address"]
    agency.rccm, agency.niu = data["rccm"], data["niu"]
    audit.record("agency.legal", ENTITY, str(agency.id), actor=actor, reason=reason, before=before, after=data)
    log_event("agency_legal", agency=agency.id)
    return agency


def require_not_suspended(agency: Agency) -> None:
    """Raise AgencySuspended where a suspended agency may change nothing: trips, fares, its payout account."""
    if agency.state == AgencyState.SUSPENDED:
        raise AgencySuspended


def _move(agency: Agency, to: AgencyState, action: str, *, actor: str, reason: str) -> None:
    before, after = {"state": agency.state.value}, {"state": to.value}
    states.move(agency, to)
    audit.record(action, ENTITY, str(agency.id), actor=actor, reason=reason, before=before, after=after)
    log_event(action.replace(".", "_"), agency=agency.id)
