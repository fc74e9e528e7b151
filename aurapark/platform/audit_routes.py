"""The audit log, for everybody of the platform: narrowed, page by page, or as a file. Nobody writes it."""

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from flask import Response as StreamedResponse
from flask import make_response, render_template, request, stream_with_context
from werkzeug.wrappers import Response

from aurapark.accounts.models import PlatformRole
from aurapark.audit_reading import AuditSearch, csv_lines, list_entries
from aurapark.platform.forms import AuditForm
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.pages import entry_before
from aurapark.web.problems import problems_of

bp = AudienceBlueprint("platform_audit", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
A_DAY = timedelta(days=1)


@bp.get("/audit", roles=EVERYBODY)
def log() -> Response:
    """Show a page of the log, newest first."""
    form = AuditForm(request.args)
    valid = form.validate()
    entries, behind = list_entries(_search(form), before=entry_before()) if valid else ([], None)
    kept = urlencode({name: value for name, value in request.args.items() if name in form and value})
    values = {"entries": entries, "behind": behind, "kept": kept}
    page = render_template("admin/audit.html", form=form, problems=problems_of(form), **values)
    return make_response(page, 200 if valid else 422)


@bp.get("/audit.csv", roles=EVERYBODY)
def export() -> Response:
    """Give the log out as a file, narrowed as the page was."""
    form = AuditForm(request.args)
    if not form.validate():
        return log()
    lines = stream_with_context(csv_lines(_search(form)))
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamedResponse(lines, mimetype="text/csv", headers=headers)


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
