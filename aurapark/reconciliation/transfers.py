"""A gateway's transfers of one day against our payouts: one we do not know, or that stands otherwise, is a case."""

from datetime import date

from sqlalchemy import select

from aurapark.cases.models import CaseKind
from aurapark.database import in_transaction, let_go
from aurapark.extensions import db
from aurapark.payments.gateway_lists import GatewayLists
from aurapark.payments.models import Provider
from aurapark.payments.transfers import GatewayTransfer, TransferOutcome
from aurapark.payouts.models import Payout, PayoutState
from aurapark.payouts.outcome import describe
from aurapark.payouts.service import ENTITY, make_payout_due
from aurapark.reconciliation.report import Report

FOLLOWED = (PayoutState.SENDING, PayoutState.SENT, PayoutState.UNKNOWN)


def reconcile_transfers(day: date, provider: Provider, lists: GatewayLists, report: Report) -> None:
    """Compare the transfers of a day (UTC). Raises GatewayError when the list could not be read."""
    let_go()
    for transfer in lists.list_transfers(day, day):
        report.transfers += 1
        _compare(transfer, provider, report)


def _compare(theirs: GatewayTransfer, provider: Provider, report: Report) -> None:
    ours = db.session.scalars(select(Payout).where(Payout.reference == theirs.reference)).first()
    if ours is None:
        if theirs.outcome != TransferOutcome.FAILED:  # one that failed moved no money
            entity_id = f"{provider}/{theirs.transfer_id}"
            report.open(CaseKind.UNKNOWN_TRANSFER, "gateway_transfer", entity_id, describe(theirs))
    elif _differs(ours, theirs):
        known = {"payout": ours.id, "state": ours.state.value, "amount": ours.amount, "currency": ours.currency}
        report.open(CaseKind.PAYOUT_DIFFERS, ENTITY, str(ours.id), {**known, "theirs": describe(theirs)})
    elif ours.state in FOLLOWED and theirs.outcome != TransferOutcome.SENT:
        report.asked_again += in_transaction(lambda: make_payout_due(theirs.reference))


def _differs(ours: Payout, theirs: GatewayTransfer) -> bool:
    """Say whether a person must look: another sum, done here and not there, or there and not here."""
    if (ours.amount, ours.currency) != (int(theirs.amount), theirs.currency):
        return True
    if theirs.outcome == TransferOutcome.FAILED:
        return ours.state == PayoutState.SUCCEEDED
    return ours.state in (PayoutState.DRAFT, PayoutState.FAILED)
