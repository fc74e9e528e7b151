"""One agency, as the platform sees it: its state and commission, its people."""

from collections.abc import Callable
from functools import partial

from flask import make_response, redirect, render_template, request
from flask_babel import get_locale
from werkzeug.wrappers import Response
from wtforms import Form

from aurapark.accounts import members
from aurapark.accounts.access import require_identity
from aurapark.accounts.asking import keys
from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.agencies import decisions
from aurapark.agencies import payout_accounts as payouts
from aurapark.agencies.queries import get_agency
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError
from aurapark.office import invitations
from aurapark.office.forms import InviteForm, ReasonForm, RoleForm
from aurapark.platform.forms import AgencyForm
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("platform_agencies", __name__, audience=Audience.PLATFORM, url_prefix="/admin/agencies")

EVERYBODY = frozenset(PlatformRole)
ADMIN = frozenset({PlatformRole.ADMIN})
READ_MONEY = frozenset({PlatformRole.FINANCE, PlatformRole.ADMIN})
READ_TEAM = frozenset({PlatformRole.SUPPORT, PlatformRole.ADMIN})
DONE = {
    "activated": N_("The agency is on sale."),
    "suspended": N_("The agency is suspended: it sells nothing any more."),
    "commission": N_("The commission is changed, for new bookings."),
    "invited": N_("The invitation is on its way. It is good for 30 minutes."),
    "withdrawn": N_("The invitation is withdrawn."),
    "role": N_("The role is changed. This person signs in again."),
    "left": N_("This person no longer works here, and is signed out."),
}


@bp.before_request
def require_agency() -> None:
    """Answer alike for every page about an agency that is not there, whatever its number."""
    if "agency_id" in (request.view_args or {}):
        get_agency((request.view_args or {})["agency_id"])


@bp.get("/<int:agency_id>", roles=EVERYBODY)
def agency(agency_id: int) -> Response:
    """Show one agency."""
    return _show(agency_id, None)


@bp.post("/<int:agency_id>/activate", roles=ADMIN, step_up=True)
def activate(agency_id: int) -> Response:
    """Accept an agency, or put a suspended one on sale again."""
    return _decide(agency_id, decisions.activate, "activated")


@bp.post("/<int:agency_id>/suspend", roles=ADMIN, step_up=True)
def suspend(agency_id: int) -> Response:
    """Take an agency off sale."""
    return _decide(agency_id, decisions.suspend, "suspended")


@bp.post("/<int:agency_id>/commission", roles=ADMIN, step_up=True)
def set_commission(agency_id: int) -> Response:
    """Set the platform's share of new bookings."""
    form, actor = AgencyForm(request.form), require_identity().actor
    get_agency(agency_id)
    if not form.validate():
        return _show(agency_id, form, status=422)
    percent, reason = form.percent.data, form.reason.data
    in_transaction(lambda: decisions.set_commission(agency_id, percent, actor=actor, reason=reason))
    return redirect(f"/admin/agencies/{agency_id}?done=commission", 303)


@bp.get("/<int:agency_id>/payout-account", roles=READ_MONEY)
def payout_account(agency_id: int) -> str:
    """Show where an agency's money goes, in full: whoever pays must be able to compare."""
    agency, accounts = get_agency(agency_id), payouts.read_accounts(agency_id)
    sealer = payouts.sealer_for(keys())
    numbers = {one.id: payouts.number_of(one, sealer) for one in (accounts.present, accounts.coming) if one}
    return render_template("admin/payout_account.html", agency=agency, accounts=accounts, numbers=numbers)


@bp.get("/<int:agency_id>/team", roles=READ_TEAM)
def team(agency_id: int) -> Response:
    """Show who works for an agency."""
    return _show_team(agency_id, InviteForm())


@bp.post("/<int:agency_id>/team/invitations", roles=ADMIN, step_up=True)
def invite(agency_id: int) -> Response:
    """Invite somebody, such as the first owner."""
    form, who = InviteForm(request.form), require_identity()
    get_agency(agency_id)
    if not form.validate():
        return _show_team(agency_id, form, status=422)
    role, language = AgencyRole(form.role.data), str(get_locale())
    try:
        invitations.invite(agency_id, form.address.data, role, by=who, key=keys()[0], language=language)
    except DomainError as error:
        return _show_team(agency_id, form, status=error.status, problem=sentence_of(error))
    wake("send_messages")
    return redirect(f"/admin/agencies/{agency_id}/team?done=invited", 303)


