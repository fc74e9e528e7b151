"""The project's command: `aurapark …`. Every command is a thin door to a function that lives elsewhere."""

import json
import sys
from datetime import UTC, datetime

import click
from flask.cli import FlaskGroup

from aurapark.accounts.commands import users
from aurapark.checkout.dispute_commands import disputes
from aurapark.checkout.refund_commands import refunds
from aurapark.config import SettingsError
from aurapark.jobs.commands import jobs, outbox
from aurapark.notifications.commands import messages
from aurapark.platform.commands import agencies
from aurapark.reconciliation.audit_commands import audit
from aurapark.reconciliation.commands import cases, reconcile
from aurapark.settlements.commands import settlements


def _create_app():  # type: ignore[no-untyped-def]  # keeps the import of Flask's application lazy
    from aurapark import create_app

    return create_app()


@click.group(cls=FlaskGroup, create_app=_create_app, add_default_commands=False, add_version_option=False)
def group() -> None:
    """AuraPark: sells seats on intercity buses."""


@group.command("run", with_appcontext=False)
def run() -> None:
    """Start everything: database, queue, web, workers and the Flutterwave sandbox."""
    from aurapark.devstack import runner

    sys.exit(runner.run())


@group.command("web", with_appcontext=False)
def web() -> None:
    """Start the web server alone."""
    from aurapark.web import server

    server.serve()


@group.command("worker")
def worker() -> None:
    """Run jobs as soon as somebody asks for them through Redis."""
    from aurapark.process import begin
    from aurapark.settings import current_settings
    from workers import worker

    begin("worker", current_settings())
    worker.run(current_settings().redis_url)


@group.command("sweeper")
def sweeper() -> None:
    """Do all due work every few seconds, without Redis."""
    from aurapark.process import begin
    from aurapark.settings import current_settings
    from workers import sweeper

    begin("sweeper", current_settings())
    sweeper.run(current_settings())


@group.command("scheduler")
def scheduler() -> None:
    """Put what is due by the clock into the worker's queue."""
    from aurapark.process import begin
    from aurapark.settings import current_settings
    from workers import scheduler

    begin("scheduler", current_settings())
    scheduler.run(current_settings())


@group.command("sandbox", with_appcontext=False)
def sandbox() -> None:
    """Start the Flutterwave sandbox alone."""
    from aurapark.devstack.sandbox import serve

    serve()


@group.group("db")
def database() -> None:
    """The database's shape."""


@database.command("upgrade")
def upgrade() -> None:
    """Bring the database to the newest migration; safe to run twice and at once."""
    from flask_migrate import upgrade as run_migrations

    run_migrations()


@group.group("demo")
def demo() -> None:
    """Demo data, for development only."""


@demo.command("load")
@click.option("--seed", default=237, show_default=True, help="Other numbers seat other people elsewhere.")
@click.option("--scale", default=1, show_default=True, type=click.IntRange(1, 100), help="So many times the network.")
@click.option("--if-empty", is_flag=True, help="Do nothing when there are trips.")
def load_demo(seed: int, scale: int, if_empty: bool) -> None:
    """Load the demo network, trips for the days ahead and people on them; again adds only what is missing."""
    from aurapark.demo import loader
    from aurapark.settings import current_settings

    if current_settings().production:
        raise click.ClickException("demo data does not belong into production; nothing was loaded")
    if not if_empty or loader.is_empty():
        click.echo(loader.load_demo(current_settings(), seed=seed, scale=scale).as_text())


@group.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--gateway", "with_gateway", is_flag=True, help="Ask the gateway too what it holds for us (I17).")
@click.option("--full", is_flag=True, help="Check the audit log's chain from its first link.")
def doctor(as_json: bool, with_gateway: bool, full: bool) -> None:
    """Check every invariant on live data; exit 0 only when all are clean."""
    from aurapark.extensions import db
    from aurapark.reconciliation import doctor
    from aurapark.reconciliation.commands import ask_about_holdings
    from aurapark.reconciliation.limits import examine_limits
    from aurapark.settings import current_settings

    findings = doctor.examine(db.engine, full=full)
    if current_settings().rate_limits:
        findings.append(examine_limits())
    if with_gateway:
        findings.append(ask_about_holdings())
    document = json.dumps(doctor.as_document(findings), indent=2, default=str)
    click.echo(document if as_json else doctor.as_text(findings))
    sys.exit(0 if doctor.all_clean(findings) else 1)


group.add_command(agencies)
group.add_command(audit)
group.add_command(cases)
group.add_command(messages)
group.add_command(jobs)
group.add_command(outbox)
group.add_command(refunds)
group.add_command(settlements)
group.add_command(users)
group.add_command(disputes)
group.add_command(reconcile)


@group.group("ledger")
def ledger() -> None:
    """The books: every movement of money."""


@ledger.command("balances")
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"]), help="As of a moment; a day in UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show_balances(at: datetime | None, as_json: bool) -> None:
    """Show what stands on each account: debit +, credit −."""
    from aurapark.ledger.queries import list_balances
    from aurapark.ledger.statements import balances_as_document, balances_as_text

    moment = at and (at if at.tzinfo else at.replace(tzinfo=UTC))
    balances = list_balances(at=moment)
    click.echo(json.dumps(balances_as_document(balances), indent=2) if as_json else balances_as_text(balances))


@ledger.command("refill")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default="1970-01-01", help="A day in UTC; else all of it.")
def refill(since: datetime) -> None:
    """Add the sums by hour up anew, from a day on: after movements were written with older dates."""
    from aurapark.database import in_transaction
    from aurapark.ledger.hours import fill_hours, open_again

    in_transaction(lambda: open_again(since.replace(tzinfo=UTC)))
    hours = 0
    while more := in_transaction(fill_hours):
        hours += more
    click.echo(f"hours added up: {hours}")


@ledger.command("booking")
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show_booking_entries(reference: str, as_json: bool) -> None:
    """Show every movement of one booking's money, in order."""
    from aurapark.booking.errors import BookingNotFound
    from aurapark.booking.queries import get_booking
    from aurapark.ledger.queries import list_booking_entries
    from aurapark.ledger.statements import entries_as_document, entries_as_text

    try:
        entries = list_booking_entries(get_booking(reference).id)
    except BookingNotFound as error:
        raise click.ClickException(f"there is no booking {reference}") from error
    click.echo(json.dumps(entries_as_document(reference, entries), indent=2) if as_json else entries_as_text(entries))


@group.command("routes")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def routes(as_json: bool) -> None:
    """Show every route of the site and who it is for."""
    from flask import current_app

    from aurapark.web.audience import list_routes

    found = list_routes(current_app)
    lines = "\n".join(f"{r['audience']:<10} {','.join(r['methods']):<10} {r['rule']}" for r in found)
    click.echo(json.dumps(found, indent=2) if as_json else lines)


def main() -> None:
    """Run the command; a wrong setting is one line that says what to do, not a stack trace."""
    try:
        group(prog_name="aurapark")
    except SettingsError as error:
        for line in str(error).splitlines():
            click.echo(f"aurapark: {line}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
