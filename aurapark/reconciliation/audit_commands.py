"""`aurapark audit …`: the head of the audit log's chain, its proof, and the log as lines that anybody can check."""

import json
import re
import sys
from datetime import UTC

import click
from flask.cli import AppGroup

PUBLISHED = re.compile(r"(\d{1,18}):([0-9a-f]{64})")

audit = AppGroup("audit", help="The audit log and the chain that proves it unchanged.")


@audit.command("head")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show_head(as_json: bool) -> None:
    """Print the newest link as NUMBER:HASH; keep it where the database's administrator cannot write."""
    from aurapark.audit_chain import read_head
    from aurapark.extensions import db

    with db.engine.connect() as connection:
        head = read_head(connection)
    sealed_at = head.sealed_at.astimezone(UTC).isoformat(timespec="seconds")
    document = {"number": head.number, "hash": head.hash, "sealedAt": sealed_at}
    click.echo(json.dumps(document) if as_json else f"{head.number}:{head.hash}")


@audit.command("verify")
@click.option("--head", "published", help="NUMBER:HASH as `audit head` printed it earlier.")
def verify(published: str | None) -> None:
    """Check every link from the first; exit 0 only when the chain holds, and runs through the given head."""
    from aurapark.audit_chain import check_all, read_head
    from aurapark.extensions import db

    given = PUBLISHED.fullmatch(published) if published else None
    if published and given is None:
        raise click.ClickException("the head is NUMBER:HASH, as `aurapark audit head` prints it")
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        head = read_head(connection)
        breaks = check_all(connection, (int(given[1]), given[2]) if given else None)
    for one in breaks:
        entry = f", entry {one.log_id}" if one.log_id else ""
        click.echo(f"link {one.seal or '?'}{entry}: {one.what}")
    if breaks:
        sys.exit(1)
    click.echo(f"{head.number} links hold, the newest is {head.hash}")


@audit.command("export")
@click.option("--after", default=0, show_default=True, type=click.IntRange(0), help="Only links behind this number.")
def export(after: int) -> None:
    """Print the sealed entries as JSON lines: number, content, hash = SHA-256 of the hash before and the content."""
    from aurapark.audit_chain import list_links
    from aurapark.extensions import db

    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        for number, content, link in list_links(connection, after):
            click.echo(json.dumps({"number": number, "content": content, "hash": link}, ensure_ascii=False))
