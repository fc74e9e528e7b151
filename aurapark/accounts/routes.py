"""Signing in and out, registering, a forgotten password: the pages for whoever is not signed in."""

from typing import Any

from flask import redirect, request, url_for
from flask_babel import get_locale
from werkzeug.wrappers import Response

from aurapark.accounts import changing, registering, signing_in
from aurapark.accounts.access import (
    current_identity,
    device_hash,
    ensure_device,
    pending_identity,
    sign_in,
    sign_out,
)
from aurapark.accounts.asking import done_words, keys, new_request, show, show_again, this_request
from aurapark.accounts.errors import AddressTaken, WeakPassword, WrongCode, WrongSignIn
from aurapark.accounts.forms import AskForm, CodeForm, NewPasswordForm, RegisterForm, SignInForm
from aurapark.accounts.people import remember_device
from aurapark.accounts.signing_in import Proof
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.doors import home_of, onward
from aurapark.web.language import has_choice, keep_language
from aurapark.web.network import client_network
from aurapark.web.redirects import safe_next

bp = AudienceBlueprint("sign_in", __name__, audience=Audience.GUEST)

ACCOUNT = "/account"


@bp.get("/login")
def ask() -> Response:
    """Ask for address and password; whoever is signed in goes on."""
    if current_identity() is not None:
        return redirect(safe_next(request.args.get("next"), home_of(current_identity())), 303)
    return show("account/login.html", SignInForm(next=_asked_next()), done=done_words(request.args.get("done")))


@bp.post("/login")
def enter() -> Response:
    """Let somebody in by their password."""
    form = SignInForm(request.form)
    if not form.validate():
        return show("account/login.html", form, status=422)
    password = form.password.data
    try:
        proof = signing_in.check_password(form.read, password, device=device_hash(), network=client_network())
        return _let_in(proof, form.next.data)
    except WrongSignIn as error:
        return show_again("account/login.html", form, error)


@bp.post("/logout")
def leave() -> Response:
    """See somebody out."""
    return sign_out(redirect("/login?done=out", 303))


@bp.get("/login/code")
def ask_for_code() -> Response:
    """Ask where to send a code."""
    return show("account/code_ask.html", AskForm(next=_asked_next()))


@bp.post("/login/code")
def send_code() -> Response:
    """Send a code, and ask for it; the same for every address."""
    form = AskForm(request.form)
    if not form.validate():
        return show("account/code_ask.html", form, status=422)
    signing_in.ask_for_code(form.address.data, request_hash=new_request(), key=keys()[0], network=client_network())
    wake("send_messages")
    return redirect(url_for(".ask_code", **_kept_next(form.next.data)), 303)


@bp.get("/login/code/check")
def ask_code() -> Response:
    """Ask for the code that was sent."""
    return show("account/code.html", CodeForm(next=_asked_next()), again="/login/code")


@bp.post("/login/code/check")
def enter_by_code() -> Response:
    """Let somebody in by the code."""
    form = CodeForm(request.form)
    if not form.validate():
        return show("account/code.html", form, status=422, again="/login/code")
    try:
        proof = signing_in.check_code(form.figures, request_hash=this_request(), keys=keys())
    except WrongCode as error:
        return show_again("account/code.html", form, error, field="code", again="/login/code")
    return _let_in(proof, form.next.data)


@bp.get("/register")
def ask_to_register() -> Response:
    """Ask who wants an account."""
    return show("account/register.html", RegisterForm(next=_asked_next()))


@bp.post("/register")
def send_register_code() -> Response:
    """Send a code to the new address, and ask for it; the same for one that has an account."""
    form = RegisterForm(request.form)
    if not form.validate():
        return show("account/register.html", form, status=422)
    try:
        registering.ask_to_register(
            form.address.data,
            form.new_password.data,
            name=form.name.data,
            language=str(get_locale()),
            request_hash=new_request(),
            key=keys()[0],
            network=client_network(),
        )
    except WeakPassword as error:
        return show_again("account/register.html", form, error, field="new_password")
    wake("send_messages")
    return redirect(url_for(".ask_register_code", **_kept_next(form.next.data)), 303)


@bp.get("/register/check")
def ask_register_code() -> Response:
    """Ask for the code that was sent to the new address."""
    return show("account/code.html", CodeForm(next=_asked_next()), again="/register")


@bp.post("/register/check")
def register() -> Response:
    """Make the account and let its owner in."""
    form = CodeForm(request.form)
    if not form.validate():
        return show("account/code.html", form, status=422, again="/register")
    try:
        user_id = registering.register(form.figures, request_hash=this_request(), keys=keys())
    except (WrongCode, AddressTaken) as error:
        return show_again("account/code.html", form, error, field="code", again="/register")
    return _let_in(Proof(user_id, lambda: None), form.next.data)


@bp.get("/login/reset")
def ask_for_reset() -> Response:
    """Ask where to send the link that sets a new password."""
    return show("account/reset_ask.html", AskForm())


@bp.post("/login/reset")
def send_reset() -> Response:
    """Send the link; the same for every address."""
    form = AskForm(request.form)
    if not form.validate():
        return show("account/reset_ask.html", form, status=422)
    changing.ask_for_reset(form.address.data, key=keys()[0], network=client_network(), language=str(get_locale()))
    wake("send_messages")
    return redirect("/login?done=sent", 303)


@bp.get("/login/reset/<secret>")
def ask_new_password(secret: str) -> Response:
    """Ask for the new password; nothing is used up by looking."""
    changing.require_reset(secret)
    return _unreferred(show("account/reset.html", NewPasswordForm()))


@bp.post("/login/reset/<secret>")
def reset(secret: str) -> Response:
    """Set the new password; it signs nobody in."""
    form = NewPasswordForm(request.form)
    if not form.validate():
        return _unreferred(show("account/reset.html", form, status=422))
    try:
        changing.reset_password(secret, form.new_password.data)
    except WeakPassword as error:
        return _unreferred(show_again("account/reset.html", form, error, field="new_password"))
    wake("send_messages")
    return _unreferred(redirect("/login?done=reset", 303))


def _let_in(proof: Proof, wish: str | None) -> Response:
    device = ensure_device()

    def in_same() -> None:
        proof.in_same()
        remember_device(proof.user_id, device)

    sign_in(proof.user_id, in_same=in_same)
    who = pending_identity()
    response = redirect(onward(safe_next(wish, home_of(who))), 303)
    if who is not None and not has_choice():
        keep_language(response, who.language)
    return response


def _asked_next() -> str:
    return request.args.get("next", "")


def _kept_next(wish: str | None) -> dict[str, Any]:
    return {"next": safe_next(wish, ACCOUNT)} if wish else {}


def _unreferred(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
