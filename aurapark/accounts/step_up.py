"""Asking for the second factor again, before something important; what was filled in meanwhile is kept, never sent.

A page is asked for again afterwards, by its address. A form that came too late is not carried out: its fields go into
the page that asks for the code and come back behind a button, which whoever filled them in presses or does not. Nothing
of it is stored. Passwords and codes are not kept.
"""

import json
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import current_app, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from aurapark.accounts.access import pending_identity
from aurapark.accounts.factor_forms import ProveForm
from aurapark.accounts.factors import list_passkeys
from aurapark.accounts.identity import Identity
from aurapark.web.audience import door_of
from aurapark.web.problems import Problem, problems_of
from aurapark.web.redirects import safe_next

GIVE = "/login/second-factor"
TEMPLATE = "account/second_factor.html"
FORGOTTEN = ("code", "credential", "csrf_token")  # and whatever is called a password: these are typed again
SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Kept:
    """A form that came without a fresh second factor: where it was going, and what was filled in."""

    send_to: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)

    def as_text(self) -> str:
        """Return the fields for a hidden input."""
        return json.dumps(self.fields) if self.fields else ""


def require_recent_second_factor(who: Identity) -> Response | None:
    """Return None when the second factor was given within ten minutes, else the page that asks for it."""
    return None if who.second_factor_fresh else ask_again()


def ask_again() -> Response:
    """Ask for the second factor: by a redirect that comes back here, or, for a form, with what was filled in kept."""
    if request.method in SAFE:
        return redirect(f"{GIVE}?{urlencode({'next': _address()})}", 303)
    fields = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in FORGOTTEN and "password" not in name
    ]
    return show_question(ProveForm(), Kept(_address(), fields), status=403)


def show_question(form: ProveForm, kept: Kept, *, problem: str = "", status: int = 200) -> Response:
    """Return the page that asks for the second factor."""
    who = pending_identity()
    page = render_template(
        TEMPLATE,
        form=form,
        kept=kept,
        problems=[Problem(problem, "code")] if problem else problems_of(form),
        has_passkeys=who is not None and bool(list_passkeys(who.user_id)),
        give=GIVE,
    )
    return make_response(page, status)


def read_kept() -> Kept:
    """Return the form that this one has kept, if it goes to a route that asks for a fresh second factor."""
    send_to = safe_next(request.form.get("send_to"), "")
    try:
        fields = [(str(name), str(value)) for name, value in json.loads(request.form.get("kept") or "[]")]
    except (ValueError, TypeError):
        return Kept()
    return Kept(send_to, fields) if send_to and _asks_for_factor(send_to) else Kept()


def _asks_for_factor(address: str) -> bool:
    """Only routes behind this question: the page that sends a kept form is no way to anything else."""
    adapter = current_app.create_url_adapter(request)
    try:
        endpoint, _ = adapter.match(address.partition("?")[0], method="POST") if adapter else ("", None)
    except (HTTPException, RequestRedirect):
        return False
    door = door_of(current_app, endpoint)
    return door is not None and (door.step_up or endpoint.startswith("factors."))


def _address() -> str:
    return request.full_path.rstrip("?")
