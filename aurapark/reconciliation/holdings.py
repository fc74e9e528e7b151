"""I17: the clearing account of a gateway against what its own lists say it holds for us."""

from collections import defaultdict
from datetime import UTC, date, timedelta

from sqlalchemy import func, select

from aurapark import clock
from aurapark.database import let_go
from aurapark.disputes.queries import sum_taken
from aurapark.extensions import db
from aurapark.ledger.queries import list_balances
from aurapark.ledger.rules import clearing
from aurapark.payments.gateway import SUCCESSFUL, RefundOutcome
from aurapark.payments.gateway_lists import GatewayLists
from aurapark.payments.models import Payment, Provider
from aurapark.payments.rules import whole_amount
from aurapark.payments.transfers import TransferOutcome
from aurapark.reconciliation.doctor import Finding, Verdict

ID, FINDS = "I17", "a clearing account that is not what the gateway holds for us"


def examine_holdings(provider: Provider, lists: GatewayLists) -> Finding:
    """Compare by currency. True once everything that happened there was reconciled; reads the lists from the first day.

    Raises GatewayRefused, GatewayUncertain.
    """
    account, first_day = clearing(provider), _first_day(provider)
    today = clock.now().date()
    let_go()
    theirs = _held(lists, first_day or today, today)
    ours = defaultdict(int, {balance.currency: balance.amount for balance in list_balances(account)})
    for currency, taken in sum_taken(provider):  # their lists still show these charges
        ours[currency] += taken
    rows = [
        {"account": account, "currency": currency, "ours": ours.get(currency, 0), "theirs": theirs.get(currency, 0)}
        for currency in sorted({*ours, *theirs})
        if ours.get(currency, 0) != theirs.get(currency, 0)
    ]
    verdict = Verdict.FOUND if rows else Verdict.CLEAN
    return Finding(ID, FINDS, verdict, len(rows), rows)


def _held(lists: GatewayLists, first: date, last: date) -> dict[str, int]:
    """Return charges less refunds and transfers that are done less what was settled, by currency, in whole units."""
    charges = {one.gateway_tx_id: one for one in lists.list_transactions(first, last) if one.status == SUCCESSFUL}
    held: dict[str, int] = defaultdict(int)
    for charge in charges.values():
        held[charge.currency] += whole_amount(charge)
    for refund in lists.list_gateway_refunds(first, last):
        if refund.outcome == RefundOutcome.SUCCEEDED and refund.charge_id in charges:
            held[charges[refund.charge_id].currency] -= int(refund.amount)
    for transfer in lists.list_transfers(first, last):
        if transfer.outcome == TransferOutcome.SUCCEEDED:
            held[transfer.currency] -= int(transfer.amount) + transfer.whole_fee
    for settlement in lists.list_settlements(first, last):
        if settlement.done:
            held[settlement.currency] -= int(settlement.taken)
    return held


def _first_day(provider: Provider) -> date | None:
    first = db.session.scalar(select(func.min(Payment.created_at)).where(Payment.provider == provider))
    return first and first.astimezone(UTC).date() - timedelta(days=1)
