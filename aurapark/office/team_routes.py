"""Staff of an agency: who works here, invitations and roles."""

from collections.abc import Callable
from functools import partial

from flask import make_response, redirect, render_template, request
from flask_babel import get_locale
from werkzeug.wrappers import Response
from wtforms import Form

from aurapark.accounts import members
from aurapark.accounts.access import go_on
from aurapark.accounts.asking import keys
from aurapark.accounts.factor_changes import reset_factors
from aurapark.accounts.models import AgencyRole
from aurapark.accounts.role_errors import OwnAccount
from aurapark.audit_reading import AuditSearch, list_entries
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError
from aurapark.office import invitations
from aurapark.office.forms import InviteForm, ReasonForm, RoleForm
from aurapark.office.scope import Staff, current_staff
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.language import sentence_of
from aurapark.web.listing import ListForm, show_list
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("office", __name__, audience=Audience.AGENCY, url_prefix="/agency")

READ_TEAM = frozenset({AgencyRole.OWNER, AgencyRole.MANAGER})
OWNER = frozenset({AgencyRole.OWNER})
DONE = {
    "invited": N_("The invitation is on its way. It is good for 30 minutes."),
    "withdrawn": N_("The invitation is withdrawn."),
    "role": N_("The role is changed. This person signs in again."),
    "own_role": N_("Your role is changed."),
    "left": N_("This person no longer works here, and is signed out."),
    "sessions": N_("This person is signed out everywhere."),
    "factor": N_("The second factor is taken away. This person sets up a new one after the next sign-in."),
}


@bp.get("/audit", roles=OWNER)
def audit_log() -> Response:
    """Show who did what about this agency: its roles, its state, its payout account."""
    staff = current_staff()
    search = AuditSearch(entity=members.AGENCY, entity_id=str(staff.agency.id))
    form = ListForm(request.args)
    return show_list("agency/audit.html", form, lambda form: list_entries(search, after=form.after.data), staff=staff)


@bp.get("/team", roles=READ_TEAM)
def team() -> Response:
    """Show who works here and who is invited."""
    return _show_team(InviteForm())


@bp.post("/team/invitations", roles=OWNER, step_up=True)
def invite() -> Response:
    """Invite somebody; the same answer whether or not the address has an account."""
    form, staff = InviteForm(request.form), current_staff()
    if not form.validate():
        return _show_team(form, status=422)
    role, language = AgencyRole(form.role.data), str(get_locale())
    address = form.address.data
    try:
        invitations.invite(staff.agency.id, address, role, by=staff.who, key=keys()[0], language=language)
    except DomainError as error:
        return _show_team(form, status=error.status, problem=sentence_of(error))
    wake("send_messages")
    return redirect("/agency/team?done=invited", 303)


@bp.post("/team/invitations/<int:invitation_id>/again", roles=OWNER, step_up=True)
def invite_again(invitation_id: int) -> Response:
    """Send a new link in place of the one before."""
    staff = current_staff()
    invitations.send_again(staff.agency.id, invitation_id, by=staff.who, key=keys()[0])
    wake("send_messages")
    return redirect("/agency/team?done=invited", 303)


@bp.post("/team/invitations/<int:invitation_id>/withdraw", roles=OWNER, step_up=True)
def withdraw(invitation_id: int) -> Response:
    """Let an invitation be good for nothing."""
    staff = current_staff()
    invitations.withdraw(staff.agency.id, invitation_id, by=staff.who)
    return redirect("/agency/team?done=withdrawn", 303)


@bp.get("/team/<int:member_id>", roles=OWNER)
def member(member_id: int) -> Response:
    """Show somebody who works here, with what an owner may do."""
    return _show_member(current_staff(), member_id, RoleForm())


@bp.post("/team/<int:member_id>/role", roles=OWNER, step_up=True)
def change_role(member_id: int) -> Response:
    """Give somebody another role: their sessions end; an owner who steps down goes on under a new token."""
    form, staff = RoleForm(request.form), current_staff()
    if not form.validate():
        return _show_member(staff, member_id, form, status=422)
    role, reason, agency_id = AgencyRole(form.role.data), form.reason.data, staff.agency.id
    own = members.get_member(agency_id, member_id).user_id == staff.who.user_id
    work = partial(members.change_role, agency_id, member_id, role, by=staff.who, reason=reason)
    return _act(work, "own_role" if own else "role", staff, member_id, form)


@bp.post("/team/<int:member_id>/end", roles=OWNER, step_up=True)
def end_membership(member_id: int) -> Response:
    """Let somebody go."""
    form, staff = ReasonForm(request.form), current_staff()
    work = partial(members.end_membership, staff.agency.id, member_id, by=staff.who, reason=form.reason.data)
    return _act(work, "left", staff, member_id, form)


@bp.post("/team/<int:member_id>/sessions/end", roles=OWNER)
def end_sessions(member_id: int) -> Response:
    """Sign somebody who works here out everywhere."""
    form, staff = ReasonForm(request.form), current_staff()
    work = partial(members.end_member_sessions, staff.agency.id, member_id, by=staff.who, reason=form.reason.data)
    return _act(work, "sessions", staff, member_id, form)


@bp.post("/team/<int:member_id>/second-factor/reset", roles=OWNER, step_up=True)
def reset_factor(member_id: int) -> Response:
    """Take away the second factor of somebody who has lost it; their own is seen to on the page of the account."""
    form, staff = ReasonForm(request.form), current_staff()
    found = members.get_member(staff.agency.id, member_id)
    if found.user_id == staff.who.user_id:
        raise OwnAccount
    if not form.validate():
        return _show_member(staff, member_id, form, status=422)
    reset_factors(found.user_id, actor=staff.who.actor, reason=form.reason.data)
    wake("send_messages")
    return redirect("/agency/team?done=factor", 303)


def _act(work: Callable[[], object], done: str, staff: Staff, member_id: int, form: ReasonForm | RoleForm) -> Response:
    """Do it, and say what the business says about it on the page it came from."""
    if not form.validate():
        return _show_member(staff, member_id, form, status=422)
    try:
        if done == "own_role":
            go_on(in_same=work)
        else:
            in_transaction(work)
    except DomainError as error:
        if error.status == 404:
            raise
        return _show_member(staff, member_id, form, status=error.status, problem=sentence_of(error))
    return redirect(f"/agency/?done={done}" if done == "own_role" else f"/agency/team?done={done}", 303)


def _show_team(form: Form, *, status: int = 200, problem: str = "") -> Response:
    staff = current_staff()
    page = render_template(
        "agency/team.html",
        staff=staff,
        members=members.list_members(staff.agency.id),
        invitations=invitations.list_invitations(staff.agency.id),
        form=form,
        problems=_problems(form, problem),
        done=done_words(DONE),
    )
    return make_response(page, status)


def _show_member(
    staff: Staff, member_id: int, form: ReasonForm | RoleForm, *, status: int = 200, problem: str = ""
) -> Response:
    found = members.get_member(staff.agency.id, member_id)
    shown = RoleForm(request.form or None, role=found.role.value)
    shown.reason.errors = [*form.reason.errors]
    page = render_template(
        "agency/member.html", staff=staff, member=found, form=shown, problems=_problems(form, problem)
    )
    return make_response(page, status)


def _problems(form: Form, problem: str) -> list[Problem]:
    return [Problem(problem)] if problem else problems_of(form)
