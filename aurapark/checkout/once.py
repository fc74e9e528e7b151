"""Doing a call once: whoever repeats it with the same idempotency key gets the first answer again."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aurapark.database import in_transaction
from aurapark.payments import idempotency
from aurapark.payments.idempotency import Answer, Claim


def with_idempotency(
    caller: str, key: str, body: Mapping[str, Any], *, lease: timedelta, work: Callable[[], Answer]
) -> Answer:
    """Do the work unless the caller's key has an answer; the key is committed before, the answer after it.

    `work` is a story with transactions and network calls of its own. When it raises, the key is let go, so that the
    same call may be tried again. When the process dies, the key is free once the lease is over: the work then runs
    a second time and must bear it.

    Raises KeyReused, StillRunning, and what `work` raises.
    """
    claim = in_transaction(lambda: idempotency.claim_key(caller, key, body, lease=lease))
    if not isinstance(claim, Claim):
        return claim
    try:
        answer = work()
    except Exception:
        in_transaction(lambda: idempotency.let_key_go(claim))
        raise
    in_transaction(lambda: idempotency.keep_answer(claim, answer))
    return answer
