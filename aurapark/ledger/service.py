"""Writing the books: called inside the transaction that does what is posted, after every other lock."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from aurapark.extensions import db
from aurapark.ledger.errors import PostedOtherwise
from aurapark.ledger.models import EventType, LedgerEntry
from aurapark.ledger.rules import Posting
from aurapark.money import Money

EVENT_KEY = ("event_type", "event_id", "line")


def post(
    event_type: EventType,
    event_id: str,
    postings: Sequence[Posting],
    *,
    booking_id: int | None = None,
    agency_id: int | None = None,
) -> bool:
    """Write the movements of one event, in the transaction under way (one statement).

    Once: when the very same movements are there already, nothing happens and False is returned.
    `event_id` is a payment's `public_id`, a refund's id as text.

    Raises PostedOtherwise when the event was posted with other movements: roll back, this is a bug.
    """
    if not postings:
        raise ValueError(f"{event_type} {event_id} moves nothing")
    rows = [
        {
            "event_type": event_type,
            "event_id": event_id,
            "line": line,
            "debit": posting.debit,
            "credit": posting.credit,
            "amount": posting.amount.amount,
            "currency": posting.amount.currency,
            "booking_id": booking_id,
            "agency_id": agency_id,
        }
        for line, posting in enumerate(postings, 1)
    ]
    statement = insert(LedgerEntry).values(rows).on_conflict_do_nothing(index_elements=EVENT_KEY)
    written = db.session.scalars(statement.returning(LedgerEntry.line)).all()
    if len(written) == len(rows):
        return True
    if written or list_postings(event_type, event_id) != list(postings):
        raise PostedOtherwise(f"{event_type} {event_id}")
    return False


def list_postings(event_type: EventType, event_id: str) -> list[Posting]:
    """Return the movements of one event as they stand in the books, in order; none when it is not posted."""
    entries = db.session.execute(
        select(LedgerEntry.debit, LedgerEntry.credit, LedgerEntry.amount, LedgerEntry.currency)
        .where(LedgerEntry.event_type == event_type, LedgerEntry.event_id == event_id)
        .order_by(LedgerEntry.line)
    )
    return [Posting(entry.debit, entry.credit, Money(entry.amount, entry.currency)) for entry in entries]
