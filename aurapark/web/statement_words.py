"""What the parts of a statement are called, on pages and in files."""

from enum import StrEnum
from typing import Any

from babel.dates import format_skeleton
from flask import Flask
from flask_babel import lazy_gettext as _l

from aurapark.ledger.models import EventType
from aurapark.settlements.dispute_models import LineDisputeState
from aurapark.settlements.models import LineKind, SettlementState
from aurapark.settlements.rules import Month
from aurapark.web.formats import language

NAMES: dict[type[StrEnum], dict[Any, Any]] = {
    LineKind: {
        LineKind.SALE: _l("Sale"),
        LineKind.COMMISSION: _l("Commission"),
        LineKind.REFUND: _l("Refund"),
        LineKind.CASH_KEPT: _l("Cash you have"),
        LineKind.CARRY: _l("Debt of the month before"),
        LineKind.CORRECTION: _l("Correction"),
    },
    SettlementState: {
        SettlementState.OPEN: _l("open"),
        SettlementState.CLOSED: _l("closed"),
        SettlementState.PAID: _l("paid"),
    },
    LineDisputeState: {
        LineDisputeState.OPEN: _l("waits for an answer"),
        LineDisputeState.ACCEPTED: _l("corrected"),
        LineDisputeState.REFUSED: _l("refused"),
        LineDisputeState.WITHDRAWN: _l("withdrawn"),
    },
    EventType: {
        EventType.PAYMENT: _l("Payment"),
        EventType.REVIEW_APPLIED: _l("Payment used after a check"),
        EventType.REFUND_DUE: _l("Refund due"),
        EventType.REFUND_WITHDRAWN: _l("Refund withdrawn"),
        EventType.REFUND: _l("Refund in cash"),
        EventType.DISPUTE_LOST: _l("Payment taken back by the payer's bank"),
        EventType.CARRY_IN: _l("Debt taken over"),
        EventType.CORRECTION: _l("Answer to a disputed line"),
    },
}
KINDS: dict[Any, str] = {SettlementState.CLOSED: "strong", SettlementState.PAID: "success"}


def statement_word(value: StrEnum) -> str:
    """Return what a kind of line, an event, a state of a settlement or of a dispute is called."""
    return str(NAMES[type(value)].get(value, value.value))


def statement_tag(value: StrEnum) -> str:
    """Return the look of a state's tag."""
    return KINDS.get(value, "")


def month_name(month: Month) -> str:
    """Return a month in the reader's language: `octobre 2026`."""
    return str(format_skeleton("yMMMM", month.first_day, locale=language()))


def init_app(app: Flask) -> None:
    """Give templates `statement_word`, `statement_tag` and `month_name`."""
    for function in (statement_word, statement_tag, month_name):
        app.add_template_global(function)
