"""What one comparison of a gateway's books with ours came to."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from aurapark.cases.models import CaseKind
from aurapark.cases.service import open_case
from aurapark.database import in_transaction

AskAgain = Callable[[str], None]  # takes a tx_ref of ours; the confirm story


@dataclass(slots=True)
class Report:
    """Counts: rows compared, asked about again, recorded by that, booked, cases opened, and questions not answered."""

    charges: int = 0
    refunds: int = 0
    transfers: int = 0
    disputes: int = 0
    settlements: int = 0
    recorded: int = 0
    asked_again: int = 0
    booked: int = 0
    opened: int = 0
    unanswered: int = 0

    def open(self, kind: CaseKind, entity: str, entity_id: str, details: dict[str, Any]) -> None:
        """Open a case in a transaction of its own, and count it when it is new."""
        self.opened += in_transaction(lambda: open_case(kind, entity, entity_id, details))

    def as_text(self) -> str:
        """Return the counts as one line."""
        return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in asdict(self).items())
