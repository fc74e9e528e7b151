"""`aurapark refunds …`: what waits for a person, paid back by two of them, withdrawn before it is sent."""

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from aurapark.refunds.models import Refund

refunds = AppGroup(
    "refunds", help="Refunds that failed, paid back by two persons with a proof; refunds withdrawn in time."
)


@refunds.command("list")
def list_all() -> None:
    """Show the refunds that failed, longest first."""
    from aurapark.refunds.queries import list_failed

    click.echo("\n".join(_as_line(refund) for refund in list_failed()) or "no refund has failed")


def _of_a_refund(person: str, why: str, words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The arguments of every deed: which refund, who does it, and why or with what proof."""
    options = (
        click.option(f"--{why}", required=True, help=words),
        click.option("--as", "actor", required=True, help=person),
        click.argument("refund_id", type=int),
    )
    return lambda command: reduce(lambda wrapped, option: option(wrapped), options, command)


@refunds.command("paid")
@_of_a_refund("Your name.", "proof", "How it was paid back, and where the proof is.")
def paid(**deed: Any) -> None:
    """Say that the money of a failed refund was paid back by bank; a second person approves."""
    from aurapark.checkout.refund_by_hand import propose_done

    _do(propose_done, **deed)


@refunds.command("approve")
@_of_a_refund("Your name; not that of who paid.", "reason", "Why you are sure.")
def approve(**deed: Any) -> None:
    """Approve that a failed refund was paid back: it is booked from the bank."""
    from aurapark.checkout.refund_by_hand import approve_done

    _do(approve_done, **deed)


@refunds.command("withdraw")
@_of_a_refund("Your name; the case of this money is yours from then on.", "reason", "Why; it is kept for ever.")
def withdraw(**deed: Any) -> None:
    """Take back a refund that was never sent."""
    from aurapark.checkout.withdraw import withdraw_refund

    _do(withdraw_refund, **deed)


def _do(story: Callable[..., "Refund"], refund_id: int, **deed: str) -> None:
    from aurapark.errors import DomainError

    try:
        click.echo(_as_line(story(refund_id, **deed)))
    except DomainError as error:
        raise click.ClickException(str(error)) from error


def _as_line(refund: "Refund") -> str:
    known = f"{refund.state} {refund.amount} {refund.currency} {refund.reason} payment={refund.payment_id}"
    return f"{refund.id:>5} {refund.updated_at:%Y-%m-%d %H:%M} {known} why={refund.failure or '-'}"
