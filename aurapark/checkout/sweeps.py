"""Work that is due, as plain functions: called by the sweeper and by workers, in any number of processes at once.

Each takes up to `limit` rows and returns how many it took up; one bad row never delays the rest.
"""

from datetime import timedelta

from aurapark.checkout.confirm import check_payment
from aurapark.checkout.dispute_checks import process_due_dispute
from aurapark.checkout.expire import expire_hold, list_lapsed_holds
from aurapark.checkout.gateways import gateway_for, other_gateway_for, patience_for, signer_for, terms_for
from aurapark.checkout.refund import process_due_refund
from aurapark.checkout.reviews import list_reviews_with_a_rule, settle_review
from aurapark.checkout.webhooks import process_webhooks, sweep_forged
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.errors import DomainError, Unavailable
from aurapark.limits.service import forget_old
from aurapark.log import log_event, log_failure
from aurapark.payments.gateway import Gateway
from aurapark.payments.idempotency import sweep_idempotency
from aurapark.payments.queries import find_payment
from aurapark.payments.service import claim_due_check
from aurapark.refunds.rules import Patience


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
    """Check one attempt; a failure is logged and its question is due again when the lease ends.

    Raises Unavailable when the database is away: whoever goes round stops this round.
    """
    try:
        gateway = _gateway_of(settings, tx_ref)
        check_payment(tx_ref, gateway=gateway, signer=signer_for(settings), terms=terms_for(settings))
    except Unavailable:
        raise
    except DomainError as error:
        log_event("check_refused", tx_ref=tx_ref, why=type(error).__name__)
    except Exception as error:
        log_failure("check_failed", error, tx_ref=tx_ref)


def expire_holds(settings: Settings, limit: int) -> int:
    """Tidy up holds whose time is over and that nobody is paying."""
    terms = terms_for(settings)
    return sum(_expire_safely(reference) for reference in list_lapsed_holds(limit, terms=terms))


def process_refunds(settings: Settings, limit: int) -> int:
    """Send refunds that are due and ask about those under way, longest first, one by one under their lease."""
    patience = patience_for(settings)
    for taken in range(limit):
        if not _refund_safely(settings, patience):
            return taken
    return limit


def process_disputes(settings: Settings, limit: int) -> int:
    """Ask about disputes that are due, longest first, one by one under their lease."""
    patience = patience_for(settings)
    for taken in range(limit):
        if not _dispute_safely(settings, patience):
            return taken
    return limit


def settle_reviews(settings: Settings, limit: int) -> int:
    """Give money that was kept for people the fate its rule asks for, now that there is one."""
    return sum(_settle_safely(settings, tx_ref) for tx_ref in list_reviews_with_a_rule(limit))


def forget_keys(_settings: Settings, limit: int) -> int:
    """Forget idempotency keys whose 72 hours are over."""
    return in_transaction(lambda: sweep_idempotency(limit))


def forget_limits(_settings: Settings, limit: int) -> int:
    """Forget locked and counted rows that no limit looks at any more."""
    return in_transaction(lambda: forget_old(limit))


def forget_forged_events(_settings: Settings, limit: int) -> int:
    """Forget forged events that are old or too many."""
    return in_transaction(lambda: sweep_forged(limit))


def _gateway_of(settings: Settings, tx_ref: str) -> Gateway:
    """Return the gateway an attempt was begun with, as long as its key is there."""
    chosen, payment = gateway_for(settings), find_payment(tx_ref)
    same = payment is None or payment.provider == chosen.provider
    return chosen if same else other_gateway_for(settings) or chosen


def _refund_safely(settings: Settings, patience: Patience) -> bool:
    try:
        other = other_gateway_for(settings)
        done = process_due_refund(gateway=gateway_for(settings), patience=patience)
        return done or (other is not None and process_due_refund(gateway=other, patience=patience))
    except Unavailable:
        raise
    except Exception as error:  # it is due again when its lease ends; the next one is not held up
        log_failure("refund_step_failed", error)
        return True


def _dispute_safely(settings: Settings, patience: Patience) -> bool:
    try:
        other = other_gateway_for(settings)
        done = process_due_dispute(gateway=gateway_for(settings), patience=patience)
        return done or (other is not None and process_due_dispute(gateway=other, patience=patience))
    except Unavailable:
        raise
    except Exception as error:  # it is due again when its lease ends; the next one is not held up
        log_failure("dispute_step_failed", error)
        return True


def _settle_safely(settings: Settings, tx_ref: str) -> bool:
    try:
        return settle_review(tx_ref, signer=signer_for(settings))
    except Unavailable:
        raise
    except Exception as error:
        log_failure("review_not_settled", error, tx_ref=tx_ref)
        return False


def _expire_safely(reference: str) -> bool:
    try:
        return expire_hold(reference)
    except Unavailable:
        raise
    except Exception as error:
        log_failure("expiry_failed", error, booking=reference)
        return False
