"""A gateway's books against ours: charges, refunds, transfers, disputes, settlements, day by day, daily and on demand.

Running it again, or in several processes at once, changes nothing more.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache, partial

from aurapark.checkout.gateways import gateway_for
from aurapark.checkout.sweeps import check_safely
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.log import log_event
from aurapark.payments.flutterwave_calls import Calls
from aurapark.payments.flutterwave_lists import FlutterwaveLists
from aurapark.payments.gateway import Gateway, GatewayError
from aurapark.payments.gateway_lists import GatewayLists
from aurapark.payments.models import Provider
from aurapark.payments.stripe_calls import StripeCalls
from aurapark.payments.stripe_lists import StripeLists
from aurapark.reconciliation.charges import reconcile_charges
from aurapark.reconciliation.disputes import take_up_disputes
from aurapark.reconciliation.refunds import reconcile_refunds
from aurapark.reconciliation.report import AskAgain, Report
from aurapark.reconciliation.schedule import claim_day, finish_day
from aurapark.reconciliation.settlements import book_settlements
from aurapark.reconciliation.transfers import reconcile_transfers


@lru_cache(maxsize=4)
def lists_for(settings: Settings) -> GatewayLists:
    """Return the lists of the gateway of these settings."""
    if gateway_for(settings).provider == Provider.STRIPE:
        return StripeLists(StripeCalls(settings.stripe_base_url, settings.stripe_secret_key))
    return FlutterwaveLists(Calls(settings.flutterwave_base_url, settings.flutterwave_secret_key))


def reconcile(from_day: date, to_day: date, *, gateway: Gateway, lists: GatewayLists, ask_again: AskAgain) -> Report:
    """Compare these days (UTC, both included). Raises GatewayError when a list could not be read."""
    report = Report()
    for number in range((to_day - from_day).days + 1):
        day = from_day + timedelta(days=number)
        reconcile_charges(day, gateway, lists, ask_again, report)
        reconcile_refunds(day, gateway, lists, report)
        reconcile_transfers(day, gateway.provider, lists, report)
        take_up_disputes(day, gateway.provider, lists, report)
        book_settlements(day, gateway.provider, lists, report)
    log_event("reconciled", days=f"{from_day}..{to_day}", found=report.as_text())
    return report


def asking_again(settings: Settings) -> AskAgain:
    """Return the confirm story of these settings: it records what the gateway verifies."""
    return partial(check_safely, settings)


def reconcile_payments(settings: Settings, limit: int) -> int:
    """Compare up to so many days that are due: the nightly work. Returns how many it took up."""
    lists = lists_for(settings)
    return _count(limit, lambda: _reconcile_due_day(settings, lists))


def _reconcile_due_day(settings: Settings, lists: GatewayLists) -> bool:
    gateway = gateway_for(settings)
    day = in_transaction(lambda: claim_day(gateway.provider))
    if day is None:
        return False
    try:
        reconcile(day, day, gateway=gateway, lists=lists, ask_again=asking_again(settings))
    except GatewayError as error:
        log_event("reconciliation_unanswered", day=day, why=error)
        return False
    in_transaction(lambda: finish_day(gateway.provider, day))
    return True


def _count(limit: int, work: Callable[[], bool]) -> int:
    done = 0
    while done < limit and work():
        done += 1
    return done
