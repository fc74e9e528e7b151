"""`aurapark cases …` and `aurapark reconcile`: thin doors, one line of clear error for bad input."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click
from flask.cli import AppGroup, with_appcontext

if TYPE_CHECKING:
    from aurapark.cases.models import Case
    from aurapark.reconciliation.doctor import Finding

T = TypeVar("T")
STATES = ("open", "in_hand", "resolved")
DAY = click.DateTime(["%Y-%m-%d"])


cases = AppGroup("cases", help="What needs a person: money under review, differences with a gateway.")


@cases.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these; otherwise all that are not resolved.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_all(state: str | None, as_json: bool) -> None:
    """Show cases, oldest first."""
    from aurapark.cases.models import CaseState
    from aurapark.cases.queries import list_cases

    found = list_cases(*([CaseState(state)] if state else []))
    if as_json:
        click.echo(json.dumps({"cases": [_as_document(case) for case in found]}, indent=2))
        return
    click.echo("\n".join(_as_line(case) for case in found) or "no cases")


@cases.command("take")
@click.argument("case_id", type=int)
@click.option("--as", "actor", required=True, help="Your name.")
def take(case_id: int, actor: str) -> None:
    """Take a case into your hands."""
    from aurapark.reconciliation import resolve

    click.echo(_as_line(_clearly(lambda: resolve.take(case_id, actor=actor))))


@cases.command("resolve")
@click.argument("case_id", type=int)
@click.option("--as", "actor", required=True, help="Your name.")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
@click.option("--action", nargs=1, default="none", show_default=True, help="refund, apply, attach, retry or none.")
@click.argument("reference", required=False)
def resolve(case_id: int, actor: str, reason: str, action: str, reference: str | None) -> None:
    """Resolve a case: `--action refund`, `apply`, `attach REFERENCE`, `retry` (a refund that failed), or nothing."""
    from aurapark.cases.models import Resolution
    from aurapark.reconciliation.resolve import Decision
    from aurapark.reconciliation.resolve import resolve as decide
    from aurapark.settings import current_settings

    if action not in ("refund", "apply", "attach", "retry", "none"):
        raise click.ClickException("the action is one of refund, apply, attach REFERENCE, retry, none")
    decision = Decision(Resolution(action), actor, reason, reference)
    click.echo(_as_line(_clearly(lambda: decide(case_id, decision, current_settings()))))


@click.command("reconcile")
@with_appcontext
@click.option("--from", "first", type=DAY, help="First day (UTC); by default four days ago.")
@click.option("--to", "last", type=DAY, help="Last day (UTC); by default today.")
def reconcile(first: datetime | None, last: datetime | None) -> None:
    """Compare the gateway's charges, refunds and settlements with ours, and open a case for each difference."""
    from aurapark import clock
    from aurapark.checkout.gateways import gateway_for
    from aurapark.reconciliation import gateway
    from aurapark.reconciliation.schedule import DAYS_BACK
    from aurapark.settings import current_settings

    settings = current_settings()
    last_day = last.date() if last else clock.now().date()
    first_day = first.date() if first else last_day - timedelta(days=DAYS_BACK)
    lists = gateway.lists_for(settings)
    if first_day > last_day:
        raise click.ClickException("the first day comes after the last one")
    port, asking = gateway_for(settings), gateway.asking_again(settings)
    report = _clearly(lambda: gateway.reconcile(first_day, last_day, gateway=port, lists=lists, ask_again=asking))
    click.echo(report.as_text())


def ask_about_holdings() -> "Finding":
    """Return what the gateway's lists say about I17, for `aurapark doctor --gateway`."""
    from aurapark.checkout.gateways import gateway_for
    from aurapark.reconciliation import gateway
    from aurapark.reconciliation.holdings import examine_holdings
    from aurapark.settings import current_settings

    settings = current_settings()
    lists = gateway.lists_for(settings)
    return _clearly(lambda: examine_holdings(gateway_for(settings).provider, lists))


def _clearly(work: Callable[[], T]) -> T:
    from aurapark.errors import DomainError
    from aurapark.payments.gateway import GatewayError

    try:
        return work()
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    except GatewayError as error:
        raise click.ClickException(f"the gateway gave no answer that can be used: {error}") from error


def _as_document(case: "Case") -> dict[str, Any]:
    return {
        "id": case.id,
        "kind": case.kind.value,
        "entity": case.entity,
        "entityId": case.entity_id,
        "state": case.state.value,
        "owner": case.owner,
        "openedAt": case.opened_at.isoformat(),
        "resolvedAt": case.resolved_at and case.resolved_at.isoformat(),
        "resolution": case.resolution and case.resolution.value,
        "reason": case.reason,
        "details": case.details,
    }


def _as_line(case: "Case") -> str:
    owner = f" {case.owner}" if case.owner else ""
    about = f"{case.kind} {case.entity} {case.entity_id} {json.dumps(case.details)}"
    return f"{case.id:>5} {case.opened_at:%Y-%m-%d %H:%M} {case.state}{owner} {about}"
