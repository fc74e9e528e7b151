"""`aurapark refunds …`: what waits for a person, paid back by two of them, withdrawn before it is sent."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from aurapark.refunds.models import Refund

T = TypeVar("T")

refunds = AppGroup(
    "refunds", help="Refunds that failed, paid back by two persons with a proof; refunds withdrawn in time."
)


@refunds.command("list")
def list_all() -> None:
    """Show the refunds that failed, longest first."""
    from aurapark.refunds.queries import list_failed

    click.echo("\n".join(_as_line(refund) for refund in list_failed()) or "no refund has failed")


@refunds.command("paid")
@click.argument("refund_id", type=int)
@click.option("--as", "actor", required=True, help="Your name.")
@click.option("--proof", required=True, help="How it was paid back, and where the proof is.")
def paid(refund_id: int, actor: str, proof: str) -> None:
    """Say that the money of a failed refund was paid back by bank; a second person approves."""
    from aurapark.checkout.refund_by_hand import propose_done

    click.echo(_as_line(_clearly(lambda: propose_done(refund_id, actor=actor, proof=proof))))


@refunds.command("approve")
@click.argument("refund_id", type=int)
@click.option("--as", "actor", required=True, help="Your name; not that of who paid.")
@click.option("--reason", required=True, help="Why you are sure.")
def approve(refund_id: int, actor: str, reason: str) -> None:
    """Approve that a failed refund was paid back: it is booked from the bank."""
    from aurapark.checkout.refund_by_hand import approve_done

    click.echo(_as_line(_clearly(lambda: approve_done(refund_id, actor=actor, reason=reason))))


@refunds.command("withdraw")
@click.argument("refund_id", type=int)
@click.option("--as", "actor", required=True, help="Your name; the case of this money is yours from then on.")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
def withdraw(refund_id: int, actor: str, reason: str) -> None:
    """Take back a refund that was never sent."""
    from aurapark.checkout.withdraw import withdraw_refund

    click.echo(_as_line(_clearly(lambda: withdraw_refund(refund_id, actor=actor, reason=reason))))


def _clearly(work: Callable[[], T]) -> T:
    from aurapark.errors import DomainError

    try:
        return work()
    except DomainError as error:
        raise click.ClickException(str(error)) from error


def _as_line(refund: "Refund") -> str:
    known = f"{refund.state} {refund.amount} {refund.currency} {refund.reason} payment={refund.payment_id}"
    return f"{refund.id:>5} {refund.updated_at:%Y-%m-%d %H:%M} {known} why={refund.failure or '-'}"
