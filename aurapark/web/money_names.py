"""What fates, cases, disputes, proposals and movements of money are called on the platform's pages."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from aurapark.cases.models import CaseKind, CaseState, Resolution
from aurapark.disputes.models import DisputeState
from aurapark.ledger.models import EventType
from aurapark.payments.models import Disposition
from aurapark.refunds.models import RefundReason
from aurapark.refunds.proposal_models import ProposalState

MONEY_NAMES: dict[type[StrEnum], dict[Any, Any]] = {
    Disposition: {
        Disposition.APPLIED: _l("pays the booking"),
        Disposition.REFUND: _l("goes back"),
        Disposition.REVIEW: _l("under review"),
    },
    RefundReason: {
        RefundReason.TRAVELLER: _l("cancelled by the traveller"),
        RefundReason.TRIP_CANCELLED: _l("trip cancelled"),
        RefundReason.AGENCY: _l("outside the policy"),
        RefundReason.SECOND: _l("paid twice"),
        RefundReason.SHORT: _l("too little paid"),
        RefundReason.FOREIGN_CURRENCY: _l("other currency"),
        RefundReason.OVER: _l("too much paid"),
        RefundReason.RELEASED: _l("seats given up before"),
        RefundReason.CANCELLED: _l("cancelled before"),
        RefundReason.TRIP_DEPARTED: _l("the bus had left"),
        RefundReason.SEATS_GONE: _l("no seats left"),
        RefundReason.REVIEW: _l("decided after review"),
    },
    CaseKind: {
        CaseKind.REVIEW: _l("money under review"),
        CaseKind.REFUND_FAILED: _l("refund not gone through"),
        CaseKind.REFUND_OVERDUE: _l("refund without an end"),
        CaseKind.UNKNOWN_CHARGE: _l("charge we do not know"),
        CaseKind.CHARGE_NOT_RECORDED: _l("charge not recorded"),
        CaseKind.CHARGE_DIFFERS: _l("charge with another amount"),
        CaseKind.CHARGE_MISSING: _l("charge missing at the gateway"),
        CaseKind.UNKNOWN_REFUND: _l("refund we do not know"),
        CaseKind.REFUND_DIFFERS: _l("refund with another amount"),
        CaseKind.REFUND_MISSING: _l("refund missing at the gateway"),
        CaseKind.SETTLEMENT_NOT_BOOKED: _l("gateway settlement not booked"),
        CaseKind.DISPUTE: _l("dispute"),
        CaseKind.REFUND_WITHDRAWN: _l("refund withdrawn"),
        CaseKind.PAYOUT_FAILED: _l("payout not gone through"),
        CaseKind.PAYOUT_OVERDUE: _l("payout without an end"),
        CaseKind.PAYOUT_DIFFERS: _l("payout with another amount"),
        CaseKind.UNKNOWN_TRANSFER: _l("transfer we do not know"),
    },
    CaseState: {
        CaseState.OPEN: _l("nobody has it"),
        CaseState.IN_HAND: _l("in hand"),
        CaseState.RESOLVED: _l("resolved"),
    },
    Resolution: {
        Resolution.REFUND: _l("Refund the money"),
        Resolution.APPLY: _l("Let it pay the booking"),
        Resolution.ATTACH: _l("Put it on a booking"),
        Resolution.NONE: _l("Close it: nothing is to do"),
        Resolution.RULE: _l("its rule decided"),
        Resolution.RETRY: _l("Send the refund again"),
        Resolution.BY_HAND: _l("paid by hand"),
    },
    DisputeState: {
        DisputeState.REPORTED: _l("reported"),
        DisputeState.OPEN: _l("under dispute"),
        DisputeState.WON: _l("won"),
        DisputeState.LOST: _l("lost"),
        DisputeState.DROPPED: _l("dropped"),
    },
    ProposalState: {
        ProposalState.PROPOSED: _l("proposed"),
        ProposalState.APPROVED: _l("approved"),
        ProposalState.DECLINED: _l("declined"),
        ProposalState.WITHDRAWN: _l("taken back"),
    },
    EventType: {
        EventType.PAYMENT: _l("payment"),
        EventType.REVIEW_APPLIED: _l("pays after review"),
        EventType.REFUND_DUE: _l("refund due"),
        EventType.REFUND_WITHDRAWN: _l("refund withdrawn"),
        EventType.REFUND: _l("refund paid"),
        EventType.GATEWAY_SETTLEMENT: _l("gateway settlement"),
        EventType.DISPUTE_OPENED: _l("dispute opened"),
        EventType.DISPUTE_WON: _l("dispute won"),
        EventType.DISPUTE_LOST: _l("dispute lost"),
        EventType.PAYOUT: _l("payout"),
        EventType.CARRY_OUT: _l("carried out"),
        EventType.CARRY_IN: _l("carried in"),
        EventType.CORRECTION: _l("correction"),
    },
}
