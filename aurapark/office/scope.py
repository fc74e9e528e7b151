"""Who of which agency is asking, and the way to what is theirs: `staff.own(Trip, 42)`. There is no other way here."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, select

from aurapark.accounts.access import require_identity
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import AgencyRole
from aurapark.agencies.models import Agency, AgencyState
from aurapark.agencies.queries import get_agency
from aurapark.errors import NotFound
from aurapark.extensions import db
from aurapark.timetable.queries import MAX_ID

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody of an agency, with the agency."""

    who: Identity
    agency: Agency

    @property
    def role(self) -> AgencyRole:
        """Return the role of this person in their agency."""
        if self.who.agency_role is None:
            raise NotFound
        return self.who.agency_role

    @property
    def suspended(self) -> bool:
        """Say whether the agency sells nothing at present because the platform says so."""
        return self.agency.state == AgencyState.SUSPENDED

    def all(self, model: type[T]) -> Select[T]:
        """Return the query of all rows of a table with an `agency_id` that are this agency's, to narrow further."""
        return select(model).where(_agency_column(model) == self.agency.id)

    def own(self, model: type[T], row_id: int) -> T:
        """Return a row of this agency's. Raises NotFound, alike for another agency's and for none."""
        key: Any = model
        found = db.session.scalars(self.all(model).where(key.id == row_id)).first() if 0 < row_id <= MAX_ID else None
        if found is None:
            raise NotFound
        return found

    def own_named(self, model: type[T], **names: str) -> T:
        """Return the row of this agency's with a name of its own, `reference="7K3QF9"`. Raises NotFound, as `own`."""
        found = db.session.scalars(self.all(model).filter_by(**names)).first()
        if found is None:
            raise NotFound
        return found


def current_staff() -> Staff:
    """Return who is asking, of a page for an agency's staff (one statement beside the session's)."""
    who = require_identity()
    if who.agency_id is None:
        raise NotFound
    return Staff(who, get_agency(who.agency_id))


def _agency_column(model: Any) -> Any:
    if "agency_id" not in model.__table__.c:
        raise TypeError(f"{model.__name__} belongs to no agency by itself: go by what does")
    return model.agency_id
