"""What happened to a booking, in words: channels, messages, deeds and reasons, as an agency's people call them."""

from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from aurapark.booking.models import Booking, CancelledBecause, Channel, TicketState
from aurapark.disputes.models import DisputeState
from aurapark.masking import mask
from aurapark.notifications.messages import Message
from aurapark.office.timeline import GIVEN, Event
from aurapark.payments.models import Disposition, PaymentState
from aurapark.refunds.models import RefundReason, RefundState
from aurapark.refunds.proposal_models import ProposalState
from aurapark.web.formats import language, listed
from aurapark.web.names import category_name as category_name
from aurapark.web.state_names import NAMES

SALE_CHANNELS = {Channel.WEB: _l("the website"), Channel.API: _l("a partner"), Channel.COUNTER: _l("the counter")}
TICKET_STATES = {TicketState.VALID: _l("valid"), TicketState.BOARDED: _l("boarded"), TicketState.VOID: _l("void")}
BECAUSE = {
    CancelledBecause.TRAVELLER: _l("cancelled by the rule of the booking"),
    CancelledBecause.AGENCY: _l("cancelled by the agency"),
    CancelledBecause.TRIP: _l("the trip was cancelled"),
}
MESSAGES = {
    Message.TICKET: _l("Ticket"),
    Message.OTHER_SEATS: _l("Other seats"),
    Message.CHANGED: _l("Changed ticket"),
    Message.PAYMENT_FAILED: _l("Payment did not go through"),
    Message.PAID_TOO_LATE: _l("Paid too late"),
    Message.CANCELLED: _l("Cancellation"),
    Message.REFUND_ASKED: _l("Refund on its way"),
    Message.REFUND_SENT: _l("Refund sent"),
    Message.REFUND_FAILED: _l("Refund delayed"),
    Message.REMINDER: _l("Reminder"),
}
WAYS = {"sms": _l("by SMS"), "mail": _l("by e-mail")}
SENDING = {"ready": _l("waiting to go out"), "leased": _l("going out"), "dead": _l("could not be sent")}
FATES = {
    Disposition.APPLIED: _l("it pays this booking"),
    Disposition.REFUND: _l("it goes back"),
    Disposition.REVIEW: _l("people look at it"),
}
REASONS = {
    RefundReason.TRAVELLER: _l("cancelled by the rule of the booking"),
    RefundReason.TRIP_CANCELLED: _l("the trip was cancelled"),
    RefundReason.AGENCY: _l("given by the agency"),
    RefundReason.SECOND: _l("paid twice"),
    RefundReason.SHORT: _l("less than the price"),
    RefundReason.FOREIGN_CURRENCY: _l("another currency"),
    RefundReason.OVER: _l("more than the price"),
    RefundReason.RELEASED: _l("paid after the hold was let go"),
    RefundReason.CANCELLED: _l("paid after the end of the booking"),
    RefundReason.TRIP_DEPARTED: _l("paid after departure"),
    RefundReason.SEATS_GONE: _l("paid too late, the seats were gone"),
    RefundReason.REVIEW: _l("decided by people"),
}
PROPOSALS = {
    ProposalState.PROPOSED: _l("proposed"),
    ProposalState.APPROVED: _l("approved"),
    ProposalState.DECLINED: _l("declined"),
    ProposalState.WITHDRAWN: _l("withdrawn"),
}
DISPUTES = {
    DisputeState.REPORTED: _l("reported"),
    DisputeState.OPEN: _l("open"),
    DisputeState.WON: _l("won"),
    DisputeState.LOST: _l("lost"),
    DisputeState.DROPPED: _l("dropped"),
}
DEEDS = {
    "booking.hold": _l("Seats held"),
    "booking.confirm": _l("Booking confirmed"),
    "booking.expired": _l("Hold lapsed"),
    "booking.released": _l("Hold let go"),
    "booking.cancel": _l("Cancelled"),
    "booking.bring": _l("Taken into the traveller's account"),
    "booking.rename": _l("Name of a passenger changed"),
    "booking.reseat": _l("Seat changed"),
    "booking.resend": _l("Tickets sent again"),
    "payment.start": _l("Payment begun"),
    "payment.review": _l("Payment kept for people to look at"),
    "payment.resolve": _l("Payment decided by people"),
    "payment.attach": _l("Payment assigned to this booking"),
    "refund.approve": _l("Refund approved"),
    "refund.decline": _l("Refund declined"),
    "refund.retry": _l("Refund tried again"),
    "refund.withdraw": _l("Refund withdrawn"),
    "refund.fail": _l("Refund did not go through"),
    "dispute.open": _l("Payment disputed"),
    "dispute.won": _l("Dispute won"),
    "dispute.lost": _l("Dispute lost"),
}
KINDS = {
    "payment": _l("Payment attempt"),
    "charge": _l("Money came in"),
    "refund": _l("Refund asked for"),
    "proposal": _l("Refund proposed to AuraPark"),
    "refunded": _l("Money sent back"),
    "dispute": _l("Payment disputed"),
    "dispute_closed": _l("Dispute closed"),
    "ticket": _l("Ticket issued"),
    "boarded": _l("Boarded"),
}
ACTORS = {"agency": _l("the agency"), "platform": "AuraPark", "traveller": _l("the traveller")}
ALREADY_SHOWN = ("payment.start", "dispute.open", "dispute.won", "dispute.lost")  # as attempts and disputes


