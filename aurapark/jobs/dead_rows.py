"""What people do about work that was given up: have it tried again, or dismiss it. Both say who and why."""

from collections.abc import Callable

from aurapark import audit, outbox
from aurapark.database import in_transaction
from aurapark.errors import N_, Conflict, Invalid, NotFound

REASON_LENGTH = 300


class RowNotFound(NotFound):
    sentence = N_("There is no such piece of work.")


class NotDead(Conflict):
    sentence = N_("Only work that was given up can be tried again or dismissed.")


class ReasonMissing(Invalid):
    sentence = N_("Say in a few words why.")


def retry_row(row_id: int, *, actor: str, reason: str) -> None:
    """Let a dead row be tried again at once, its tries counted anew. Raises RowNotFound, NotDead, ReasonMissing."""
    _act("outbox_retried", outbox.revive, row_id, actor, reason)


def dismiss_row(row_id: int, *, actor: str, reason: str) -> None:
    """Close a dead row for good: `done`, its last error kept. Raises RowNotFound, NotDead, ReasonMissing."""
    _act("outbox_dismissed", outbox.lay_to_rest, row_id, actor, reason)


def _act(action: str, change: Callable[[int], bool], row_id: int, actor: str, reason: str) -> None:
    said, who = reason.strip()[:REASON_LENGTH], actor.strip()
    if not said or not who:
        raise ReasonMissing

    def work() -> None:
        before = outbox.find_row(row_id)
        if before is None:
            raise RowNotFound
        was = {"state": before.state.value, "attempts": before.attempts, "error": before.last_error}
        if not change(row_id):
            raise NotDead
        after = outbox.find_row(row_id)
        now = {"state": after.state.value} if after else None
        audit.record(action, "outbox", str(row_id), actor=who, reason=said, before=was, after=now)

    in_transaction(work)
