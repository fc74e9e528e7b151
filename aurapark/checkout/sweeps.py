"""Work that is due, as plain functions: called by the sweeper and by workers, in any number of processes at once.

Each takes up to `limit` rows and returns how many it took up; one bad row never delays the rest.
"""

from datetime import timedelta

from aurapark.checkout.confirm import check_payment
from aurapark.checkout.expire import expire_hold, list_lapsed_holds
from aurapark.checkout.gateways import gateway_for, signer_for, terms_for
from aurapark.checkout.webhooks import process_webhooks
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.errors import DomainError
from aurapark.log import log_event, log_failure
from aurapark.payments.service import claim_due_check


def process_events(settings: Settings, limit: int) -> int:
    """Work off stored webhooks."""
    return process_webhooks(limit, base=timedelta(seconds=settings.retry_base_seconds))


def check_open_payments(settings: Settings, limit: int) -> int:
    """Ask the gateway about attempts whose question is due, longest first.

    They are taken one by one, each under its lease: a process that dies holds up only what it had in hand.
    """
    lease = timedelta(seconds=settings.lease_seconds)
    for taken in range(limit):
        tx_ref = in_transaction(lambda: claim_due_check(lease))
        if tx_ref is None:
            return taken
        check_safely(settings, tx_ref)
    return limit


def check_safely(settings: Settings, tx_ref: str) -> None:
    """Check one attempt; a failure is logged and its question is due again when the lease ends."""
    try:
        check_payment(tx_ref, gateway=gateway_for(settings), signer=signer_for(settings), terms=terms_for(settings))
    except DomainError as error:
        log_event("check_refused", tx_ref=tx_ref, why=type(error).__name__)
    except Exception as error:
        log_failure("check_failed", error, tx_ref=tx_ref)


def expire_holds(settings: Settings, limit: int) -> int:
    """Tidy up holds whose time is over and that nobody is paying."""
    terms = terms_for(settings)
    return sum(_expire_safely(reference) for reference in list_lapsed_holds(limit, terms=terms))


def _expire_safely(reference: str) -> bool:
    try:
        return expire_hold(reference)
    except Exception as error:
        log_failure("expiry_failed", error, booking=reference)
        return False
