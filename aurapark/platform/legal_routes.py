"""What an agency is called in the registers: on its statements, changed by an admin who says why."""

from flask import make_response, redirect, render_template, request
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import Length

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.agencies import decisions
from aurapark.agencies.queries import get_agency
from aurapark.database import in_transaction
from aurapark.errors import N_
from aurapark.office.forms import ReasonForm
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.problems import problems_of

bp = AudienceBlueprint("platform_legal", __name__, audience=Audience.PLATFORM, url_prefix="/admin/agencies")

ADMIN = frozenset({PlatformRole.ADMIN})
DONE = {"legal": N_("The legal data is changed. Statements name it from now on.")}
LONGEST = 160


def _line(label: object) -> StringField:
    """One line of text; empty means that it is not known."""
    return StringField(label, [Length(max=LONGEST)], filters=[lambda text: " ".join((text or "").split()) or None])


class LegalForm(ReasonForm):
    """Name, address and numbers as the registers have them, and why they change."""

    legal_name = _line(_l("Name of the company"))
    legal_address = _line(_l("Address of the company"))
    rccm = _line(_l("Number in the trade register (RCCM)"))
    niu = _line(_l("Taxpayer number (NIU)"))


@bp.get("/<int:agency_id>/legal", roles=ADMIN)
def legal(agency_id: int) -> Response:
    """Show what is known."""
    return _show(agency_id, LegalForm(obj=get_agency(agency_id)))


@bp.post("/<int:agency_id>/legal", roles=ADMIN, step_up=True)
def change(agency_id: int) -> Response:
    """Change it, for statements made from now on."""
    form, actor = LegalForm(request.form), require_identity().actor
    get_agency(agency_id)
    if not form.validate():
        return _show(agency_id, form, status=422)
    data, reason = {name: form[name].data for name in decisions.LEGAL}, form.reason.data
    in_transaction(lambda: decisions.set_legal_data(agency_id, data, actor=actor, reason=reason))
    return redirect(f"/admin/agencies/{agency_id}/legal?done=legal", 303)


def _show(agency_id: int, form: LegalForm, *, status: int = 200) -> Response:
    agency, done = get_agency(agency_id), done_words(DONE)
    page = render_template("admin/legal.html", agency=agency, form=form, problems=problems_of(form), done=done)
    return make_response(page, status)
