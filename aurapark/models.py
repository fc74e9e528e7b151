"""All models, imported once so that the metadata is complete: for migrations and tests."""

from aurapark.accounts import factor_models as factors
from aurapark.accounts import models as accounts
from aurapark.agencies import models as agencies
from aurapark.agencies import payout_models as payouts
from aurapark.audit import AuditChain, AuditEntry
from aurapark.booking import models as booking
from aurapark.cases import models as cases
from aurapark.disputes import models as disputes
from aurapark.fares import models as fares
from aurapark.fleet import models as fleet
from aurapark.heartbeat import Heartbeat
from aurapark.jobs import models as jobs
from aurapark.ledger import hour_models as hours
from aurapark.ledger import models as ledger
from aurapark.limits import models as limits
from aurapark.notifications import models as notifications
from aurapark.outbox import OutboxRow
from aurapark.payments import models as payments
from aurapark.payouts import models as agency_payouts
from aurapark.reconciliation import models as reconciliation
from aurapark.refunds import models as refunds
from aurapark.refunds import proposal_models as refund_proposals
from aurapark.settlements import dispute_models as line_disputes
from aurapark.settlements import models as settlements
from aurapark.timetable import holiday_models as holidays
from aurapark.timetable import models as timetable

__all__ = [
    "AuditChain",
    "AuditEntry",
    "Heartbeat",
    "OutboxRow",
    "accounts",
    "agencies",
    "agency_payouts",
    "booking",
    "cases",
    "disputes",
    "factors",
    "fares",
    "fleet",
    "holidays",
    "hours",
    "jobs",
    "ledger",
    "limits",
    "line_disputes",
    "notifications",
    "payments",
    "payouts",
    "reconciliation",
    "refund_proposals",
    "refunds",
    "settlements",
    "timetable",
]
