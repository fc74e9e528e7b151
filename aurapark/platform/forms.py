"""What the platform's pages ask for."""

from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from aurapark.accounts.forms import ASK_ADDRESS, AddressField
from aurapark.accounts.models import PlatformRole
from aurapark.office.forms import ReasonForm
from aurapark.web.fields import DayField, SharedForm, options
from aurapark.web.listing import ListForm
from aurapark.web.role_names import ROLE_NAMES

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2100, 1, 1)


def _narrowing(label: Any) -> StringField:
    return StringField(label, [Length(max=80)], filters=[lambda text: text.strip() if text else ""])


def a_day_of_ours(_form: Any, field: Any) -> None:
    """The log has no other days, and no clock can add to the last one there is."""
    if field.data and not FIRST_DAY <= field.data <= LAST_DAY:
        raise ValidationError(gettext("Enter a day such as 18/12/2026."))


class AgencyForm(ReasonForm):
    """The platform's share, and why something is decided; no share means the usual one."""

    percent = IntegerField(
        _l("Commission in percent"), [Optional(), NumberRange(0, 100, _l("Enter a whole number from 0 to 100."))]
    )


class FindUserForm(ReasonForm):
    """Whose account to read, and why."""

    address = AddressField(_l("Phone or e-mail"), [InputRequired(ASK_ADDRESS)])


class FindBookingForm(SharedForm):
    """Which booking to read."""

    reference = StringField(_l("Reference"), [InputRequired(_l("Enter a reference such as 7K3QF9.")), Length(max=40)])


class PlatformRoleForm(ReasonForm):
    """A role of the platform, or none, and why."""

    role = SelectField(_l("Role for the platform"))

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.role.choices = options([("", _l("none")), *((one.value, ROLE_NAMES[one]) for one in PlatformRole)])


class AuditForm(ListForm):
    """What of the audit log is wanted; empty fields narrow nothing."""

    action = _narrowing(_l("Action, or its beginning"))
    actor = _narrowing(_l("Who"))
    entity = _narrowing(_l("Kind of thing"))
    entity_id = _narrowing(_l("Its number or reference"))
    since = DayField(_l("Since"), [Optional(), a_day_of_ours])
    until = DayField(_l("Until"), [Optional(), a_day_of_ours])
