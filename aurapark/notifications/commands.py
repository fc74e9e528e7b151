"""`aurapark messages …`: what we tell people, to be read before it is told."""

import click
from flask.cli import AppGroup

from aurapark.notifications.gsm import ONE_SMS, gsm_length
from aurapark.notifications.messages import Message
from aurapark.notifications.specimen import Specimen, list_specimens
from aurapark.settings import current_settings

LANGUAGES = ("fr", "en")

messages = AppGroup("messages", help="What we tell people by SMS and mail.")


@messages.command("preview")
@click.argument("kind", required=False, type=click.Choice([message.value for message in Message]))
@click.option("--lang", type=click.Choice(LANGUAGES), help="One language; by default both, one below the other.")
@click.option("--html", is_flag=True, help="Print the HTML of the mail instead of its text.")
def preview(kind: str | None, lang: str | None, html: bool) -> None:
    """Print a message, or all of them, with made-up facts."""
    specimens = list_specimens((lang,) if lang else LANGUAGES, site_url=current_settings().site_url)
    click.echo("\n".join(_as_text(one, html) for one in specimens if kind in (None, one.message)))


def _as_text(one: Specimen, html: bool) -> str:
    lines = [f"=== {one.message}, {one.language}"]
    if one.sms:
        lines += [f"--- SMS, {gsm_length(one.sms.text)} of {ONE_SMS}", one.sms.text]
    if one.letter:
        size = len(one.letter.html.encode())
        lines += [f"--- mail: {one.letter.subject} (HTML {size} bytes)", one.letter.html if html else one.letter.text]
    return "\n".join(lines)
