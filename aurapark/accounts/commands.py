"""`aurapark user …`: the first admin, and accounts seen to from the command line. A password is never an argument."""

import secrets
from collections.abc import Callable
from typing import TypeVar

import click
from flask.cli import AppGroup

T = TypeVar("T")
ROLES = ("support", "finance", "admin")
GENERATED_BYTES = 15  # 120 bits, 20 characters

users = AppGroup("user", help="People who sign in.")


@users.command("create")
@click.argument("address")
@click.option("--name", required=True, help="How this person is called.")
@click.option("--role", type=click.Choice(ROLES), help="For the platform; without one it is a traveller.")
@click.option("--language", type=click.Choice(("fr", "en")), default="fr", show_default=True)
@click.option("--generate", is_flag=True, help="Make a password and print it once, instead of asking for one.")
@click.option("--as", "actor", default="command line", help="Your name, for the audit log.")
def create(address: str, name: str, role: str | None, language: str, generate: bool, actor: str) -> None:
    """Make an account, such as the first admin, with an e-mail address or a phone number."""
    from aurapark.accounts.administering import create_user
    from aurapark.accounts.models import PlatformRole
    from aurapark.accounts.passwords import find_weakness, hash_password

    read = _address(address)
    password = secrets.token_urlsafe(GENERATED_BYTES) if generate else _ask()
    if weakness := find_weakness(password, about=(read.value, name)):
        raise click.ClickException(weakness)
    known_role = PlatformRole(role) if role else None
    user_id = _clearly(
        lambda: create_user(
            read, name=name, password_hash=hash_password(password), role=known_role, language=language, actor=actor
        )
    )
    click.echo(f"user {user_id}: {read.value}, {role or 'traveller'}")
    if generate:
        click.echo(f"password, shown this once: {password}")


@users.command("disable")
@click.argument("address")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
@click.option("--as", "actor", default="command line", help="Your name, for the audit log.")
def disable(address: str, reason: str, actor: str) -> None:
    """Let somebody in no more, and end their sessions."""
    from aurapark.accounts.administering import disable_user

    ended = _clearly(lambda: disable_user(_address(address), reason=reason, actor=actor))
    click.echo(f"disabled; sessions ended: {ended}")


@users.command("enable")
@click.argument("address")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
@click.option("--as", "actor", default="command line", help="Your name, for the audit log.")
def enable(address: str, reason: str, actor: str) -> None:
    """Let somebody in again."""
    from aurapark.accounts.administering import enable_user

    _clearly(lambda: enable_user(_address(address), reason=reason, actor=actor))
    click.echo("enabled")


@users.command("reset-factor")
@click.argument("address")
@click.option("--reason", required=True, help="Why, and how you know who asked; it is kept for ever.")
@click.option("--as", "actor", default="command line", help="Your name, for the audit log.")
def reset_factor(address: str, reason: str, actor: str) -> None:
    """Take away the second factors of somebody who has lost them; their sessions end, and they are told."""
    from aurapark.accounts.factor_changes import reset_factors

    count = _clearly(lambda: reset_factors(_user_id(address), actor=actor, reason=reason))
    click.echo(f"second factors removed: {count}; the password alone opens the page that sets up a new one")


@users.group("sessions")
def sessions() -> None:
    """Where somebody is signed in."""


@sessions.command("end")
@click.argument("address")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
@click.option("--as", "actor", default="command line", help="Your name, for the audit log.")
def end_sessions(address: str, reason: str, actor: str) -> None:
    """Sign somebody out everywhere."""
    from aurapark.accounts.administering import end_sessions_of

    click.echo(f"sessions ended: {_clearly(lambda: end_sessions_of(_address(address), reason=reason, actor=actor))}")


def _ask() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _address(text: str):  # type: ignore[no-untyped-def]  # keeps the import of the feature lazy
    from aurapark.accounts.addresses import AddressError, read_address

    try:
        return read_address(text)
    except AddressError as error:
        raise click.ClickException(error.sentence) from error


def _user_id(text: str) -> int:
    from aurapark.accounts.errors import UserNotFound
    from aurapark.accounts.people import find_user

    user = find_user(_address(text))
    if user is None:
        raise UserNotFound
    return user.id


def _clearly(work: Callable[[], T]) -> T:
    """Do it; what the business refuses is one line, not a stack trace."""
    from aurapark.errors import DomainError

    try:
        return work()
    except DomainError as error:
        raise click.ClickException(str(error)) from error
