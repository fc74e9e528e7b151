"""My data: what is kept about me to read and to take along, and erasing my account."""

import json

from flask import Response as Download
from flask import make_response, redirect, render_template, request
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from aurapark.accounts.access import require_identity, sign_out
from aurapark.accounts.asking import show, show_again
from aurapark.accounts.errors import WrongPassword
from aurapark.accounts.forms import ASK_PASSWORD, MOST_PASSWORD
from aurapark.accounts.identity import Identity
from aurapark.travellers.erase import erase_account, list_obstacles
from aurapark.travellers.errors import ErasureRefused
from aurapark.travellers.own_data import collect_own_data
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.fields import SharedForm
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem

bp = AudienceBlueprint("own_data", __name__, audience=Audience.ACCOUNT, url_prefix="/account")

ERASE = "traveller/erase.html"
SHOWN = 20  # bookings on the page; the file has all


class EraseForm(SharedForm):
    """The password again."""

    password = PasswordField(_l("Password"), [InputRequired(ASK_PASSWORD), Length(max=MOST_PASSWORD)])


@bp.get("/data")
def read() -> str:
    """Show what is kept about this person."""
    found = collect_own_data(require_identity().user_id)
    latest = found["bookings"][::-1][:SHOWN]
    return render_template("traveller/data.html", found=found, latest=latest)


@bp.get("/data.json")
def take() -> Response:
    """Return what is kept about this person as a file."""
    text = json.dumps(collect_own_data(require_identity().user_id), ensure_ascii=False, indent=2)
    headers = {"Content-Disposition": 'attachment; filename="aurapark-data.json"'}
    return Download(text, headers=headers, content_type="application/json; charset=utf-8")


@bp.get("/erase", step_up=True)
def ask() -> Response:
    """Say what erasing means and what stands against it; ask for the password."""
    return _show(require_identity(), EraseForm())


@bp.post("/erase", step_up=True)
def erase() -> Response:
    """Erase the account and see its owner out; this browser forgets what it kept."""
    who, form = require_identity(), EraseForm(request.form)
    if not form.validate():
        return _show(who, form, status=422)
    try:
        erase_account(who, form.password.data)
    except WrongPassword as error:
        return show_again(ERASE, form, error, field="password", who=who, obstacles=list_obstacles(who.user_id))
    except ErasureRefused as error:
        problems = [Problem(sentence_of(error))]
        obstacles = list_obstacles(who.user_id)
        page = render_template(ERASE, form=form, problems=problems, who=who, obstacles=obstacles)
        return make_response(page, error.status)
    response = sign_out(redirect("/login?done=erased", 303))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _show(who: Identity, form: EraseForm, *, status: int = 200) -> Response:
    return show(ERASE, form, status=status, who=who, obstacles=list_obstacles(who.user_id))
