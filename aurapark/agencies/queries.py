"""Reading agencies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, or_, select

from aurapark.agencies.errors import AgencyNotFound
from aurapark.agencies.models import Agency, AgencyState
from aurapark.extensions import db
from aurapark.keyset import Page, Place, fetch_all, fetch_page

MAX_ID = 2**31 - 1  # of an integer


@dataclass(frozen=True, slots=True)
class AgencySearch:
    """Which agencies are wanted: a part of a name, code or licence, and a state; empty means all."""

    text: str = ""
    state: AgencyState | None = None


def get_agency(agency_id: int, *, lock: bool = False) -> Agency:
    """Return an agency, locked until the transaction ends where it is going to change. Raises AgencyNotFound."""
    statement = select(Agency).where(Agency.id == agency_id)
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    agency = db.session.scalars(statement).first() if 0 < agency_id <= MAX_ID else None
    if agency is None:
        raise AgencyNotFound
    return agency


def find_agency(code: str) -> Agency | None:
    """Return the agency of that code."""
    return db.session.scalars(select(Agency).where(Agency.code == code)).first()


def list_all_agencies() -> Sequence[Agency]:
    """Return every agency, by name, whatever its state."""
    return db.session.scalars(select(Agency).order_by(Agency.name)).all()


def list_agencies(search: AgencySearch, *, after: Place | None = None) -> Page[Agency]:
    """Return one page of agencies, newest first (one statement)."""
    return fetch_page(_wanted(search), (Agency.id,), after=after)


def each_agency(search: AgencySearch) -> Iterator[Agency]:
    """Yield all of them, newest first."""
    return fetch_all(_wanted(search), (Agency.id,))


def _wanted(search: AgencySearch) -> Select[Agency]:
    wanted = select(Agency)
    if search.state:
        wanted = wanted.where(Agency.state == search.state)
    if search.text:
        columns = (Agency.name, Agency.short_name, Agency.code, Agency.licence)
        wanted = wanted.where(or_(*(column.icontains(search.text, autoescape=True) for column in columns)))
    return wanted
