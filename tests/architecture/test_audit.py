"""Whoever touches money or power says who, why, from what and to what: every call, read from the source."""

import ast
from collections.abc import Iterator

import pytest
from flask import Flask

from aurapark import audit
from aurapark.audit import PRIVILEGED, ReasonNeeded
from aurapark.database import in_transaction
from aurapark.reconciliation.doctor import read_invariants
from tests.architecture.test_source import ours

NEEDED = {"actor", "reason", "before", "after"}


def records() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call of audit.record with its action; a part that is only known later is left out."""
    for path, tree in ours():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _records(node):
                action = node.args[0]
                parts = action.values if isinstance(action, ast.JoinedStr) else [action]
                yield path, node, "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def _records(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    return name == "audit.record" or (name == "record" and bool(call.args) and isinstance(call.args[0], ast.Constant))


def test_privileged_actions_say_everything() -> None:
    found = {action: {word.arg for word in call.keywords} for _, call, action in records() if PRIVILEGED.match(action)}
    assert {"refund.approve", "refund.propose", "refund.retry", "payment.resolve", "case.resolve"} <= set(found)
    assert {action: NEEDED - said for action, said in found.items() if not said >= NEEDED} == {}


def test_every_action_has_a_name_of_two_words() -> None:
    odd = [(path, action) for path, _, action in records() if action and "." not in action]
    assert odd == []


def test_doctor_looks_for_the_same_actions() -> None:
    statement = next(one.sql for one in read_invariants() if one.id == "I26")
    assert f"'{PRIVILEGED.pattern}'" in statement


@pytest.mark.parametrize(("actor", "reason"), [("ada", ""), ("ada", None), ("ada", "  "), ("", "why"), (" ", "why")])
def test_nobody_acts_on_money_without_a_name_and_a_reason(app: Flask, actor: str, reason: str | None) -> None:
    with pytest.raises(ReasonNeeded):
        in_transaction(lambda: audit.record("refund.approve", "refund", "1", actor=actor, reason=reason))
