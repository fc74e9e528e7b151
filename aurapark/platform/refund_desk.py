"""Refunds as the money desk reads them: the queue, why each waits, and what is proposed beside the policy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from aurapark.agencies.models import Agency
from aurapark.audit import AuditEntry
from aurapark.booking.models import Booking
from aurapark.extensions import db
from aurapark.keyset import Page, Place, fetch_all, fetch_page
from aurapark.payments.models import Payment, PaymentState
from aurapark.refunds.errors import RefundNotFound
from aurapark.refunds.models import OPEN_STATES, Refund, RefundState
from aurapark.refunds.proposal_models import ProposalState, RefundProposal

MAX_ID = 2**63 - 1
MOST_ENTRIES = 50
MOST_PROPOSALS = 50
KEY = (Refund.created_at, Refund.id)
COLUMNS: tuple[Any, ...] = (
    Refund.id, Refund.created_at, Refund.state, Refund.reason, Refund.amount, Refund.currency, Refund.failure,
    Refund.handler, Refund.next_check_at, Refund.succeeded_at, Refund.gateway_refund_id, Payment.tx_ref,
    Payment.id.label("payment_id"), Payment.state.label("payment_state"), Booking.reference, Agency.name,
    Agency.short_name,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RefundView:
    """One refund with its payment, its sale, and what the audit log says of it, newest first."""

    refund: Refund
    payment: Payment
    booking: Booking
    agency: Agency
    entries: Sequence[AuditEntry]

    @property
    def withdrawable(self) -> bool:
        """Say whether it was never sent, so that it can still be taken back."""
        return self.refund.state == RefundState.REQUESTED and not self.refund.posts


@dataclass(frozen=True, slots=True)
class RefundSearch:
    """Which refunds are wanted; `open` stands for every state that is not an end."""

    state: str = ""
    reason: str = ""
    tx_ref: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_refunds(search: RefundSearch, *, after: Place | None = None) -> Page[Any]:
    """Return one page of refunds, newest first (one statement)."""
    return fetch_page(_refunds(search), KEY, after=after)


def each_refund(search: RefundSearch) -> Iterator[Any]:
    """Yield all of them in the same order."""
    return fetch_all(_refunds(search), KEY)


def list_proposals() -> Sequence[Any]:
    """Return the oldest proposals that nobody has decided, with payment, booking and agency (one statement)."""
    statement = (
        select(RefundProposal, Payment.tx_ref, Booking.reference, Agency.name)
        .join(Payment, Payment.id == RefundProposal.payment_id)
        .join(Booking, Booking.id == Payment.booking_id)
        .join(Agency, Agency.id == Booking.agency_id)
        .where(RefundProposal.state == ProposalState.PROPOSED)
    )
    return db.session.execute(statement.order_by(RefundProposal.id).limit(MOST_PROPOSALS)).all()


def get_refund_view(refund_id: int) -> RefundView:
    """Return one refund with what is known about it (two statements). Raises RefundNotFound."""
    statement = (
        select(Refund, Payment, Booking, Agency)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Booking, Booking.id == Payment.booking_id)
        .join(Agency, Agency.id == Booking.agency_id)
        .where(Refund.id == (refund_id if 0 < refund_id <= MAX_ID else 0))
    )
    row = db.session.execute(statement).first()
    if row is None:
        raise RefundNotFound
    mine = AuditEntry.entity == "refund", AuditEntry.entity_id == str(refund_id)
    entries = db.session.scalars(select(AuditEntry).where(*mine).order_by(AuditEntry.id.desc()).limit(MOST_ENTRIES))
    return RefundView(row[0], row[1], row[2], row[3], entries.all())


def why_it_waits(state: RefundState, payment_state: PaymentState, failure: str | None, handler: str | None) -> str:
    """Return in one word why a refund is where it is: what the pages put into a sentence."""
    if state in (RefundState.REQUESTED, RefundState.SENDING) and payment_state == PaymentState.DISPUTED:
        return "disputed"
    if state == RefundState.FAILED:
        return "approval" if handler else "person"
    if state == RefundState.REQUESTED:
        return "balance" if failure else "next"
    return {RefundState.UNKNOWN: "lost", RefundState.SENT: "gateway", RefundState.SENDING: "sending"}.get(state, "")


def _refunds(search: RefundSearch) -> Select[Any]:
    wanted: Select[Any] = (
        select(*COLUMNS)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Booking, Booking.id == Payment.booking_id)
        .join(Agency, Agency.id == Booking.agency_id)
    )
    if search.state == "open":
        wanted = wanted.where(Refund.state.in_((*OPEN_STATES, RefundState.FAILED)))
    elif search.state:
        wanted = wanted.where(Refund.state == search.state)
    if search.reason:
        wanted = wanted.where(Refund.reason == search.reason)
    if search.tx_ref:
        wanted = wanted.where(Payment.tx_ref == search.tx_ref)
    if search.since:
        wanted = wanted.where(Refund.created_at >= search.since)
    if search.until:
        wanted = wanted.where(Refund.created_at < search.until)
    return wanted
