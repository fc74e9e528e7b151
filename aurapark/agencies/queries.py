"""Reading agencies."""

from collections.abc import Sequence

from sqlalchemy import func, select

from aurapark.agencies.errors import AgencyNotFound
from aurapark.agencies.models import Agency
from aurapark.extensions import db

MAX_ID = 2**31 - 1  # of an integer
PAGE_SIZE = 25


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


def list_agency_page(page: int) -> tuple[Sequence[Agency], int, int]:
    """Return one page of all agencies by name, which page it is, and how many there are (two statements)."""
    pages = max(1, -(-(db.session.scalar(select(func.count(Agency.id))) or 0) // PAGE_SIZE))
    page = min(page, pages)
    wanted = select(Agency).order_by(Agency.name, Agency.id).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    return db.session.scalars(wanted).all(), page, pages
