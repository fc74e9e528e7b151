"""The closed door: the one place where it is decided who gets to a page, before the page runs. The default is no.

Not signed in: to the sign-in page. Nothing to do with an agency, or with the platform: 404, as if there were no such
page. The wrong role: 403. A second factor that is missing: to the page that asks for it.
"""

from urllib.parse import urlencode

from flask import Flask, abort, current_app, g, redirect, request
from werkzeug.wrappers import Response

from aurapark.accounts.access import pending_identity
from aurapark.accounts.identity import Identity
from aurapark.accounts.step_up import GIVE as GIVE_FACTOR
from aurapark.accounts.step_up import ask_again
from aurapark.log import log_event
from aurapark.web.audience import Audience, Door, door_of

SIGN_IN = "/login"
SET_UP_FACTOR = "/account/second-factor"
CLOSED = (Audience.ACCOUNT, Audience.AGENCY, Audience.PLATFORM)


def init_app(app: Flask) -> None:
    """Stand at every door of the application."""
    app.before_request(keep_the_door)


def keep_the_door() -> Response | None:
    """Let whoever asks through to the page, or say no."""
    if request.endpoint is None or request.routing_exception is not None:
        return None
    door = door_of(current_app, request.endpoint)
    if door is None:
        abort(404)
    if door.audience not in CLOSED:
        return None
    g.personal = True
    who = pending_identity()
    if who is None:
        return _go(SIGN_IN)
    return _missing_factor(door, who) or _judge(door, who)


def home_of(who: Identity | None) -> str:
    """Return where somebody begins who asked for no page: staff at their work, everybody else at their account."""
    if who is not None and who.agency_role is not None:
        return "/agency/"
    return "/account" if who is None or who.platform_role is None else "/admin/"


def onward(address: str) -> str:
    """Return where somebody who has just signed in goes: there, by way of their second factor where it is missing."""
    who = pending_identity()
    if who is None or who.complete:
        return address
    return _with_next(_factor_page(who), address)


def _factor_page(who: Identity) -> str:
    return GIVE_FACTOR if who.must_give_second_factor else SET_UP_FACTOR


def _missing_factor(door: Door, who: Identity) -> Response | None:
    if door.before_factor or who.complete:
        return None
    return _go(_factor_page(who))


def _judge(door: Door, who: Identity) -> Response | None:
    if door.audience != Audience.ACCOUNT:
        role = who.agency_role if door.audience == Audience.AGENCY else who.platform_role
        if role not in door.roles:
            log_event("door_closed", user=who.user_id, role=role or "none", endpoint=request.endpoint)
            abort(403 if role else 404)
    if door.step_up and not who.second_factor_fresh:
        if who.second_factor_set_up:
            return ask_again()
        return _go(SET_UP_FACTOR) if door.audience != Audience.ACCOUNT else None
    return None


def _go(address: str) -> Response:
    """Send them there, and on to this page afterwards where it can be asked for again."""
    wish = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else ""
    return redirect(_with_next(address, wish), 303)


def _with_next(address: str, wish: str) -> str:
    return f"{address}?{urlencode({'next': wish})}" if wish else address
