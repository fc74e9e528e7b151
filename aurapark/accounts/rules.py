"""Who may stay signed in for how long, and whose password alone is not enough."""

from dataclasses import dataclass
from datetime import timedelta

from aurapark.accounts.models import AgencyRole, PlatformRole

Role = AgencyRole | PlatformRole


@dataclass(frozen=True, slots=True)
class Limits:
    """A session ends after `idle` without a request, and after `absolute` in any case."""

    idle: timedelta
    absolute: timedelta


TRAVELLER = Limits(idle=timedelta(days=7), absolute=timedelta(days=30))
AT_THE_PARK = Limits(idle=timedelta(hours=2), absolute=timedelta(hours=12))
IN_THE_OFFICE = Limits(idle=timedelta(minutes=30), absolute=timedelta(hours=12))
LIMITS: dict[Role, Limits] = {
    AgencyRole.CLERK: AT_THE_PARK,
    AgencyRole.BOARDING: AT_THE_PARK,
    AgencyRole.OWNER: IN_THE_OFFICE,
    AgencyRole.MANAGER: IN_THE_OFFICE,
    AgencyRole.ACCOUNTANT: IN_THE_OFFICE,
    **dict.fromkeys(PlatformRole, IN_THE_OFFICE),
}
NEED_SECOND_FACTOR: frozenset[Role] = frozenset({AgencyRole.OWNER, AgencyRole.MANAGER, *PlatformRole})
STEP_UP = timedelta(minutes=10)  # how long a second factor opens what asks for a fresh one
