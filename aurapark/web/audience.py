"""Who a route is for. The audience is declared once, on the blueprint; a route without one fails a test.

Where an audience has roles, each route names those it lets in; a route that forgets to stops the application at its
start. What is declared here is enforced in one place, `web.doors`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Blueprint, Flask

from aurapark.accounts.models import AgencyRole, PlatformRole


class Audience(StrEnum):
    PUBLIC = "public"  # everybody; knows nothing of who asks
    GUEST = "guest"  # a visitor, who reaches what is theirs
    ACCOUNT = "account"  # whoever is signed in
    AGENCY = "agency"  # people of one agency, by role
    PLATFORM = "platform"  # people of the platform, by role
    API = "api"  # programs; what is somebody's opens to its bearer token
    GATEWAY = "gateway"  # the payment gateway, with its secret
    OPERATOR = "operator"  # whoever watches that the site runs
    DEVELOPER = "developer"  # registered in development only


ROLES: dict[Audience, type[StrEnum]] = {Audience.AGENCY: AgencyRole, Audience.PLATFORM: PlatformRole}


@dataclass(frozen=True, slots=True)
class Door:
    """What a route asks of whoever comes.

    `before_factor`: open to somebody signed in whose second factor is still missing, to set it up or give it.
    `step_up`: asks for a second factor given in the last ten minutes; on a page of one's own account of those who
    have one.
    """

    audience: Audience
    roles: frozenset[StrEnum] = frozenset()
    before_factor: bool = False
    step_up: bool = False


class AudienceBlueprint(Blueprint):
    """A blueprint that says who its routes are for.

    Each route of an AGENCY or PLATFORM blueprint names its roles: `@bp.get("/trips", roles={AgencyRole.MANAGER})`.
    """

    def __init__(self, name: str, import_name: str, *, audience: Audience, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.audience = audience
        self.doors: dict[str, Door] = {}

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Any = None,
        provide_automatic_options: bool | None = None,
        *,
        roles: Collection[StrEnum] | None = None,
        before_factor: bool = False,
        step_up: bool = False,
        **options: Any,
    ) -> None:
        """Add a route with what it asks. Raises TypeError when its audience has roles and it names none."""
        door = Door(self.audience, frozenset(roles or ()), before_factor, step_up)
        self._check(rule, door)
        name = endpoint or view_func.__name__
        if self.doors.setdefault(name, door) != door:
            raise TypeError(f"{rule}: {self.name}.{name} is declared twice, for different people")
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)

    def _check(self, rule: str, door: Door) -> None:
        known = ROLES.get(self.audience)
        if known is None and (door.roles or (door.step_up and self.audience != Audience.ACCOUNT)):
            raise TypeError(f"{rule}: the audience {self.audience} has no roles")
        if known is not None and not (door.roles and all(isinstance(role, known) for role in door.roles)):
            raise TypeError(f"{rule}: say which of {', '.join(known)} may come: roles={{…}}")
        if door.before_factor and self.audience != Audience.ACCOUNT:
            raise TypeError(f"{rule}: only a page of one's own account can come before the second factor")


def door_of(app: Flask, endpoint: str) -> Door | None:
    """Return what an endpoint asks of people, None when nobody has declared it: then it opens to nobody."""
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    doors: dict[str, Door] = getattr(blueprint, "doors", {})
    return doors.get(endpoint.rpartition(".")[2])


def audience_of(app: Flask, endpoint: str) -> str | None:
    """Return the audience of an endpoint, None when nobody has declared one."""
    door = door_of(app, endpoint)
    return None if door is None else str(door.audience)


def list_routes(app: Flask) -> list[dict[str, Any]]:
    """Return every route of the application: rule, methods, endpoint, audience, the roles it lets in."""
    return [
        {
            "rule": rule.rule,
            "methods": sorted(rule.methods or ()),
            "endpoint": rule.endpoint,
            **_asked(door_of(app, rule.endpoint)),
        }
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
    ]


def _asked(door: Door | None) -> dict[str, Any]:
    if door is None:
        return {"audience": None, "roles": [], "step_up": False}
    return {"audience": str(door.audience), "roles": sorted(map(str, door.roles)), "step_up": door.step_up}
