"""Asking several servers at once, for a bounded time, whatever is down."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

_threads = ThreadPoolExecutor(4, thread_name_prefix="bounded")


def ask_all(*questions: Callable[[], Any], seconds: float) -> list[Any]:
    """Return the answers in order; None for one that failed or is not there in time."""
    asked: list[Future[Any]] = [_threads.submit(question) for question in questions]
    wait(asked, timeout=seconds)
    return [_answer(future) for future in asked]


def _answer(future: "Future[Any]") -> Any:
    if not future.done() or future.exception() is not None:
        future.cancel()
        return None
    return future.result()
