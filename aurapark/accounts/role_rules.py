"""Who may give and take which role. Pure: what people hold is passed in."""

from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.accounts.rules import Role

GRANTERS: dict[Role, frozenset[Role]] = {
    **dict.fromkeys(AgencyRole, frozenset({AgencyRole.OWNER, PlatformRole.ADMIN})),
    **dict.fromkeys(PlatformRole, frozenset({PlatformRole.ADMIN})),
}
RANKS: dict[Role, int] = {
    AgencyRole.CLERK: 1,
    AgencyRole.BOARDING: 1,
    AgencyRole.ACCOUNTANT: 1,
    AgencyRole.MANAGER: 2,
    AgencyRole.OWNER: 3,
    PlatformRole.SUPPORT: 1,
    PlatformRole.FINANCE: 1,
    PlatformRole.ADMIN: 2,
}


def may_grant(held: Role | None, role: Role) -> bool:
    """Say whether somebody with the role `held` may give `role`, or take it from somebody."""
    return held is not None and held in GRANTERS[role]


def is_raise(before: Role | None, after: Role) -> bool:
    """Say whether this change is no step down: nobody makes one for themselves."""
    return before is None or RANKS[after] >= RANKS[before]


def may_see_to(held: PlatformRole | None, theirs: PlatformRole | None) -> bool:
    """Say whether somebody of the platform may disable an account: support does so for people outside of it."""
    if held == PlatformRole.ADMIN:
        return True
    return held == PlatformRole.SUPPORT and theirs is None
