"""Every agency, for everybody of the platform: newest first, narrowed, page by page, or as a file."""

from collections.abc import Iterator
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import Length, Optional

from aurapark.accounts.models import PlatformRole
from aurapark.agencies.models import AgencyState
from aurapark.agencies.queries import AgencySearch, each_agency, list_agencies
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.fields import ChoiceField, options
from aurapark.web.listing import ListForm, show_list
from aurapark.web.role_names import state_name

bp = AudienceBlueprint("platform_agency_list", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
FILES = ("csv", "xlsx")
WRONG = _l("Choose one of the list.")
COLUMNS = (  # as they stand in the table: what a program reads has no language
    Column("id", "number"),
    *(Column(name) for name in ("code", "name", "licence", "state")),
    Column("commission_percent", "number"),
)


class AgenciesForm(ListForm):
    """Which agencies are wanted; empty fields narrow nothing."""

    name = StringField(
        _l("Name, code or licence, or a part"), [Length(max=80)], filters=[lambda text: (text or "").strip()]
    )
    state = ChoiceField(_l("State"), [Optional()], wrong=WRONG, default="")

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.state.choices = options([("", _l("all")), *((one.value, state_name(one)) for one in AgencyState)])

    @property
    def search(self) -> AgencySearch:
        """Return what is wanted, once it was found to be valid."""
        return AgencySearch(self.name.data or "", AgencyState(self.state.data) if self.state.data else None)


@bp.get("/agencies", roles=EVERYBODY)
def agencies() -> Response:
    """Show a page of agencies with their state."""
    return show_list("admin/agencies.html", AgenciesForm(request.args), _page, exports=FILES)


@bp.get("/agencies.csv", roles=EVERYBODY, defaults={"ending": "csv"})
@bp.get("/agencies.xlsx", roles=EVERYBODY, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give the agencies out as a file, narrowed as the page was."""
    form = AgenciesForm(request.args)
    if not form.validate():
        return agencies()
    return send_export("agencies", ending, Sheet("agencies", COLUMNS, _rows(form)))


def _page(form: AgenciesForm) -> Any:
    return list_agencies(form.search, after=form.after.data)


def _rows(form: AgenciesForm) -> Iterator[tuple[Any, ...]]:
    for one in each_agency(form.search):
        yield one.id, one.code, one.name, one.licence, one.state.value, one.commission_percent
