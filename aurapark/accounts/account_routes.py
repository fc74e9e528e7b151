"""One's own account: what is known, where one is signed in, and changing password, e-mail and phone."""

from flask import abort, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark.accounts import changing
from aurapark.accounts.access import go_on, require_identity, sign_out
from aurapark.accounts.addresses import Address
from aurapark.accounts.asking import done_words, keys, new_request, show, show_again, this_request
from aurapark.accounts.errors import AddressTaken, WeakPassword, WrongCode, WrongPassword
from aurapark.accounts.forms import ChangeEmailForm, ChangePasswordForm, ChangePhoneForm, CodeForm, LanguageForm
from aurapark.accounts.models import SessionEnd
from aurapark.accounts.people import set_language
from aurapark.accounts.sessions import end_session, end_sessions, list_sessions
from aurapark.database import in_transaction
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.language import keep_language

bp = AudienceBlueprint("account", __name__, audience=Audience.ACCOUNT, url_prefix="/account")

ADDRESS_FORMS = {"email": ChangeEmailForm, "phone": ChangePhoneForm}


@bp.get("")
def home() -> str:
    """Show what we know of this person and what they can change."""
    return render_template("account/home.html", who=require_identity(), done=done_words(request.args.get("done")))


@bp.get("/")
def home_with_a_slash() -> Response:
    """Lead whoever typed one character too many to their account."""
    return redirect("/account", 303)


@bp.get("/sessions")
def sessions() -> str:
    """Show where this person is signed in."""
    who = require_identity()
    done = done_words(request.args.get("done"))
    return render_template("account/sessions.html", who=who, sessions=list_sessions(who.user_id), done=done)


@bp.post("/sessions/<int:session_id>/end")
def end_one(session_id: int) -> Response:
    """End one session of this person; somebody else's is not found."""
    who = require_identity()
    if session_id == who.session_id:
        return sign_out(redirect("/login?done=out", 303))
    if not in_transaction(lambda: end_session(session_id, user_id=who.user_id, because=SessionEnd.ENDED_BY_USER)):
        abort(404)
    return redirect("/account/sessions?done=session", 303)


@bp.post("/sessions/end-others")
def end_others() -> Response:
    """End every session of this person but this one."""
    who = require_identity()
    in_transaction(lambda: end_sessions(who.user_id, because=SessionEnd.ENDED_BY_USER, but=who.session_id))
    return redirect("/account/sessions?done=session", 303)


@bp.post("/sessions/end-all")
def end_all() -> Response:
    """Sign this person out everywhere."""
    return sign_out(redirect("/login?done=out", 303), everywhere=True)


@bp.get("/language")
def ask_language() -> Response:
    """Ask for the language of pages and messages."""
    return show("account/language.html", LanguageForm(language=require_identity().language))


@bp.post("/language")
def change_language() -> Response:
    """Keep the language: on the account for messages and other devices, in this browser for its pages."""
    form, who = LanguageForm(request.form), require_identity()
    if not form.validate():
        return show("account/language.html", form, status=422)
    in_transaction(lambda: set_language(who.user_id, form.language.data))
    response = redirect("/account?done=language", 303)
    keep_language(response, form.language.data)
    return response


@bp.get("/password")
def ask_password() -> Response:
    """Ask for the present and the new password."""
    return show("account/password.html", ChangePasswordForm(), who=require_identity())


@bp.post("/password")
def change_password() -> Response:
    """Set a new password: every other session ends, this one goes on under a new token."""
    form, who = ChangePasswordForm(request.form), require_identity()
    if not form.validate():
        return show("account/password.html", form, status=422, who=who)
    try:
        password_hash = changing.prepare_password(who, form.password.data, form.new_password.data)
    except WeakPassword as error:
        return show_again("account/password.html", form, error, field="new_password", who=who)
    except WrongPassword as error:
        return show_again("account/password.html", form, error, field="password", who=who)
    go_on(in_same=lambda: changing.set_password(who.user_id, password_hash, keep_session=who.session_id))
    wake("send_messages")
    return redirect("/account?done=password", 303)


@bp.get("/<any(email, phone):kind>")
def ask_address(kind: str) -> Response:
    """Ask for a new e-mail address or phone number."""
    return show("account/address.html", ADDRESS_FORMS[kind](), kind=kind, who=require_identity())


@bp.post("/<any(email, phone):kind>")
def send_address_code(kind: str) -> Response:
    """Send a code to the new address, after the password."""
    form, who = ADDRESS_FORMS[kind](request.form), require_identity()
    if not form.validate():
        return show("account/address.html", form, status=422, kind=kind, who=who)
    address = form.address.data if isinstance(form.address.data, Address) else Address(form.address.data)
    try:
        changing.ask_for_new_address(who, address, form.password.data, request_hash=new_request(), key=keys()[0])
    except WrongPassword as error:
        return show_again("account/address.html", form, error, field="password", kind=kind, who=who)
    wake("send_messages")
    return redirect(f"/account/{kind}/check", 303)


@bp.get("/<any(email, phone):kind>/check")
def ask_address_code(kind: str) -> Response:
    """Ask for the code that was sent to the new address."""
    return show("account/code.html", CodeForm(), again=f"/account/{kind}")


@bp.post("/<any(email, phone):kind>/check")
def change_address(kind: str) -> Response:
    """Take on the new address."""
    form, who = CodeForm(request.form), require_identity()
    again = f"/account/{kind}"
    if not form.validate():
        return show("account/code.html", form, status=422, again=again)
    try:
        changing.change_address(who, form.figures, by_phone=kind == "phone", request_hash=this_request(), keys=keys())
    except (WrongCode, AddressTaken) as error:
        return show_again("account/code.html", form, error, field="code", again=again)
    wake("send_messages")
    return redirect(f"/account?done={kind}", 303)
