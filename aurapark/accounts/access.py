"""The session's cookie: who is asking, letting somebody in, going on under a new token, and seeing them out.

The cookie holds the token of the session, nothing of the person. Whoever has not given or not set up the second factor
that they need is a stranger to every page but those that ask for it.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, g, request, session
from flask_login import current_user, login_user
from werkzeug.wrappers import Response

from aurapark.accounts import sessions
from aurapark.accounts.errors import SignedOut
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import SessionEnd
from aurapark.accounts.sessions import Place, find_identity
from aurapark.database import in_transaction
from aurapark.extensions import login
from aurapark.references import fingerprint, new_secret
from aurapark.web.agents import device_words
from aurapark.web.gate import is_api
from aurapark.web.network import client_network
from aurapark.web.visitor import TOKEN as VISITOR

TOKEN = "_user_id"  # nosec B105  # noqa: S105  where Flask-Login keeps what get_id() returns: the session's token
DEVICE = "device"  # a random token that stays when somebody signs out, so that this browser is known again
KEPT = (VISITOR, DEVICE)  # what a visitor has begun goes on when they sign in


def init_app(app: Flask) -> None:
    """Let Flask-Login find people by the token of their session; templates get `signed_in()`."""
    login.session_protection = None  # it compares addresses, which change on every phone
    login.init_app(app, add_context_processor=False)
    login.user_loader(_load)
    app.before_request(forget)
    app.add_template_global(has_token, "signed_in")


def forget() -> None:
    """Read who is asking anew at each request, also where a test's context outlives it."""
    g.pop("_login_user", None)


def has_token() -> bool:
    """Say whether the cookie holds a session's token; whether that is still worth anything is not asked."""
    return not is_api() and TOKEN in session


def pending_identity() -> Identity | None:
    """Return who is asking, even where their second factor is missing: for the pages about it, and to sign out."""
    if not has_token():
        return None
    found: Identity | None = current_user._get_current_object()
    return found if isinstance(found, Identity) else None


def current_identity() -> Identity | None:
    """Return who is asking, None for a guest (one statement a request, none without a token).

    Call it outside a transaction: once a minute it notes that the session is in use.
    """
    found = pending_identity()
    return found if found is not None and found.complete else None


def require_identity() -> Identity:
    """Return who is asking. Raises SignedOut, for pages whose audience lets nobody else in."""
    found = current_identity()
    if found is None:
        raise SignedOut
    return found


def sign_in(user_id: int, *, in_same: Callable[[], object] = lambda: None) -> None:
    """Let somebody in under a new token; what this browser was signed in as before ends.

    `in_same` is done in the same transaction. The visitor's token stays, and with it what they hold; nothing else of
    the old cookie does.
    """
    place = Place(device_words(request.headers.get("User-Agent", "")), client_network())
    before = pending_identity()

    def work() -> str:
        in_same()
        if before is not None:
            sessions.end_session(before.session_id, user_id=before.user_id, because=SessionEnd.REPLACED)
        return sessions.open_session(user_id, place)

    _take_on(in_transaction(work), keeping=KEPT)


def go_on(*, second_factor: bool = False, in_same: Callable[[], object] = lambda: None) -> None:
    """Go on under a new token: after a second factor (`second_factor=True`), a new password, a new role.

    `in_same` is done in the same transaction. Raises SignedOut when the session has ended meanwhile.
    """
    who = pending_identity()
    if who is None:
        raise SignedOut

    def work() -> str:
        in_same()
        token = sessions.renew_session(who, second_factor=second_factor)
        if token is None:
            raise SignedOut
        return token

    _take_on(in_transaction(work), keeping=tuple(name for name in session if name != "csrf_token"))


def sign_out(response: Response, *, everywhere: bool = False) -> Response:
    """See somebody out, of every browser if `everywhere`: the session ends, and this browser forgets what it kept."""
    who = pending_identity()
    if who is not None:
        in_transaction(lambda: _end(who, everywhere=everywhere))
    _clear(keeping=(DEVICE,))
    forget()
    storage = ', "storage"' if who is not None and who.is_staff else ""
    response.headers["Clear-Site-Data"] = f'"cache"{storage}'
    return response


def ensure_device() -> str:
    """Return the fingerprint of this browser's own token, making the token when there is none."""
    if DEVICE not in session:
        session[DEVICE] = new_secret()
    return fingerprint(session[DEVICE])


def device_hash() -> str | None:
    """Return the fingerprint of this browser's own token, None for one in which nobody has signed in yet."""
    token = session.get(DEVICE)
    return fingerprint(token) if token else None


def _load(token: str) -> Identity | None:
    found = find_identity(token)
    if found is None:
        return None
    identity, stale = found
    if stale:
        in_transaction(lambda: sessions.note_seen(identity.session_id))
    return identity


def _take_on(token: str, *, keeping: tuple[str, ...]) -> None:
    _clear(keeping=keeping)
    session.permanent = True
    found = find_identity(token)
    if found is None:  # disabled between two statements
        raise SignedOut
    login_user(found[0])


def _clear(*, keeping: tuple[str, ...]) -> None:
    kept: dict[str, Any] = {name: session[name] for name in keeping if name in session}
    session.clear()
    session.update(kept)
    g.pop("csrf_token", None)  # Flask-WTF keeps the old session's for the rest of the request


def _end(who: Identity, *, everywhere: bool) -> None:
    if everywhere:
        sessions.end_sessions(who.user_id, because=SessionEnd.ENDED_BY_USER, but=who.session_id)
    sessions.end_session(who.session_id, user_id=who.user_id, because=SessionEnd.SIGN_OUT)