@bp.post("/<int:agency_id>/team/invitations/<int:invitation_id>/again", roles=ADMIN, step_up=True)
def invite_again(agency_id: int, invitation_id: int) -> Response:
    """Send a new link in place of the one before."""
    invitations.send_again(agency_id, invitation_id, by=require_identity(), key=keys()[0])
    wake("send_messages")
    return redirect(f"/admin/agencies/{agency_id}/team?done=invited", 303)


@bp.post("/<int:agency_id>/team/invitations/<int:invitation_id>/withdraw", roles=ADMIN, step_up=True)
def withdraw(agency_id: int, invitation_id: int) -> Response:
    """Let an invitation be good for nothing."""
    invitations.withdraw(agency_id, invitation_id, by=require_identity())
    return redirect(f"/admin/agencies/{agency_id}/team?done=withdrawn", 303)


@bp.get("/<int:agency_id>/team/<int:member_id>", roles=ADMIN)
def member(agency_id: int, member_id: int) -> Response:
    """Show somebody of an agency, with what an admin may do."""
    return _show_member(agency_id, member_id, RoleForm())


@bp.post("/<int:agency_id>/team/<int:member_id>/role", roles=ADMIN, step_up=True)
def change_role(agency_id: int, member_id: int) -> Response:
    """Give somebody of an agency another role."""
    form, who = RoleForm(request.form), require_identity()
    if not form.validate():
        return _show_member(agency_id, member_id, form, status=422)
    role, reason = AgencyRole(form.role.data), form.reason.data
    work = partial(members.change_role, agency_id, member_id, role, by=who, reason=reason)
    return _act(work, "role", agency_id, member_id, form)


@bp.post("/<int:agency_id>/team/<int:member_id>/end", roles=ADMIN, step_up=True)
def end_membership(agency_id: int, member_id: int) -> Response:
    """Let somebody of an agency go."""
    form, who = ReasonForm(request.form), require_identity()
    if not form.validate():
        return _show_member(agency_id, member_id, form, status=422)
    work = partial(members.end_membership, agency_id, member_id, by=who, reason=form.reason.data)
    return _act(work, "left", agency_id, member_id, form)


def _decide(agency_id: int, deed: Callable[..., object], done: str) -> Response:
    form, actor = ReasonForm(request.form), require_identity().actor
    get_agency(agency_id)
    if not form.validate():
        return _show(agency_id, form, status=422)
    try:
        in_transaction(lambda: deed(agency_id, actor=actor, reason=form.reason.data))
    except DomainError as error:
        return _show(agency_id, form, status=error.status, problem=sentence_of(error))
    return redirect(f"/admin/agencies/{agency_id}?done={done}", 303)


def _act(
    work: Callable[[], object], done: str, agency_id: int, member_id: int, form: ReasonForm | RoleForm
) -> Response:
    try:
        in_transaction(work)
    except DomainError as error:
        if error.status == 404:
            raise
        return _show_member(agency_id, member_id, form, status=error.status, problem=sentence_of(error))
    return redirect(f"/admin/agencies/{agency_id}/team?done={done}", 303)


def _show(agency_id: int, form: ReasonForm | None, *, status: int = 200, problem: str = "") -> Response:
    found = get_agency(agency_id)
    shown = AgencyForm(request.form or None, percent=found.commission_percent)
    if form is not None:
        shown.reason.errors = [*form.reason.errors]
        shown.percent.errors = [*form.percent.errors] if isinstance(form, AgencyForm) else []
    page = render_template(
        "admin/agency.html",
        agency=found,
        who=require_identity(),
        usual=current_settings().commission_percent,
        form=shown,
        problems=_problems(shown, problem),
        done=done_words(DONE),
    )
    return make_response(page, status)


def _show_team(agency_id: int, form: InviteForm, *, status: int = 200, problem: str = "") -> Response:
    page = render_template(
        "admin/team.html",
        agency=get_agency(agency_id),
        may=require_identity().platform_role == PlatformRole.ADMIN,
        members=members.list_members(agency_id),
        invitations=invitations.list_invitations(agency_id),
        form=form,
        problems=_problems(form, problem),
        done=done_words(DONE),
    )
    return make_response(page, status)


def _show_member(
    agency_id: int, member_id: int, form: ReasonForm | RoleForm, *, status: int = 200, problem: str = ""
) -> Response:
    found = members.get_member(agency_id, member_id)
    shown = RoleForm(request.form or None, role=found.role.value)
    shown.reason.errors = [*form.reason.errors]
    agency = get_agency(agency_id)
    problems = _problems(form, problem)
    return make_response(
        render_template("admin/member.html", agency=agency, member=found, form=shown, problems=problems), status
    )


def _problems(form: Form, problem: str) -> list[Problem]:
    return [Problem(problem)] if problem else problems_of(form)