def title_of(event: Event) -> str:
    """Return what happened, in a few words."""
    if event.kind == "message":
        name = str(event.more.get("name") or "")
        return str(gettext("Message: %(name)s", name=MESSAGES.get(name, name)))  # type: ignore[call-overload]
    known: dict[str, Any] = DEEDS if event.kind == "deed" else KINDS
    return str(known.get(event.state if event.kind == "deed" else event.kind, event.state))


def state_of(event: Event) -> str:
    """Return what became of it, empty when there is nothing more to say."""
    if event.kind == "message":
        return str(SENDING.get(event.state, "" if event.more.get("sent") else gettext("was not needed any more")))
    words: dict[str, dict[Any, Any]] = {
        "payment": NAMES[PaymentState],
        "charge": FATES,
        "refund": NAMES[RefundState],
        "proposal": PROPOSALS,
        "dispute": DISPUTES,
        "dispute_closed": DISPUTES,
        "ticket": TICKET_STATES,
    }
    return str(words.get(event.kind, {}).get(event.state, ""))


def details_of(event: Event) -> list[str]:
    """Return what else there is to it: seats, ways, reasons of ours."""
    before, after = event.more.get("before") or {}, event.more.get("after") or {}
    said: list[str] = []
    if event.kind == "message":
        said.append(str(WAYS.get(event.more.get("by", ""), "")))
    if event.state == "booking.reseat" and event.kind == "deed":
        return [gettext("seat %(old)s → seat %(new)s", old=before.get("seat", ""), new=after.get("seat", ""))]
    seats = after.get("seats") or ([after["seat"]] if after.get("seat") else [])
    seats = seats or ([event.more["seat"]] if event.more.get("seat") else [])
    if seats:
        said.append(gettext("seats: %(seats)s", seats=_listed(seats)))
    if event.kind in ("charge", "refund") and event.reason:
        said.append(str(REASONS.get(event.reason, event.reason)))  # type: ignore[call-overload]
    if event.more.get("name") and event.kind in ("payment", "charge", "refunded", "ticket", "boarded"):
        said.append(event.more["name"])
    return [one for one in said if one]


def actor_of(event: Event) -> str:
    """Return who did it; empty for the machinery and where a kind says it already."""
    return event.who or str(ACTORS.get(event.actor, ""))


def why_of(event: Event) -> str:
    """Return the reason somebody gave; empty where there is none, or where it is not for this reader."""
    return event.reason or "" if event.kind in GIVEN else ""


def is_shown(event: Event) -> bool:
    """Say whether this stands for itself: an attempt and its entry in the log are one thing."""
    return not (event.kind == "deed" and event.state in ALREADY_SHOWN)


def moment(written: str) -> datetime:
    """Return a time as the database wrote it into an event."""
    return datetime.fromisoformat(written)


def where_to(booking: Booking) -> str:
    """Return where messages of a booking go, so much of it that the payer knows it again."""
    return ", ".join(mask(one) for one in (booking.payer_phone, booking.payer_email) if one) or "–"


def _listed(seats: Any) -> str:
    return listed([str(seat) for seat in seats], locale=language())
