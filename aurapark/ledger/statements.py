"""The books as people and programs read them: balances, and the way of one booking's money."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aurapark.ledger.models import LedgerEntry
from aurapark.ledger.queries import Balance

NOTHING = "Nothing was posted."


def balances_as_text(balances: Sequence[Balance]) -> str:
    """Return one line an account: debit +, credit −."""
    rows = [(balance.account, f"{balance.amount:,}", balance.currency) for balance in balances]
    return _table(("account", "balance", "currency"), rows, right=1)


def balances_as_document(balances: Sequence[Balance]) -> dict[str, Any]:
    """Return the balances as plain values, ready for JSON."""
    return {"balances": [asdict(balance) for balance in balances]}


def entries_as_text(entries: Sequence[LedgerEntry]) -> str:
    """Return one line a movement, in order, with its event: the amount leaves `credit` and arrives on `debit`."""
    rows = [
        (
            entry.created_at.strftime("%Y-%m-%d %H:%M:%S"),
            f"{entry.event_type} {entry.event_id}",
            entry.debit,
            entry.credit,
            f"{entry.amount:,}",
            entry.currency,
        )
        for entry in entries
    ]
    return _table(("at (UTC)", "event", "debit", "credit", "amount", "currency"), rows, right=4)


def entries_as_document(reference: str, entries: Sequence[LedgerEntry]) -> dict[str, Any]:
    """Return a booking's movements as plain values, ready for JSON."""
    return {
        "bookingRef": reference,
        "entries": [
            {
                "entryId": entry.id,
                "createdAt": entry.created_at.isoformat(),
                "eventType": entry.event_type.value,
                "eventId": entry.event_id,
                "line": entry.line,
                "debit": entry.debit,
                "credit": entry.credit,
                "amount": entry.amount,
                "currency": entry.currency,
            }
            for entry in entries
        ],
    }


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: int) -> str:
    """Line the cells up; the column `right` holds numbers."""
    if not rows:
        return NOTHING
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place == right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    )
