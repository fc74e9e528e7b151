"""Telling an agency's owners and accountants that they were paid. Never commits."""

from sqlalchemy import select

from aurapark.accounts.models import AgencyRole, Membership, User
from aurapark.agencies.messages import tell_about_payout
from aurapark.agencies.models import Agency
from aurapark.agencies.payout_models import PayoutAccount
from aurapark.extensions import db
from aurapark.payouts.models import Payout
from aurapark.settlements.models import Settlement
from aurapark.settlements.rules import month_of

TOLD = (AgencyRole.OWNER, AgencyRole.ACCOUNTANT)


def tell_paid(payout: Payout, settlement: Settlement) -> None:
    """Write the messages of a payout that arrived, in the transaction under way."""
    agency = db.session.get_one(Agency, payout.agency_id)
    account = db.session.get(PayoutAccount, payout.account_id) if payout.account_id else None
    people = select(User.id, User.email).join(Membership, Membership.user_id == User.id)
    working = people.where(Membership.agency_id == agency.id, Membership.ended_at.is_(None))
    readers = working.where(Membership.role.in_(TOLD), User.disabled_at.is_(None), User.erased_at.is_(None))
    facts: dict[str, int | str] = {
        "agency_id": agency.id,
        "settlement": settlement.id,
        "month": str(month_of(settlement.period_start, agency.timezone)),
        "amount": payout.amount,
        "currency": payout.currency,
        "ending": account.ending if account else "",
    }
    tell_about_payout(payout.id, facts, [(row.id, bool(row.email)) for row in db.session.execute(readers)])
