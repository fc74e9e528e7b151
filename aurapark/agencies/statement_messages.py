"""What we tell people about statements: that one is ready, and about lines of one that are disputed.

A row of the outbox holds numbers, a month and the net; a reason that somebody wrote is read on the page.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import select

from aurapark import outbox
from aurapark.accounts.models import AgencyRole, Membership, PlatformRole, User
from aurapark.agencies.messages import MAIL, SMS
from aurapark.extensions import db

READERS = (AgencyRole.OWNER, AgencyRole.ACCOUNTANT)


class StatementMessage(StrEnum):
    """An occasion to write about a statement: the first two to the platform, the others to the agency."""

    DISPUTED = "disputed"
    DISPUTE_WITHDRAWN = "dispute_withdrawn"
    READY = "ready"
    DISPUTE_NOTED = "dispute_noted"
    DISPUTE_TAKEN_BACK = "dispute_taken_back"
    DISPUTE_ACCEPTED = "dispute_accepted"
    DISPUTE_REFUSED = "dispute_refused"


def tell_agency(message: StatementMessage, agency_id: int, occasion: int, facts: dict[str, Any]) -> None:
    """Tell an agency's owners and accountants, in the transaction under way, once an occasion (two statements)."""
    wanted = select(User.id, User.email).join(Membership, Membership.user_id == User.id)
    wanted = wanted.where(Membership.agency_id == agency_id, Membership.ended_at.is_(None))
    _tell(wanted.where(Membership.role.in_(READERS)), message, occasion, {**facts, "of": agency_id})


def tell_finance(message: StatementMessage, agency_id: int, occasion: int, facts: dict[str, Any]) -> None:
    """Tell the platform's finance, in the transaction under way, once for each occasion (two statements)."""
    wanted = select(User.id, User.email).where(User.platform_role == PlatformRole.FINANCE)
    _tell(wanted, message, occasion, {**facts, "of": agency_id})


def _tell(wanted: Any, message: StatementMessage, occasion: int, facts: dict[str, Any]) -> None:
    people = db.session.execute(wanted.where(User.disabled_at.is_(None), User.erased_at.is_(None)))
    outbox.publish(
        (
            MAIL if email else SMS,
            f"statement:{message}:{occasion}:{user_id}",
            {"statement": message.value, "user": user_id, **facts},
        )
        for user_id, email in people
    )
