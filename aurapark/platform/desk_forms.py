"""What the money desk's pages ask for: the filters of its lists, and what is said with a deed."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from aurapark.cases.models import CaseKind, Resolution
from aurapark.disputes.models import DisputeState
from aurapark.office.forms import ReasonForm
from aurapark.payments.models import Disposition, PaymentState, Provider
from aurapark.refunds.models import RefundReason, RefundState
from aurapark.web.fields import ChoiceField, DayField, SharedForm, options
from aurapark.web.listing import AfterField, ListForm
from aurapark.web.state_names import NAMES
from aurapark.web.views import DEFAULT_ZONE

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2100, 1, 1)
A_DAY = timedelta(days=1)
MOST = 2_147_483_647
WRONG = _l("Choose one of the list.")
PROVIDERS = {Provider.FLUTTERWAVE: "Flutterwave", Provider.STRIPE: "Stripe", Provider.CASH: _l("cash")}


class FrancsField(StringField):  # type: ignore[misc]  # wtforms has no types
    """Whole units of a currency; spaces between the digits do not matter."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        digits = "".join(valuelist[0].split())
        self.data = None
        if not digits:
            return
        if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(MOST)) or int(digits) > MOST:
            raise ValueError(gettext("Enter a whole amount such as 6500."))
        self.data = int(digits)

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else "" if self.data is None else str(self.data)


def _stripped(label: Any, most: int = 80) -> StringField:
    return StringField(label, [Length(max=most)], filters=[lambda text: text.strip() if text else ""])


def _day_of_ours(_form: Any, field: Any) -> None:
    if field.data and not FIRST_DAY <= field.data <= LAST_DAY:
        raise ValidationError(gettext("Enter a day such as 18/12/2026."))


def _any_of(label: Any, pairs: list[tuple[Any, Any]]) -> ChoiceField:
    choices = options([("", _l("all")), *pairs])
    return ChoiceField(label, [Optional()], wrong=WRONG, choices=choices, default="")


def _names(words: Any) -> list[tuple[Any, Any]]:
    return [(word.value, NAMES[words].get(word, word.value)) for word in words]


class DatedForm(ListForm):
    """A list from one day to another, in the order of (time, number)."""

    after = AfterField(_l("Next page"), timed=True)
    since = DayField(_l("From"), [Optional(), _day_of_ours])
    until = DayField(_l("To"), [Optional(), _day_of_ours])

    @property
    def start(self) -> datetime | None:
        """The first moment that is wanted."""
        return _midnight(self.since.data)

    @property
    def end(self) -> datetime | None:
        """The first moment that is not wanted any more."""
        return _midnight(self.until.data and self.until.data + A_DAY)


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), ZoneInfo(DEFAULT_ZONE)) if day else None


class PaymentForm(DatedForm):
    """Which payments are wanted; `agency` gets its choices from the route."""

    state = _any_of(_l("State"), _names(PaymentState))
    disposition = _any_of(_l("What becomes of it"), _names(Disposition))
    provider = _any_of(_l("Paid by"), [(one.value, name) for one, name in PROVIDERS.items()])
    need = _any_of(_l("What is wrong"), [("stuck", _l("no answer in time")), ("late", _l("question overdue"))])
    agency = ChoiceField(_l("Agency"), [Optional()], wrong=WRONG, coerce=str, default="")
    least = FrancsField(_l("Amount from"), [Optional()])
    most = FrancsField(_l("Amount to"), [Optional()])
    tx_ref = _stripped(_l("Our reference (tx_ref)"))
    gateway_id = _stripped(_l("The gateway's number"))
    reference = _stripped(_l("Booking"))

    def __init__(self, *given: Any, agencies: list[tuple[int, str]] | None = None, **more: Any) -> None:
        super().__init__(*given, **more)
        pairs = [("", _l("all")), *((str(number), name) for number, name in agencies or [])]
        self.agency.choices = options(pairs)


class EventForm(DatedForm):
    """Which events of the gateways are wanted."""

    kind = _any_of(
        _l("Kind"),
        [("waiting", _l("not worked off")), ("failed", _l("not understood")), ("forged", _l("wrong signature"))],
    )
    tx_ref = _stripped(_l("Our reference (tx_ref)"))


class RefundForm(DatedForm):
    """Which refunds are wanted."""

    state = _any_of(_l("State"), [("open", _l("not done")), *_names(RefundState)])
    reason = _any_of(_l("Why"), _names(RefundReason))
    tx_ref = _stripped(_l("Our reference (tx_ref)"))


class CaseForm(DatedForm):
    """Which cases are wanted; those that are not resolved unless asked otherwise."""

    state = ChoiceField(
        _l("State"),
        [Optional()],
        wrong=WRONG,
        default="",
        choices=options([("", _l("not resolved")), ("resolved", _l("resolved"))]),
    )
    kind = _any_of(_l("Kind"), [("difference", _l("differences with a gateway")), *_names(CaseKind)])
    owner = ChoiceField(
        _l("Whose"),
        [Optional()],
        wrong=WRONG,
        default="",
        choices=options([("", _l("everybody's")), ("mine", _l("mine")), ("nobody", _l("nobody's"))]),
    )


class DisputeForm(DatedForm):
    """Which disputes are wanted."""

    state = _any_of(_l("State"), _names(DisputeState))


class LedgerForm(SharedForm):
    """Which accounts of the books are wanted."""

    kind = _any_of(
        _l("Accounts"),
        [
            ("gateway_clearing", _l("held at the gateways")),
            ("agency_payable", _l("owed to agencies")),
            ("refunds_payable", _l("owed to payers")),
            ("dispute_hold", _l("under dispute")),
            ("platform_commission", _l("our commission")),
            ("gateway_fees", _l("fees")),
            ("bank", _l("bank")),
            ("carried", _l("carried over")),
            ("agency_cash", _l("cash of agencies")),
        ],
    )


class ProofForm(ReasonForm):
    """How a refund was paid by hand, and where the proof is."""

    proof = StringField(
        _l("Proof"),
        [InputRequired(_l("Say how the money was paid back, and where the proof is.")), Length(3, 200)],
        filters=[lambda text: " ".join(text.split()) if text else text],
    )


class ProposeForm(ReasonForm):
    """How much of a payment goes back though no rule asks for it, and why."""

    amount = FrancsField(_l("Amount"), [InputRequired(_l("Enter a whole amount such as 6500."))])


class ResolveForm(ReasonForm):
    """What is done about a case, and why; a booking only for a charge that is put on one."""

    action = ChoiceField(_l("What is done"), [InputRequired(_l("Choose what is done."))], wrong=WRONG)
    reference = _stripped(_l("Booking"), 20)

    def __init__(self, *given: Any, allowed: list[Resolution], **more: Any) -> None:
        super().__init__(*given, **more)
        self.action.choices = options([(one.value, NAMES[Resolution][one]) for one in allowed])


class HandOverForm(ReasonForm):
    """Who has a case in hand from now on, and why."""

    to = ChoiceField(_l("Who takes it"), [InputRequired(WRONG)], wrong=WRONG)

    def __init__(self, *given: Any, people: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(*given, **more)
        self.to.choices = options(people)


class DisputeOpenForm(ReasonForm):
    """A dispute that a gateway told by mail."""

    amount = FrancsField(_l("Amount"), [Optional()])
    gateway_id = _stripped(_l("The gateway's number"))
