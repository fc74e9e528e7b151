"""The second factors of one's own account: what there is, setting up an app or a passkey, recovery codes, removing.

These pages are open to somebody whose role needs a factor that is not set up yet. Whoever has one gives it first, and
again for a change when the last time is more than ten minutes ago.
"""

from typing import Any

from flask import Response as JsonResponse
from flask import abort, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark import clock
from aurapark.accounts import factor_changes, factor_rules, factors
from aurapark.accounts.access import go_on, pending_identity
from aurapark.accounts.asking import done_words, keys, show, show_again
from aurapark.accounts.errors import SignedOut, WrongPassword
from aurapark.accounts.factor_changes import Added, account_name
from aurapark.accounts.factor_errors import FactorRefused, LastFactor, PasskeyKnown, PasskeyRefused, SignInAgain
from aurapark.accounts.factor_forms import AppForm, OwnerForm, PasskeyForm
from aurapark.accounts.identity import Identity
from aurapark.accounts.passkeys import RelyingParty
from aurapark.accounts.step_up import ask_again, require_recent_second_factor
from aurapark.qr_code import draw_qr
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.redirects import safe_next

bp = AudienceBlueprint("factors", __name__, audience=Audience.ACCOUNT, url_prefix="/account/second-factor")

HOME = "/account/second-factor"


@bp.before_request
def require_factor() -> Response | None:
    """Whoever has a second factor has given it, and lately for anything but looking."""
    who = _who()
    if who.must_give_second_factor:
        return ask_again()
    if not who.second_factor_set_up or request.endpoint == "factors.home":
        return None
    return require_recent_second_factor(who)


@bp.get("", before_factor=True)
def home() -> str:
    """Show the second factors there are."""
    who = _who()
    return render_template(
        "account/factors.html",
        who=who,
        factors=factors.list_factors(who.user_id),
        done=done_words(request.args.get("done")),
        wish=_wish(request.args.get("next")),
    )


@bp.get("/app", before_factor=True)
def ask_app() -> Response:
    """Show the secret for an authenticator app; looking stores nothing."""
    if factors.list_factors(_who().user_id).totp is not None:
        return redirect(HOME, 303)
    return show("account/factor_app.html", _form(AppForm, next=request.args.get("next", "")), **_secret())


@bp.post("/app", before_factor=True)
def add_app() -> Response:
    """Keep the app's secret once a code has proved that the app has it."""
    who, form = _who(), _form(AppForm, request.form)
    if not form.validate():
        return show("account/factor_app.html", form, status=422, **_secret())
    try:
        added = factor_changes.add_app(
            who,
            _offered(),
            form.code.data,
            password=form.given_password,
            sealer=factors.sealer_for(keys()),
            moment=clock.now(),
        )
    except FactorRefused as error:
        return show_again("account/factor_app.html", form, error, field="code", **_secret())
    except (WrongPassword, SignInAgain) as error:
        return show_again("account/factor_app.html", form, error, field=_password_of(form), **_secret())
    return _added(added, form, "app")


@bp.get("/passkeys", before_factor=True)
def ask_new_passkey() -> Response:
    """Ask for the name of a new passkey; the browser's script does the rest."""
    return show("account/factor_passkey.html", _form(PasskeyForm, next=request.args.get("next", "")))


@bp.post("/passkeys/challenge", before_factor=True)
def challenge() -> Response:
    """Return what the browser makes a passkey with."""
    return JsonResponse(factor_changes.ask_new_passkey(_who(), party=_party()), mimetype="application/json")


@bp.post("/passkeys", before_factor=True)
def add_passkey() -> Response:
    """Keep a new passkey."""
    who, form = _who(), _form(PasskeyForm, request.form)
    if not form.validate():
        return show("account/factor_passkey.html", form, status=422)
    try:
        added = factor_changes.add_passkey(
            who, form.credential.data, name=form.name.data, password=form.given_password, party=_party()
        )
    except (WrongPassword, SignInAgain) as error:
        return show_again("account/factor_passkey.html", form, error, field=_password_of(form))
    except (PasskeyRefused, PasskeyKnown) as error:
        return show_again("account/factor_passkey.html", form, error)
    return _added(added, form, "passkey")


