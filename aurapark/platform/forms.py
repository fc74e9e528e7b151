"""What the platform's pages ask for."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from aurapark.accounts.forms import ASK_ADDRESS, AddressField
from aurapark.accounts.models import PlatformRole
from aurapark.office.forms import ReasonForm
from aurapark.web.fields import SharedForm, options
from aurapark.web.role_names import ROLE_NAMES


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
