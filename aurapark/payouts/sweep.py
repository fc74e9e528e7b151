"""Payouts that are due, as a plain function: called by the sweeper and by workers, in any number of processes at once.

The only place that knows which gateway sends money. One client per process, made when first needed.
"""

from datetime import timedelta
from functools import lru_cache

from aurapark.agencies.payout_accounts import sealer_for
from aurapark.config import Settings
from aurapark.errors import Unavailable
from aurapark.log import log_failure
from aurapark.payments.flutterwave_transfers import FlutterwaveTransfers
from aurapark.payments.models import Provider
from aurapark.payments.transfers import Transfers
from aurapark.payouts.rules import Patience
from aurapark.payouts.send import process_due_payout


@lru_cache(maxsize=4)
def transfers_for(settings: Settings) -> Transfers | None:
    """Return what sends money and follows it; None without a key: then agencies are only paid outside."""
    if not settings.flutterwave_secret_key:
        return None
    return FlutterwaveTransfers(settings.flutterwave_base_url, settings.flutterwave_secret_key)


def can_send(settings: Settings) -> bool:
    """Say whether new payouts may be prepared as transfers: the gateway in use is one that sends them."""
    return settings.payment_gateway == Provider.FLUTTERWAVE and transfers_for(settings) is not None


def process_payouts(settings: Settings, limit: int) -> int:
    """Send payouts that are due and ask about those under way, longest first, one by one under their lease."""
    transfers = transfers_for(settings)
    if transfers is None:
        return 0
    base, lease = timedelta(seconds=settings.retry_base_seconds), timedelta(seconds=settings.lease_seconds)
    for taken in range(limit):
        if not _payout_safely(settings, transfers, Patience(base, lease)):
            return taken
    return limit


def _payout_safely(settings: Settings, transfers: Transfers, patience: Patience) -> bool:
    sealer = sealer_for((settings.secret_key, *settings.secret_key_fallbacks))
    try:
        return process_due_payout(transfers=transfers, sealer=sealer, patience=patience)
    except Unavailable:
        raise
    except Exception as error:  # it is due again when its lease ends; the next one is not held up
        log_failure("payout_step_failed", error)
        return True
