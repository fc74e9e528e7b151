"""Staff for tests: people with a role and their second factor, each in a browser of their own; the post they get."""

import email.policy
import json
import secrets
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from aurapark.accounts.factor_models import Passkey
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import AgencyRole, Membership, PlatformRole, User
from aurapark.accounts.sessions import find_identity
from aurapark.agencies.models import Agency
from aurapark.audit import AuditEntry
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.notifications.relay import send_due
from tests.accounts import Browser, browser_of, change_session, make_staff
from tests.factories import save

WHY = "left the company"


def staff_browser(
    app: Flask, role: AgencyRole | PlatformRole, agency: Agency | None = None, **changes: Any
) -> tuple[User, Browser]:
    """Somebody with this role, who has just given their second factor, and their browser."""
    user = make_staff(role, agency, **changes)
    give_factor(user)
    return user, browser_of(app, user, second_factor=True)


def give_factor(user: User) -> None:
    """Let somebody have a second factor."""
    save(
        Passkey(
            user_id=user.id, credential_id=secrets.token_bytes(16), public_key=b"key", sign_count=0, name="blue key"
        )
    )


def forget_factor(browser: Browser) -> None:
    """Let the ten minutes of a second factor be over."""
    change_session(browser.token or "", second_factor_at=func.now() - func.make_interval(0, 0, 0, 0, 0, 11))


def identity_of(browser: Browser) -> Identity:
    """Who is asking with this browser, as a route would know them."""
    db.session.rollback()
    found = find_identity(browser.token or "")
    assert found is not None
    return found[0]


def member_of(user: User) -> Membership:
    """The newest membership of somebody."""
    db.session.rollback()
    db.session.expire_all()
    found = db.session.scalars(
        select(Membership).where(Membership.user_id == user.id).order_by(Membership.id.desc())
    ).first()
    assert found is not None
    return found


def logged(action: str) -> list[AuditEntry]:
    """What the audit log holds of an action, oldest first."""
    db.session.rollback()
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def post_of(settings: Settings) -> Callable[[], list[tuple[str, str]]]:
    """Send what is due; returns (to, text) of every message so far, oldest first."""

    def read() -> list[tuple[str, str]]:
        send_due(settings, 30)
        found = []
        for path in (settings.var / "sms").glob("*.json"):
            sms = json.loads(path.read_text())
            found.append((path.name.rpartition("-")[2], sms["to"], sms["text"]))
        for path in (settings.var / "mail").glob("*.eml"):
            mail = message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = mail.get_body(("plain",))
            assert body is not None
            found.append((path.name.rpartition("-")[2], mail["To"], f"{mail['Subject']}\n{body.get_content()}"))
        in_order = sorted(found, key=lambda one: int(one[0].partition(".")[0]))
        return [(to, said) for _, to, said in in_order]

    return read
