"""The page an invitation leads to: whoever accepts becomes staff of the agency. It signs nobody in."""

from flask import make_response, redirect, render_template, request
from flask_babel import get_locale
from werkzeug.wrappers import Response
from wtforms import Form

from aurapark.accounts import passwords
from aurapark.accounts.errors import AlreadyMember, WeakPassword
from aurapark.accounts.registering import require_strong
from aurapark.accounts.role_errors import OnBothSides
from aurapark.agencies.queries import get_agency
from aurapark.database import let_go
from aurapark.errors import DomainError
from aurapark.office import invitations
from aurapark.office.forms import JoinForm
from aurapark.office.invitations import Welcome
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.fields import SharedForm
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("join", __name__, audience=Audience.GUEST, url_prefix="/login/invitation")


@bp.get("/<secret>")
def ask(secret: str) -> Response:
    """Show who invites, as what; nothing is used up by looking."""
    welcome = invitations.open_invitation(secret)
    return _show(welcome, _form(welcome))


@bp.post("/<secret>")
def join(secret: str) -> Response:
    """Become staff, with a new password where there is none yet, and go to the sign-in page."""
    welcome = invitations.open_invitation(secret)
    form = _form(welcome)
    if not form.validate():
        return _show(welcome, form, status=422)
    try:
        name, password_hash = _new_account(welcome, form)
        invitations.accept(secret, name=name, password_hash=password_hash, language=str(get_locale()))
    except WeakPassword as error:
        form["new_password"].errors = [sentence_of(error)]
        return _show(welcome, form, status=422)
    except (AlreadyMember, OnBothSides) as error:
        return _show(welcome, form, status=error.status, error=error)
    return _unreferred(redirect("/login?next=/agency/", 303))


def _new_account(welcome: Welcome, form: Form) -> tuple[str | None, str | None]:
    if welcome.has_account:
        return None, None
    name, password = form["name"].data, form["new_password"].data
    require_strong(password, about=(welcome.sent_to, name))
    let_go()  # no connection is held while the password is hashed
    return name, passwords.hash_password(password)


def _form(welcome: Welcome) -> Form:
    return SharedForm(request.form) if welcome.has_account else JoinForm(request.form)


def _show(welcome: Welcome, form: Form, *, status: int = 200, error: DomainError | None = None) -> Response:
    agency = get_agency(welcome.agency_id)
    problems = [Problem(sentence_of(error))] if error else problems_of(form)
    page = render_template("agency/join.html", agency=agency, welcome=welcome, form=form, problems=problems)
    return _unreferred(make_response(page, status))


def _unreferred(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
