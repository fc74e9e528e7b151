"""`aurapark settlements …`: what each agency is owed, and closing a month by hand."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from aurapark.settlements.models import Settlement

T = TypeVar("T")

settlements = AppGroup("settlements", help="What each agency is owed for each month; a month closed by hand.")


@settlements.command("list")
@click.option("--month", help="One month only, such as 2026-10.")
@click.option("--agency", "code", help="One agency only, by its code.")
def list_all(month: str | None, code: str | None) -> None:
    """Show the settlements, newest month first."""
    from aurapark.settlements.queries import list_settlements
    from aurapark.settlements.rules import read_month

    wanted = _clearly(lambda: read_month(month)) if month else None
    agency_id = _agency(code) if code else None
    rows = list_settlements(agency_id=agency_id, month=wanted)
    click.echo("\n".join(_as_line(one) for one in rows) or "there is no settlement")


@settlements.command("close")
@click.argument("month")
@click.option("--agency", "code", required=True, help="The agency's code.")
@click.option("--as", "actor", required=True, help="Your name.")
def close(month: str, code: str, actor: str) -> None:
    """Close MONTH, such as 2026-10, of one agency; the job does it by itself on the 1st."""
    from aurapark.settlements.calculate import close_month
    from aurapark.settlements.rules import read_month

    click.echo(_as_line(_clearly(lambda: close_month(_agency(code), read_month(month), actor=actor))))


def _agency(code: str) -> int:
    from aurapark.agencies.models import Agency
    from aurapark.extensions import db

    found = db.session.query(Agency.id).filter(Agency.code == code).scalar()
    if found is None:
        raise click.ClickException(f"there is no agency {code}")
    return int(found)


def _clearly(work: Callable[[], T]) -> T:
    from aurapark.errors import DomainError

    try:
        return work()
    except DomainError as error:
        raise click.ClickException(str(error)) from error


def _as_line(one: "Settlement") -> str:
    parts = f"gross {one.gross:,} − commission {one.commission:,} − refunds {one.refunds:,} − cash {one.cash_kept:,}"
    month = one.period_start + timedelta(days=1)  # it begins at midnight in the agency's zone, not in UTC
    total = f"{parts} + carried {one.carried:,} = {one.net:,} {one.currency}"
    return f"{one.id:>5} agency={one.agency_id} {month:%Y-%m} {one.state} {total}"
