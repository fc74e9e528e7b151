"""Where the agency's money goes: the account that counts, the one that will, changing it and taking a change back."""

from datetime import timedelta

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark.accounts.asking import keys
from aurapark.accounts.models import AgencyRole
from aurapark.agencies import payout_accounts as payouts
from aurapark.agencies.errors import NothingToWithdraw
from aurapark.database import in_transaction
from aurapark.errors import N_
from aurapark.office.forms import PayoutAccountForm, ReasonForm
from aurapark.office.scope import current_staff
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("payout_account", __name__, audience=Audience.AGENCY, url_prefix="/agency/payout-account")

READ = frozenset({AgencyRole.OWNER, AgencyRole.ACCOUNTANT})
OWNER = frozenset({AgencyRole.OWNER})
DONE = {
    "changed": N_("The new account is noted. It is paid from the day shown below; every owner was told."),
    "withdrawn": N_("The change is withdrawn. Payouts go where they went before."),
}


@bp.get("", roles=READ)
def account() -> Response:
    """Show which account counts and which one will, all but the last figures hidden."""
    return _show(PayoutAccountForm())


@bp.post("", roles=OWNER, step_up=True)
def change() -> Response:
    """Name another account."""
    form, staff = PayoutAccountForm(request.form), current_staff()
    if not form.validate():
        return _show(form, status=422)
    agency_id, who, reason = staff.agency.id, staff.who, form.reason.data
    wait = timedelta(seconds=current_settings().payout_account_wait_seconds)
    in_transaction(
        lambda: payouts.change_account(
            agency_id,
            form.account,
            by=who.user_id,
            actor=who.actor,
            reason=reason,
            sealer=payouts.sealer_for(keys()),
            wait=wait,
        )
    )
    wake("send_messages")
    return redirect("/agency/payout-account?done=changed", 303)


@bp.post("/withdraw", roles=OWNER, step_up=True)
def withdraw() -> Response:
    """Take back the change that does not count yet."""
    form, staff = ReasonForm(request.form), current_staff()
    if not form.validate():
        return _show(form, status=422)
    agency_id, actor, reason = staff.agency.id, staff.who.actor, form.reason.data
    try:
        in_transaction(lambda: payouts.withdraw_change(agency_id, actor=actor, reason=reason))
    except NothingToWithdraw as error:
        return _show(form, status=error.status, problem=sentence_of(error))
    wake("send_messages")
    return redirect("/agency/payout-account?done=withdrawn", 303)


def _show(form: PayoutAccountForm | ReasonForm, *, status: int = 200, problem: str = "") -> Response:
    staff = current_staff()
    shown = form if isinstance(form, PayoutAccountForm) else PayoutAccountForm()
    shown.reason.errors = [*form.reason.errors]
    page = render_template(
        "agency/payout_account.html",
        staff=staff,
        accounts=payouts.read_accounts(staff.agency.id),
        form=shown,
        problems=[Problem(problem)] if problem else problems_of(shown),
        done=done_words(DONE),
    )
    return make_response(page, status)
