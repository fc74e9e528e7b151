"""Disputes in tests: opened and closed as a gateway tells them, and time that passes for them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from aurapark.checkout.dispute_checks import process_due_dispute
from aurapark.database import in_transaction
from aurapark.disputes.models import Dispute
from aurapark.disputes.service import report_dispute
from aurapark.extensions import db
from aurapark.payments.gateway import DisputeOutcome
from tests.fakes import FakeGateway
from tests.refunding import PATIENCE


def look(gateway: Any) -> bool:
    """Ask about one dispute that is due."""
    return process_due_dispute(gateway=gateway, patience=PATIENCE)


def tell(gateway: FakeGateway, charge_id: str, amount: int, outcome: DisputeOutcome, dispute_id: str = "") -> str:
    """Have a dispute stand so at the gateway, and an event name it; returns its id. Nobody has asked yet."""
    dispute = gateway.dispute(charge_id, amount, outcome, dispute_id=dispute_id)
    in_transaction(lambda: report_dispute(gateway.provider.value, dispute.dispute_id, charge_id))
    return dispute.dispute_id


def disputes() -> list[Dispute]:
    """All disputes as they are now, oldest first."""
    db.session.expire_all()
    return list(db.session.query(Dispute).order_by(Dispute.id))


def dispute_states() -> list[str]:
    """The states of all disputes, oldest first."""
    return [dispute.state.value for dispute in disputes()]


def time_passes(by: timedelta) -> None:
    """Let time pass for all disputes."""
    moved = text("UPDATE dispute SET next_check_at = next_check_at - :by")
    in_transaction(lambda: db.session.execute(moved, {"by": by}))
