"""`aurapark agency …`: agencies and their state from the command line."""

from collections.abc import Callable

import click
from flask.cli import AppGroup

agencies = AppGroup("agency", help="Agencies, and whether they are on sale.")


@agencies.command("list")
def show() -> None:
    """Show every agency with its state and commission."""
    from aurapark.agencies.queries import list_all_agencies

    for agency in list_all_agencies():
        percent = "usual" if agency.commission_percent is None else f"{agency.commission_percent} %"
        click.echo(f"{agency.code:<12} {agency.state.value:<10} {percent:<6} {agency.name}")


@agencies.command("activate")
@click.argument("code")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
@click.option("--as", "actor", default="command line", help="Your name, for the audit log.")
def activate(code: str, reason: str, actor: str) -> None:
    """Put an agency on sale: a new one, or one that was suspended."""
    from aurapark.agencies.decisions import activate

    _decide(code, activate, reason=reason, actor=actor)


@agencies.command("suspend")
@click.argument("code")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
@click.option("--as", "actor", default="command line", help="Your name, for the audit log.")
def suspend(code: str, reason: str, actor: str) -> None:
    """Take an agency off sale; its tickets stay good."""
    from aurapark.agencies.decisions import suspend

    _decide(code, suspend, reason=reason, actor=actor)


@agencies.command("reseal")
def reseal() -> None:
    """Seal payout accounts with the newest SECRET_KEY, before an old one leaves SECRET_KEY_FALLBACKS."""
    from aurapark.accounts.asking import keys
    from aurapark.agencies.payout_accounts import seal_anew, sealer_for
    from aurapark.database import in_transaction

    sealer = sealer_for(keys())
    click.echo(f"sealed anew: {in_transaction(lambda: seal_anew(sealer))}")


def _decide(code: str, deed: Callable[..., object], *, reason: str, actor: str) -> None:
    from aurapark.agencies.queries import find_agency
    from aurapark.database import in_transaction
    from aurapark.errors import DomainError

    agency = find_agency(code)
    if agency is None:
        raise click.ClickException(f"there is no agency {code}")
    agency_id = agency.id
    try:
        in_transaction(lambda: deed(agency_id, actor=actor, reason=reason))
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    click.echo("done")
