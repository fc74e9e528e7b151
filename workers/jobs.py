"""Every job a worker may run, by name: wake-ups about what just happened, and the ticks of the schedule.

Arguments are ids, and for a tick its time; what a job does is a story that lives elsewhere.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aurapark.checkout import sweeps
from aurapark.jobs.models import Source
from aurapark.jobs.registry import JOBS as BY_CLOCK
from aurapark.jobs.runs import run_job
from aurapark.notifications.relay import send_due
from aurapark.payouts.sweep import process_payouts as process_due_payouts
from aurapark.settings import current_settings

AT_ONCE = 20
TICK = re.compile(r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ", re.ASCII)


def check_payment(tx_ref: str) -> None:
    """Ask about one attempt now, and send what came of it."""
    settings = current_settings()
    sweeps.check_safely(settings, tx_ref)
    send_due(settings, AT_ONCE)


def process_webhooks() -> None:
    """Work off stored events, ask about what they name, and send what came of it."""
    settings = current_settings()
    sweeps.process_events(settings, AT_ONCE)
    sweeps.check_open_payments(settings, AT_ONCE)
    sweeps.process_disputes(settings, AT_ONCE)
    sweeps.process_refunds(settings, AT_ONCE)
    process_due_payouts(settings, AT_ONCE)
    send_due(settings, AT_ONCE)


def process_payouts() -> None:
    """Send payouts that are due, ask about those under way, and send what came of it."""
    settings = current_settings()
    process_due_payouts(settings, AT_ONCE)
    send_due(settings, AT_ONCE)


def process_refunds() -> None:
    """Send refunds that are due, ask about those under way, and send what came of it."""
    settings = current_settings()
    sweeps.process_refunds(settings, AT_ONCE)
    send_due(settings, AT_ONCE)


def send_messages() -> None:
    """Send messages that are due."""
    send_due(current_settings(), AT_ONCE)


def run_tick(name: str, tick: str, source: str = Source.SCHEDULER) -> None:
    """Run a job of the registry for one tick of its schedule, or of the desk's button, at most once."""
    run_job(name, current_settings(), Source(source), tick=datetime.fromisoformat(tick))


JOBS: dict[str, Callable[..., Any]] = {
    "check_payment": check_payment,
    "process_payouts": process_payouts,
    "process_refunds": process_refunds,
    "process_webhooks": process_webhooks,
    "send_messages": send_messages,
    **{job.name: partial(run_tick, job.name) for job in BY_CLOCK},
}
TICKS = frozenset(job.name for job in BY_CLOCK)
BY = ((), (Source.DESK.value,))  # who asked, after the tick: nobody, the schedule did
WITH_ID = frozenset(["check_payment"])


def takes(name: str, ids: Sequence[str]) -> bool:
    """Say whether a job of this name may be run with these ids."""
    if name in TICKS:
        return bool(ids) and tuple(ids[1:]) in BY and TICK.fullmatch(ids[0]) is not None
    return name in JOBS and len(ids) == (1 if name in WITH_ID else 0)


def as_id(tick: datetime) -> str:
    """Return a tick as the id that its job carries."""
    return f"{tick.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
