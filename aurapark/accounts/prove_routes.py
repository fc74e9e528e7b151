"""The page between password and account: it asks for the second factor, and asks again before important acts."""

from flask import Response as JsonResponse
from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark import clock
from aurapark.accounts import proving
from aurapark.accounts.access import go_on, pending_identity
from aurapark.accounts.asking import keys
from aurapark.accounts.errors import SignedOut
from aurapark.accounts.factor_errors import FactorRefused
from aurapark.accounts.factor_forms import ProveForm
from aurapark.accounts.factors import Take, sealer_for
from aurapark.accounts.identity import Identity
from aurapark.accounts.passkeys import RelyingParty
from aurapark.accounts.step_up import Kept, read_kept, show_question
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.language import sentence_of
from aurapark.web.redirects import safe_next

bp = AudienceBlueprint("second_factor", __name__, audience=Audience.ACCOUNT, url_prefix="/login/second-factor")

ACCOUNT = "/account"
SET_UP = "/account/second-factor"


@bp.get("", before_factor=True)
def ask() -> Response:
    """Ask for a code or a passkey; who has neither sets one up."""
    if not _who().second_factor_set_up:
        return redirect(SET_UP, 303)
    return show_question(ProveForm(next=request.args.get("next", "")), Kept())


@bp.post("", before_factor=True)
def give() -> Response:
    """Let somebody on under a new token, by a code or by what their passkey answers."""
    who, form, kept = _who(), ProveForm(request.form), read_kept()
    answer = request.form.get("credential", "")
    if not answer and not form.validate():
        return show_question(form, kept, status=422)
    try:
        take = _prove(who, form.code.data or "", answer)
        go_on(second_factor=True, in_same=take)
    except FactorRefused as error:
        return show_question(form, kept, problem=sentence_of(error), status=422)
    wake("send_messages")
    if kept.send_to:
        return Response(render_template("account/send_again.html", kept=kept), mimetype="text/html")
    return redirect(safe_next(form.next.data, ACCOUNT), 303)


@bp.post("/passkey", before_factor=True)
def ask_passkey() -> Response:
    """Return what the browser asks a passkey; a new challenge, good once and for five minutes."""
    return JsonResponse(proving.ask_passkey(_who(), party=_party()), mimetype="application/json")


def _prove(who: Identity, typed: str, answer: str) -> Take:
    if answer:
        return proving.prove_by_passkey(who, answer, party=_party())
    return proving.prove_by_code(who, typed, sealer=sealer_for(keys()), moment=clock.now())


def _who() -> Identity:
    who = pending_identity()
    if who is None:
        raise SignedOut
    return who


def _party() -> RelyingParty:
    return RelyingParty.of(current_settings().site_url)
