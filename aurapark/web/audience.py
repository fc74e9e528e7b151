"""Who a route is for. The audience is declared once, on the blueprint; a route without one fails a test."""

from enum import StrEnum
from typing import Any

from flask import Blueprint, Flask


class Audience(StrEnum):
    PUBLIC = "public"  # everybody; knows nothing of who asks
    GUEST = "guest"  # a visitor, who reaches what is theirs
    API = "api"  # programs; what is somebody's opens to its bearer token
    GATEWAY = "gateway"  # the payment gateway, with its secret
    OPERATOR = "operator"  # whoever watches that the site runs
    DEVELOPER = "developer"  # registered in development only


class AudienceBlueprint(Blueprint):
    """A blueprint that says who its routes are for."""

    def __init__(self, name: str, import_name: str, *, audience: Audience, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.audience = audience


def audience_of(app: Flask, endpoint: str) -> str | None:
    """Return the audience of an endpoint, None when nobody has declared one."""
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    audience = getattr(blueprint, "audience", None)
    return None if audience is None else str(audience)


def list_routes(app: Flask) -> list[dict[str, Any]]:
    """Return every route of the application: rule, methods, endpoint, audience."""
    return [
        {
            "rule": rule.rule,
            "methods": sorted(rule.methods or ()),
            "endpoint": rule.endpoint,
            "audience": audience_of(app, rule.endpoint),
        }
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
    ]
