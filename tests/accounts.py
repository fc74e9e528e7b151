"""People for tests: users with a role, and browsers in which they are signed in."""

import itertools
from contextvars import Context
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import func, update
from werkzeug.test import TestResponse

from aurapark.accounts.models import AgencyRole, LoginSession, Membership, PlatformRole, User
from aurapark.accounts.sessions import Place, open_session
from aurapark.agencies.models import Agency
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.references import fingerprint, new_secret
from tests.factories import make_agency, save

_numbers = itertools.count(1)


class Browser(FlaskClient):
    """A browser of its own: each request in a fresh context, as on a server."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return Context().run(lambda: super(Browser, self).open(*args, **kwargs))

    def send(self, path: str, fields: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form as one of our own pages would, with its CSRF token."""
        with self.session_transaction() as cookie:
            raw = cookie.setdefault("csrf_token", "0" * 40)
        signed = URLSafeTimedSerializer(self.application.secret_key or "", salt="wtf-csrf-token").dumps(raw)
        return self.post(path, data={**(fields or {}), "csrf_token": signed}, **options)

    @property
    def token(self) -> str | None:
        """The session's token in this browser's cookie."""
        with self.session_transaction() as cookie:
            return cookie.get("_user_id")


def make_user(**changes: Any) -> User:
    """A traveller with an e-mail address that is theirs; `platform_role=` for somebody of the platform."""
    values = {
        "email": f"user{next(_numbers)}@example.cm",
        "name": "Awa Kamga",
        "email_verified_at": func.now(),
        **changes,
    }
    user = User(**values)
    save(user)
    return user


def make_staff(role: AgencyRole | PlatformRole, agency: Agency | None = None, **changes: Any) -> User:
    """Somebody with this role, in an agency of their own unless one is given."""
    if isinstance(role, PlatformRole):
        return make_user(platform_role=role, **changes)
    user = make_user(**changes)
    save(Membership(user_id=user.id, agency_id=(agency or make_agency()).id, role=role))
    return user


def browser_of(app: Flask, user: User | None = None, *, second_factor: bool = False) -> Browser:
    """A browser in which this user is signed in, by a session row and its cookie; nobody is, without one."""
    browser = Browser(app, app.response_class)
    if user is None:
        return browser
    token = in_transaction(lambda: open_session(user.id, Place("Firefox, Android", "192.0.2.0/24")))
    if second_factor:
        change_session(token, second_factor_at=func.now())
    with browser.session_transaction() as cookie:
        cookie["_user_id"] = token
        cookie["device"] = new_secret()
        cookie.permanent = True
    return browser


def change_session(token: str, **values: Any) -> None:
    """Change the row of a session: move its times, say."""
    statement = update(LoginSession).where(LoginSession.token_hash == fingerprint(token)).values(values)
    in_transaction(lambda: db.session.execute(statement))


def session_of(token: str) -> LoginSession:
    """The row of a session."""
    db.session.rollback()
    return db.session.query(LoginSession).filter_by(token_hash=fingerprint(token)).one()
