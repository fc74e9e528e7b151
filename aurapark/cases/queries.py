"""Reading cases."""

from collections.abc import Sequence

from sqlalchemy import select

from aurapark.cases.errors import CaseNotFound
from aurapark.cases.models import Case, CaseState
from aurapark.extensions import db


def list_cases(*states: CaseState) -> Sequence[Case]:
    """Return the cases in these states, by default all that are not resolved, oldest first."""
    wanted = states or (CaseState.OPEN, CaseState.IN_HAND)
    statement = select(Case).where(Case.state.in_(wanted)).order_by(Case.id)
    return db.session.scalars(statement.execution_options(populate_existing=True)).all()


def get_case(case_id: int) -> Case:
    """Return a case, not locked. Raises CaseNotFound."""
    case = db.session.get(Case, case_id, populate_existing=True)
    if case is None:
        raise CaseNotFound
    return case
