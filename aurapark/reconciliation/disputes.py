"""A gateway's disputes of one day: those no event told us of are taken up."""

from datetime import date

from aurapark.database import in_transaction, let_go
from aurapark.disputes.service import report_dispute
from aurapark.log import log_event
from aurapark.payments.gateway import GatewayNotNow, GatewayRefused
from aurapark.payments.gateway_lists import GatewayLists
from aurapark.payments.models import Provider
from aurapark.reconciliation.report import Report


def take_up_disputes(day: date, provider: Provider, lists: GatewayLists, report: Report) -> None:
    """Have every dispute of a day (UTC) asked about. Raises GatewayNotNow, GatewayUncertain.

    A gateway that clearly keeps no such list is not asked again that day: events and people tell us.
    """
    let_go()
    try:
        listed = lists.list_disputes(day, day)
    except GatewayNotNow:
        raise
    except GatewayRefused as error:
        log_event("disputes_not_listed", gateway=provider, why=error)
        return
    for dispute in listed:
        report.disputes += 1
        name, charge_id = dispute.dispute_id, dispute.charge_id
        report.asked_again += in_transaction(lambda: report_dispute(provider.value, name, charge_id))  # noqa: B023
