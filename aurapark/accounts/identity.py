"""Who is signed in, as the database has it at this request: read once, never kept between requests."""

from dataclasses import dataclass, field
from datetime import datetime

from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.accounts.rules import NEED_SECOND_FACTOR, Role


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody with a live session. Flask-Login's user: `get_id()` is the session's token, never the user's id.

    `second_factor_fresh`: given within the last ten minutes, by the database's clock.
    """

    token: str = field(repr=False)
    session_id: int
    started_at: datetime
    user_id: int
    name: str | None
    email: str | None
    phone: str | None
    language: str
    agency_id: int | None
    agency_role: AgencyRole | None
    platform_role: PlatformRole | None
    second_factor_at: datetime | None
    second_factor_fresh: bool
    second_factor_set_up: bool

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return the token of the session, which the cookie carries."""
        return self.token

    @property
    def actor(self) -> str:
        """Return the name under which this person stands in the audit log."""
        return f"user:{self.user_id}"

    @property
    def roles(self) -> tuple[Role, ...]:
        """Return the roles this person holds, in their agency and for the platform."""
        return tuple(role for role in (self.agency_role, self.platform_role) if role is not None)

    @property
    def is_staff(self) -> bool:
        """Say whether this person works for an agency or for the platform."""
        return bool(self.roles)

    @property
    def must_give_second_factor(self) -> bool:
        """Say whether the password was given and the second factor of this person was not yet."""
        return self.second_factor_set_up and self.second_factor_at is None

    @property
    def must_set_up_second_factor(self) -> bool:
        """Say whether this person holds a role that needs a second factor, and has none."""
        return not self.second_factor_set_up and any(role in NEED_SECOND_FACTOR for role in self.roles)

    @property
    def complete(self) -> bool:
        """Say whether nothing is missing any more: only then does a page know this person."""
        return not self.must_give_second_factor and not self.must_set_up_second_factor
