"""The audit log, for everybody of the platform: narrowed, page by page, or as a file. Nobody writes it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import request
from werkzeug.wrappers import Response

from aurapark.accounts.models import PlatformRole
from aurapark.audit_chain import read_state
from aurapark.audit_reading import AuditSearch, each_entry, list_entries
from aurapark.extensions import db
from aurapark.platform.forms import AuditForm
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.listing import show_list

bp = AudienceBlueprint("platform_audit", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
A_DAY = timedelta(days=1)
FILES = ("csv", "xlsx")
COLUMNS = (  # as they stand in the table: what a program reads has no language
    Column("id", "number"),
    Column("at", "time"),
    *(Column(name) for name in ("actor", "action", "entity", "entity_id", "reason", "before", "after")),
)


@bp.get("/audit", roles=EVERYBODY)
def log() -> Response:
    """Show a page of the log, newest first."""
    chain = read_state(db.session.connection())
    return show_list("admin/audit.html", AuditForm(request.args), _page, exports=FILES, chain=chain)


@bp.get("/audit.csv", roles=EVERYBODY, defaults={"ending": "csv"})
@bp.get("/audit.xlsx", roles=EVERYBODY, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give the log out as a file, narrowed as the page was."""
    form = AuditForm(request.args)
    if not form.validate():
        return log()
    return send_export("audit", ending, Sheet("audit", COLUMNS, _rows(form), zone="UTC"))


def _page(form: AuditForm) -> Any:
    return list_entries(_search(form), after=form.after.data)


def _rows(form: AuditForm) -> Iterator[tuple[Any, ...]]:
    for one in each_entry(_search(form)):
        what = one.action, one.entity, one.entity_id
        yield one.id, one.at, one.actor, *what, one.reason, one.before, one.after


def _search(form: AuditForm) -> AuditSearch:
    return AuditSearch(
        action=form.action.data or "",
        actor=form.actor.data or "",
        entity=form.entity.data or "",
        entity_id=form.entity_id.data or "",
        since=_start(form.since.data),
        until=_start(form.until.data, A_DAY),
    )


def _start(day: date | None, later: timedelta = timedelta()) -> datetime | None:
    return datetime.combine(day, time(), UTC) + later if day else None
