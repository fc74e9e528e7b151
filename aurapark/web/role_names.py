"""What roles, the states of an agency and kinds of payout account are called on pages."""

from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _l

from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.agencies.models import AgencyState
from aurapark.agencies.payout_models import AccountKind
from aurapark.web.fields import options

ROLE_NAMES: dict[Any, Any] = {
    AgencyRole.OWNER: _l("Owner"),
    AgencyRole.MANAGER: _l("Manager"),
    AgencyRole.CLERK: _l("Counter clerk"),
    AgencyRole.BOARDING: _l("Boarding agent"),
    AgencyRole.ACCOUNTANT: _l("Accountant"),
    PlatformRole.SUPPORT: _l("Support"),
    PlatformRole.FINANCE: _l("Finance"),
    PlatformRole.ADMIN: _l("Administrator"),
}
STATE_NAMES = {
    AgencyState.PENDING: _l("waiting to be accepted"),
    AgencyState.ACTIVE: _l("on sale"),
    AgencyState.SUSPENDED: _l("suspended"),
}
KIND_NAMES = {
    AccountKind.MTN_MOMO: "MTN Mobile Money",
    AccountKind.ORANGE_MONEY: "Orange Money",
    AccountKind.BANK: _l("Bank account"),
}
STATE_KINDS = {AgencyState.PENDING: "strong", AgencyState.ACTIVE: "success", AgencyState.SUSPENDED: "error"}


def role_name(role: AgencyRole | PlatformRole) -> str:
    """Return the name of a role."""
    return str(ROLE_NAMES[role])


def role_choices(roles: type[AgencyRole] | type[PlatformRole]) -> list[Any]:
    """Return the roles as a field takes them."""
    return options((role.value, ROLE_NAMES[role]) for role in roles)


def state_name(state: AgencyState) -> str:
    """Return what a state of an agency is called."""
    return str(STATE_NAMES[state])


def kind_name(kind: AccountKind) -> str:
    """Return what a kind of payout account is called."""
    return str(KIND_NAMES[kind])


def state_kind(state: AgencyState) -> str:
    """Return the look of a state's tag."""
    return STATE_KINDS[state]


def init_app(app: Flask) -> None:
    """Give templates `role_name`, `state_name`, `state_kind` and `kind_name`."""
    for function in (role_name, state_name, state_kind, kind_name):
        app.add_template_global(function)
