"""`aurapark disputes …`: what payers ask back through their banks, opened and closed by hand as on the pages."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from aurapark.disputes.models import Dispute

T = TypeVar("T")
STATES = ("reported", "open", "won", "lost", "dropped")

disputes = AppGroup("disputes", help="Money that payers ask back through their banks.")


@disputes.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these; otherwise those that are reported or open.")
def list_all(state: str | None) -> None:
    """Show disputes, oldest first."""
    from aurapark.disputes.models import DisputeState
    from aurapark.disputes.queries import list_disputes

    found = list_disputes(*([DisputeState(state)] if state else []))
    click.echo("\n".join(_as_line(dispute) for dispute in found) or "no disputes")


@disputes.command("open")
@click.argument("tx_ref")
@click.option("--as", "actor", required=True, help="Your name.")
@click.option("--reason", required=True, help="What the gateway said, and where; it is kept for ever.")
@click.option("--amount", type=int, help="What is disputed, in whole units; by default all that was paid.")
@click.option("--id", "gateway_id", help="The gateway's own id of the dispute.")
def open_one(tx_ref: str, actor: str, reason: str, amount: int | None, gateway_id: str | None) -> None:
    """Open a dispute of the payment TX_REF: its money is held, refunds wait, unused tickets are void."""
    from aurapark.checkout.dispute_by_hand import open_by_hand

    given = {"actor": actor, "reason": reason, "gateway_dispute_id": gateway_id}
    click.echo(_as_line(_clearly(lambda: open_by_hand(tx_ref, amount=amount, **given))))  # type: ignore[arg-type]


@disputes.command("won")
@click.argument("dispute_id", type=int)
@click.option("--as", "actor", required=True, help="Your name.")
@click.option("--reason", required=True, help="What the gateway said, and where.")
def won(dispute_id: int, actor: str, reason: str) -> None:
    """Say that a dispute was won: the money is ours again."""
    _close(dispute_id, True, actor, reason)


@disputes.command("lost")
@click.argument("dispute_id", type=int)
@click.option("--as", "actor", required=True, help="Your name.")
@click.option("--reason", required=True, help="What the gateway said, and where.")
def lost(dispute_id: int, actor: str, reason: str) -> None:
    """Say that a dispute was lost: the money went back to its payer."""
    _close(dispute_id, False, actor, reason)


def _close(dispute_id: int, won: bool, actor: str, reason: str) -> None:
    from aurapark.checkout.dispute_by_hand import close_by_hand

    click.echo(_as_line(_clearly(lambda: close_by_hand(dispute_id, won=won, actor=actor, reason=reason))))


def _clearly(work: Callable[[], T]) -> T:
    from aurapark.errors import DomainError

    try:
        return work()
    except DomainError as error:
        raise click.ClickException(str(error)) from error


def _as_line(dispute: "Dispute") -> str:
    known = f"{dispute.state} {dispute.amount or '-'} {dispute.currency or '-'} {dispute.provider}"
    about = f"payment={dispute.payment_id or '-'} id={dispute.gateway_dispute_id or '-'}"
    return f"{dispute.id:>5} {dispute.created_at:%Y-%m-%d %H:%M} {known} {about} said={dispute.gateway_status or '-'}"
