"""What people decide about a payout: prepare it, approve it as a second person, reject it, ask the gateway again."""

from sqlalchemy import func

from aurapark import states
from aurapark.booking.service import database_now
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.payouts import service
from aurapark.payouts.errors import NoTransfers, NotUnderWay
from aurapark.payouts.models import OPEN_STATES, Payout, PayoutMethod, PayoutState
from aurapark.payouts.outcome import lock_with_settlement, settle
from aurapark.payouts.service import Wanted


def prepare_payout(settlement_id: int, wanted: Wanted, *, by: int, reason: str, can_send: bool) -> int:
    """Prepare a payout, and return its number. `can_send`: there is a gateway that sends transfers.

    Raises NoTransfers, and what `service.prepare` does.
    """
    if wanted.proof is None and not can_send:
        raise NoTransfers
    return in_transaction(lambda: service.prepare(settlement_id, wanted, by=by, reason=reason).id)


def approve_payout(payout_id: int, *, by: int, reason: str) -> None:
    """Approve a payout: due to be sent at once, or booked when it was paid outside.

    Raises PayoutNotFound, NotADraft, SecondPersonNeeded, AgencyIsSuspended, AccountChanged.
    """

    def work() -> None:
        payout, settlement = lock_with_settlement(payout_id)
        service.approve(payout, by=by, reason=reason)
        if payout.method == PayoutMethod.OUTSIDE:
            _pass_through(payout)
            settle(payout, settlement, now=database_now())

    in_transaction(work)


def reject_payout(payout_id: int, *, by: int, reason: str) -> None:
    """Reject a draft. Raises PayoutNotFound, NotADraft."""
    in_transaction(lambda: service.reject(service.lock_payout(payout_id), by=by, reason=reason))


def ask_about_payout(payout_id: int) -> None:
    """Make the next question about a payout due at once. Raises PayoutNotFound, NotUnderWay."""

    def work() -> None:
        payout = service.lock_payout(payout_id)
        if payout.state not in (*OPEN_STATES, PayoutState.SUCCEEDED) or payout.method == PayoutMethod.OUTSIDE:
            raise NotUnderWay
        payout.next_check_at = func.now()

    in_transaction(work)


def _pass_through(payout: Payout) -> None:
    """What was paid outside was sent by people: its states are gone through in one transaction."""
    for state in (PayoutState.SENDING, PayoutState.SENT):
        states.move(payout, state)
        db.session.flush()
