"""What the routes of accounts share: the request a code is bound to, keys, and where to go afterwards."""

from typing import Any

from flask import make_response as respond
from flask import render_template, session
from flask_babel import gettext
from werkzeug.wrappers import Response
from wtforms import Form

from aurapark.errors import N_, DomainError
from aurapark.references import fingerprint, new_secret
from aurapark.settings import current_settings
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

REQUEST = "asked"  # in the session: a random token; the code that was sent counts only together with it


def new_request() -> str:
    """Return the fingerprint of a new request of this browser; an older one is over."""
    session[REQUEST] = new_secret()
    return fingerprint(session[REQUEST])


def this_request() -> str:
    """Return the fingerprint of this browser's last request."""
    return fingerprint(session.get(REQUEST) or new_secret())


def keys() -> tuple[str, ...]:
    """Return the keys that one-time secrets may have been made with, the present one first."""
    settings = current_settings()
    return (settings.secret_key, *settings.secret_key_fallbacks)


def show(template: str, form: Form, *, status: int = 200, **values: Any) -> Response:
    """Return a page with a form and what is wrong with it."""
    return respond(render_template(template, form=form, problems=problems_of(form), **values), status)


def show_again(template: str, form: Form, error: DomainError, *, field: str = "", **values: Any) -> Response:
    """Return the page with what the business says about it, beside the field where it belongs to one."""
    if field:
        form[field].errors = [*form[field].errors, sentence_of(error)]
        return show(template, form, status=422, **values)
    return respond(render_template(template, form=form, problems=[Problem(sentence_of(error))], **values), 422)


DONE = {
    "password": N_("Your password is changed. Every other browser was signed out."),
    "email": N_("Your e-mail address is changed."),
    "phone": N_("Your phone number is changed."),
    "language": N_("Your language is changed."),
    "session": N_("The session is ended."),
    "reset": N_("Your password is changed. Sign in with the new one."),
    "sent": N_("If there is an account with this address, a link is on its way to it. It is good for 30 minutes."),
    "erased": N_("Your account is erased. Thank you for having travelled with us."),
    "out": N_("You are signed out."),
    "factor_app": N_("The authenticator app is set up."),
    "factor_passkey": N_("The passkey is set up."),
    "factor_removed": N_("The second factor is removed."),
}


def done_words(word: str | None) -> str | None:
    """Return the sentence that says what was just done, for `?done=`; None for anything else."""
    sentence = DONE.get(word or "")
    return gettext(sentence) if sentence else None
