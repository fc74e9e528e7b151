"""Accounts, for support and admins: found by an address and a reason, disabled, signed out, given a role."""

from collections.abc import Callable
from functools import partial

from flask import make_response, redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from aurapark.accounts.access import go_on, require_identity
from aurapark.accounts.factor_changes import reset_factors
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import PlatformRole
from aurapark.accounts.people import find_user
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError
from aurapark.office.forms import ReasonForm
from aurapark.platform import users
from aurapark.platform.forms import FindUserForm, PlatformRoleForm
from aurapark.platform.readings import may_read, note_reading
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("platform_users", __name__, audience=Audience.PLATFORM, url_prefix="/admin/users")

READ = frozenset({PlatformRole.SUPPORT, PlatformRole.ADMIN})
ADMIN = frozenset({PlatformRole.ADMIN})
NOBODY = N_("There is no account with this address.")
DONE = {
    "disabled": N_("The account is disabled and signed out everywhere."),
    "enabled": N_("The account is enabled again."),
    "sessions": N_("This person is signed out everywhere."),
    "factor": N_("The second factor is taken away. This person sets up a new one after the next sign-in."),
    "role": N_("The role is changed. This person signs in again."),
}


@bp.get("", roles=READ)
def ask() -> Response:
    """Ask whose account to read, and why."""
    return _ask(FindUserForm())


@bp.post("", roles=READ)
def find() -> Response:
    """Note who reads whose account and why, and show it. The address stands in no address of a page."""
    form, who = FindUserForm(request.form), require_identity()
    if not form.validate():
        return _ask(form, status=422)
    found = find_user(form.address.data)
    if found is None:
        return _ask(form, status=404, problem=gettext(NOBODY))
    return _note(found.id, who, form.reason.data)


@bp.get("/<int:user_id>", roles=READ)
def person(user_id: int) -> Response:
    """Show an account to whoever has said why within the last half hour; ask why first otherwise."""
    return _show(user_id, None)


@bp.post("/<int:user_id>/read", roles=READ)
def read(user_id: int) -> Response:
    """Note why this account is read."""
    form, who = ReasonForm(request.form), require_identity()
    users.get_person(user_id)
    if not form.validate():
        return _show(user_id, form, status=422)
    return _note(user_id, who, form.reason.data)


@bp.post("/<int:user_id>/disable", roles=READ, step_up=True)
def disable(user_id: int) -> Response:
    """Disable an account."""
    return _act(user_id, users.disable, "disabled")


@bp.post("/<int:user_id>/enable", roles=READ, step_up=True)
def enable(user_id: int) -> Response:
    """Let somebody in again."""
    return _act(user_id, users.enable, "enabled")


@bp.post("/<int:user_id>/sessions/end", roles=READ, step_up=True)
def end_sessions(user_id: int) -> Response:
    """Sign somebody out everywhere."""
    return _act(user_id, users.end_sessions, "sessions")


@bp.post("/<int:user_id>/second-factor/reset", roles=ADMIN, step_up=True)
def reset_factor(user_id: int) -> Response:
    """Take away the second factor of somebody who has lost it."""
    form, who = ReasonForm(request.form), require_identity()
    users.require_other(user_id, by=who)
    if not form.validate():
        return _show(user_id, form, status=422)
    reset_factors(user_id, actor=who.actor, reason=form.reason.data)
    wake("send_messages")
    return redirect(f"/admin/users/{user_id}?done=factor", 303)


@bp.post("/<int:user_id>/role", roles=ADMIN, step_up=True)
def set_role(user_id: int) -> Response:
    """Give somebody a role of the platform, or take it; an admin who steps down goes on under a new token."""
    form, who = PlatformRoleForm(request.form), require_identity()
    users.get_person(user_id)
    if not form.validate():
        return _show(user_id, form, status=422)
    role = PlatformRole(form.role.data) if form.role.data else None
    deed = partial(users.set_platform_role, user_id, role, by=who, reason=form.reason.data)
    try:
        if user_id == who.user_id:
            go_on(in_same=deed)
            return redirect("/account", 303)
        in_transaction(deed)
    except DomainError as error:
        return _show(user_id, form, status=error.status, problem=sentence_of(error))
    return redirect(f"/admin/users/{user_id}?done=role", 303)


def _act(user_id: int, deed: Callable[..., object], done: str) -> Response:
    form, who = ReasonForm(request.form), require_identity()
    users.get_person(user_id)
    if not form.validate():
        return _show(user_id, form, status=422)
    try:
        in_transaction(lambda: deed(user_id, by=who, reason=form.reason.data))
    except DomainError as error:
        return _show(user_id, form, status=error.status, problem=sentence_of(error))
    return redirect(f"/admin/users/{user_id}?done={done}", 303)


def _note(user_id: int, who: Identity, reason: str) -> Response:
    in_transaction(lambda: note_reading(users.ENTITY, str(user_id), by=who, reason=reason))
    return redirect(f"/admin/users/{user_id}", 303)


def _ask(form: FindUserForm, *, status: int = 200, problem: str = "") -> Response:
    problems = [Problem(problem, "address")] if problem else problems_of(form)
    return make_response(render_template("admin/users.html", form=form, problems=problems), status)


def _show(user_id: int, form: ReasonForm | None, *, status: int = 200, problem: str = "") -> Response:
    who, found = require_identity(), users.get_person(user_id)
    if not may_read(users.ENTITY, str(user_id), by=who):
        asked = form or ReasonForm()
        address, back = f"/admin/users/{user_id}/read", "/admin/users"
        problems = [Problem(problem)] if problem else problems_of(asked)
        page = render_template("admin/why.html", form=asked, action=address, back=back, problems=problems)
        return make_response(page, status)
    role = found.user.platform_role
    shown = PlatformRoleForm(request.form or None, role=role.value if role else "")
    shown.reason.errors = [*form.reason.errors] if form else []
    page = render_template(
        "admin/user.html",
        who=who,
        person=found,
        form=shown,
        problems=[Problem(problem)] if problem else problems_of(shown),
        done=done_words(DONE),
    )
    return make_response(page, status)
