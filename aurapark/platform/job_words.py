"""What each job does, in words for people."""

from aurapark.errors import N_
from aurapark.jobs.models import Source

JOB_WORDS = {
    "process-webhooks": N_("Works off the gateways' events."),
    "check-payments": N_("Asks the gateway about open payments."),
    "process-disputes": N_("Asks the gateway about disputes."),
    "process-refunds": N_("Sends refunds and asks what became of them."),
    "process-payouts": N_("Sends payouts to agencies and asks what became of them."),
    "settle-reviews": N_("Lets money under review pay its booking where nobody has to decide."),
    "reconcile-payments": N_("Compares the gateway's books with ours."),
    "expire-seats": N_("Lets go of holds whose time is over."),
    "write-reminders": N_("Writes reminders before trips."),
    "raise-alarms": N_("Writes to the operator about forged events and open cases."),
    "send-notifications": N_("Sends SMS and mail."),
    "cleanup-idempotency": N_("Forgets old keys of requests."),
    "forget-accounts": N_("Forgets old sessions, codes and links."),
    "forget-people": N_("Forgets guests' names and phones when their time has come."),
    "forget-limits": N_("Forgets old tries and counters."),
    "forget-work": N_("Forgets messages that were sent long ago."),
    "forget-forged-events": N_("Forgets old forged events."),
    "seal-audit-log": N_("Seals new entries of the audit log."),
    "fill-ledger-hours": N_("Adds up the books hour by hour."),
    "forget-runs": N_("Forgets old runs of jobs."),
    "advance-trips": N_("Lets trips board, leave and arrive by the clock."),
    "extend-timetable": N_("Makes the trips of the days ahead."),
    "calculate-settlements": N_("Fills settlements, and closes months that are over."),
    "doctor": N_("Examines whether the books and the bookings are right."),
    "health": N_("Looks whether every part of the service works."),
}
SOURCES = {
    Source.SCHEDULER: N_("by the clock"),
    Source.SWEEPER: N_("by the sweeper"),
    Source.API: N_("from outside"),
    Source.COMMAND: N_("from the command line"),
    Source.DESK: N_("by somebody on this page"),
}
