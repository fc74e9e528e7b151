"""Every job: its name, what it does, when it is due and how much it takes up at once.

The one list behind the scheduler, the sweeper, `aurapark jobs` and POST /api/jobs/…, and part of the worker's
allow-list. Work is claimed row by row with SKIP LOCKED, a lease or a lock, so that two runs of one kind at once share
it and never do the same thing: no run needs to wait for another one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aurapark.accounts.sweeps import forget_old
from aurapark.audit_chain import seal
from aurapark.checkout import sweeps
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.jobs.health import look_after_health
from aurapark.jobs.records import forget_runs
from aurapark.jobs.schedule import Cron, Every, Schedule
from aurapark.ledger.hours import fill_hours
from aurapark.notifications.alarms import raise_alarms
from aurapark.notifications.relay import send_due
from aurapark.notifications.reminders import remind
from aurapark.outbox import forget_done
from aurapark.payouts.sweep import process_payouts
from aurapark.reconciliation.gateway import reconcile_payments
from aurapark.reconciliation.rounds import go_round
from aurapark.settlements.calculate import calculate_settlements
from aurapark.settlements.fill import AT_ONCE
from aurapark.timetable.progress import advance_trips
from aurapark.timetable.service import keep_timetable_ahead
from aurapark.travellers.forget import forget_people

Work = Callable[[Settings, int], int]
SOON = Every(3)  # three times SWEEP_SECONDS, as often as the scheduler must so that the sweeper is not needed
MINUTELY = Every(12)
BY_NIGHT = Cron("20 2 * * *")


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of due work: done `limit` rows at a time, up to `times` times in a run.

    The scheduler asks for it at the ticks of `schedules`; the sweeper does it every so many `rounds`, 0: not at all.
    """

    name: str
    work: Work
    schedules: tuple[Schedule, ...]
    limit: int = 100
    times: int = 1
    rounds: int = 1


JOBS = (
    Job("process-webhooks", sweeps.process_events, (SOON,)),
    Job("check-payments", sweeps.check_open_payments, (SOON,), limit=1, times=50),
    Job("process-disputes", sweeps.process_disputes, (MINUTELY,), limit=1, times=20),  # before money is sent back
    Job("process-refunds", sweeps.process_refunds, (Cron("*/10 * * * *"), SOON), limit=1, times=50),
    Job("process-payouts", process_payouts, (SOON,), limit=1, times=20),
    Job("settle-reviews", sweeps.settle_reviews, (MINUTELY,), rounds=6),
    Job("reconcile-payments", reconcile_payments, (Cron("10 */6 * * *"), MINUTELY), limit=1, times=2),
    Job("expire-seats", sweeps.expire_holds, (Cron("*/5 * * * *"), MINUTELY)),
    Job("write-reminders", remind, (Cron("*/5 * * * *"),), times=20, rounds=12),
    Job("raise-alarms", raise_alarms, (Cron("*/5 * * * *"),), rounds=12),
    Job("send-notifications", send_due, (Cron("* * * * *"), SOON), limit=1, times=200),
    Job("cleanup-idempotency", sweeps.forget_keys, (BY_NIGHT,), limit=1000, times=20, rounds=60),
    Job("forget-accounts", forget_old, (BY_NIGHT,), limit=1000, times=20, rounds=60),
    Job("forget-people", forget_people, (BY_NIGHT,), limit=500, times=20, rounds=60),
    Job("forget-limits", sweeps.forget_limits, (BY_NIGHT,), limit=1000, times=20, rounds=60),
    Job("forget-work", lambda _, limit: in_transaction(lambda: forget_done(limit)), (BY_NIGHT,), 1000, 20, 60),
    Job("forget-forged-events", sweeps.forget_forged_events, (BY_NIGHT,), limit=1000, times=20, rounds=60),
    Job("seal-audit-log", lambda _, limit: in_transaction(lambda: seal(limit)), (MINUTELY,), limit=500, times=20),
    Job(
        "fill-ledger-hours",
        lambda _, limit: in_transaction(lambda: fill_hours(limit)),
        (Cron("11 * * * *"),),
        24,
        60,
        12,
    ),
    Job("forget-runs", lambda _, limit: in_transaction(lambda: forget_runs(limit)), (BY_NIGHT,), 1000, 20, 60),
    Job("advance-trips", lambda _, limit: in_transaction(lambda: advance_trips(limit)), (MINUTELY,), rounds=6),
    Job("extend-timetable", lambda _, __: in_transaction(keep_timetable_ahead), (Cron("15 * * * *"),), rounds=360),
    Job(
        "calculate-settlements",
        calculate_settlements,
        (Cron("30 1 1 * *"), MINUTELY),
        limit=AT_ONCE,
        times=50,
        rounds=12,
    ),
    Job("doctor", go_round, (Cron("*/5 * * * *"),), limit=1, rounds=6),
    Job("health", look_after_health, (Cron("*/5 * * * *"),), rounds=0),
)
BY_NAME = {job.name: job for job in JOBS}