@bp.get("/codes", before_factor=True)
def ask_codes() -> Response:
    """Ask for the password before new recovery codes are made."""
    return show("account/factor_codes.html", _form(OwnerForm))


@bp.post("/codes", before_factor=True)
def make_codes() -> Response:
    """Make new recovery codes and show them, this once."""
    form = _form(OwnerForm, request.form)
    if not form.validate():
        return show("account/factor_codes.html", form, status=422)
    try:
        added = factor_changes.make_recovery_codes(_who(), password=form.given_password)
    except (WrongPassword, SignInAgain) as error:
        return show_again("account/factor_codes.html", form, error, field=_password_of(form))
    return _added(added, form, "codes", second_factor=False)


@bp.get("/app/remove", before_factor=True, defaults={"passkey_id": None})
@bp.get("/passkeys/<int:passkey_id>/remove", before_factor=True)
def ask_removal(passkey_id: int | None) -> Response:
    """Ask for the password before a factor is removed."""
    return show("account/factor_remove.html", _form(OwnerForm), name=_name_of(passkey_id))


@bp.post("/app/remove", before_factor=True, defaults={"passkey_id": None})
@bp.post("/passkeys/<int:passkey_id>/remove", before_factor=True)
def remove(passkey_id: int | None) -> Response:
    """Remove a factor; the last one of a role that needs one stays."""
    form, name = _form(OwnerForm, request.form), _name_of(passkey_id)
    if not form.validate():
        return show("account/factor_remove.html", form, status=422, name=name)
    try:
        take = factor_changes.remove_factor(_who(), passkey_id, password=form.given_password)
        go_on(in_same=take)
    except (WrongPassword, SignInAgain) as error:
        return show_again("account/factor_remove.html", form, error, field=_password_of(form), name=name)
    except LastFactor as error:
        return show_again("account/factor_remove.html", form, error, name=name)
    wake("send_messages")
    return redirect(f"{HOME}?done=factor_removed", 303)


def _added(added: Added, form: OwnerForm, done: str, *, second_factor: bool = True) -> Response:
    """Go on under a new token. Recovery codes are shown on this answer and nowhere else."""
    go_on(second_factor=second_factor, in_same=added.take)
    wake("send_messages")
    if not added.codes:
        return redirect(f"{HOME}?done=factor_{done}", 303)
    codes = [f"{code[:5]}-{code[5:]}" for code in added.codes]
    page = render_template("account/recovery_codes.html", codes=codes, wish=_wish(form.next.data))
    return Response(page, mimetype="text/html")


def _form(kind: type[Any], *given: Any, **values: Any) -> Any:
    who = _who()
    return kind(*given, has_password=factor_changes.has_password(who.user_id), account=account_name(who), **values)


def _password_of(form: OwnerForm) -> str:
    return "password" if "password" in form else ""


def _secret() -> dict[str, Any]:
    """Return what the set-up page shows of the offered secret."""
    who, secret = _who(), _offered()
    uri = factor_rules.provisioning_uri(secret, account=account_name(who))
    return {"qr": lambda title: draw_qr(uri, title=title), "uri": uri, "secret": factor_rules.in_groups(secret)}


def _offered() -> str:
    return factor_rules.setup_secret(keys()[0], _who().token)


def _name_of(passkey_id: int | None) -> str | None:
    """Return the name of a passkey of this person, None for the app; 404 for what is not there."""
    found = factors.list_factors(_who().user_id)
    if passkey_id is None:
        if found.totp is None:
            abort(404)
        return None
    name = next((passkey.name for passkey in found.passkeys if passkey.id == passkey_id), None)
    return name if name is not None else abort(404)


def _wish(wish: str | None) -> str:
    return safe_next(wish, "")


def _who() -> Identity:
    who = pending_identity()
    if who is None:
        raise SignedOut
    return who


def _party() -> RelyingParty:
    return RelyingParty.of(current_settings().site_url)
