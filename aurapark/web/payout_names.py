"""What the states, ways and steps of a payout are called on pages."""

from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _l

from aurapark.payouts.models import Payout, PayoutMethod, PayoutState
from aurapark.payouts.queries import REJECTED

PAYOUT_NAMES: dict[Any, Any] = {
    PayoutState.DRAFT: _l("to be approved"),
    PayoutState.APPROVED: _l("approved"),
    PayoutState.SENDING: _l("being sent"),
    PayoutState.SENT: _l("sent"),
    PayoutState.UNKNOWN: _l("not clear yet"),
    PayoutState.SUCCEEDED: _l("paid out"),
    PayoutState.FAILED: _l("not gone through"),
    REJECTED: _l("rejected"),
    PayoutMethod.FLUTTERWAVE: _l("transfer by Flutterwave"),
    PayoutMethod.OUTSIDE: _l("paid outside"),
}
STEPS = {
    "payout.prepare": _l("Prepared"),
    "payout.approve": _l("Approved"),
    "payout.reject": _l("Rejected"),
    "payout.send": _l("Being sent"),
    "payout.sent": _l("At the gateway"),
    "payout.unknown": _l("Not clear whether it was sent"),
    "payout.succeed": _l("Paid out"),
    "payout.fail": _l("Not gone through"),
}
KINDS = {PayoutState.SUCCEEDED: "success", PayoutState.FAILED: "error", PayoutState.UNKNOWN: "error"}


def init_app(app: Flask) -> None:
    """Give templates `payout_state`, `payout_kind`, `payout_way` and `payout_step`."""
    for function in (payout_state, payout_kind, payout_way, payout_step):
        app.add_template_global(function)


def payout_state(payout: Payout) -> str:
    """Return what the state of a payout is called; a draft that was rejected is that."""
    return str(PAYOUT_NAMES[REJECTED if payout.rejected_at else payout.state])


def payout_kind(payout: Payout) -> str:
    """Return the look of its tag."""
    return "strong" if payout.is_draft else KINDS.get(payout.state, "")


def payout_way(method: PayoutMethod) -> str:
    """Return how it is paid."""
    return str(PAYOUT_NAMES[method])


def payout_step(action: str) -> str:
    """Return what an entry of the audit log about a payout is called."""
    return str(STEPS.get(action, action))
