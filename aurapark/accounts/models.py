"""People who sign in, their roles, sessions and one-time secrets. No secret is stored: only fingerprints of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.accounts.errors import AddressTaken, AlreadyMember
from aurapark.database import UtcDateTime, Word, on_constraint, one_of
from aurapark.extensions import Model


class AgencyRole(StrEnum):
    """What somebody does in their agency."""

    OWNER = "owner"
    MANAGER = "manager"
    CLERK = "clerk"
    BOARDING = "boarding"
    ACCOUNTANT = "accountant"


class PlatformRole(StrEnum):
    """What somebody does for the platform."""

    SUPPORT = "support"
    FINANCE = "finance"
    ADMIN = "admin"


class SessionEnd(StrEnum):
    """Why a session ended. `replaced`: the same person went on under a new token."""

    SIGN_OUT = "sign_out"
    REPLACED = "replaced"
    ENDED_BY_USER = "ended_by_user"
    ENDED_BY_STAFF = "ended_by_staff"
    PASSWORD_CHANGED = "password_changed"  # nosec B105  # noqa: S105  a word, no password
    ROLE_CHANGED = "role_changed"
    DISABLED = "disabled"
    ERASED = "erased"


class Purpose(StrEnum):
    """What a one-time secret is good for, and for nothing else."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    CONFIRM_EMAIL = "confirm_email"
    CONFIRM_PHONE = "confirm_phone"
    RESET = "reset"
    INVITATION = "invitation"


class User(Model):
    """Somebody who can sign in. A traveller has no role; a role in an agency is a live `Membership`.

    `email` is in lower case, `phone` E.164. An erased person keeps the row, for the books, and nothing personal in it.
    """

    __tablename__ = "user_account"
    __table_args__ = (
        one_of("language", ("fr", "en")),
        one_of("platform_role", PlatformRole),
        CheckConstraint("email = lower(email) AND email LIKE '%_@_%'", name="email"),
        CheckConstraint(r"phone ~ '^\+[1-9][0-9]{6,14}$'", name="phone"),
        CheckConstraint("erased_at IS NOT NULL OR email IS NOT NULL OR phone IS NOT NULL", name="contact"),
        CheckConstraint(
            "(email IS NOT NULL OR email_verified_at IS NULL) AND (phone IS NOT NULL OR phone_verified_at IS NULL)",
            name="verified",
        ),
        CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="disabled"),
        CheckConstraint(
            "erased_at IS NULL OR (email IS NULL AND phone IS NULL AND name IS NULL AND password_hash IS NULL"
            " AND platform_role IS NULL)",
            name="erased",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str | None] = mapped_column(Text, unique=True)
    phone: Mapped[str | None] = mapped_column(Text, unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text, server_default="fr")
    email_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    phone_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    platform_role: Mapped[PlatformRole | None] = mapped_column(Word(PlatformRole))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Membership(Model):
    """Somebody's role in one agency, from `created_at` to `ended_at`; at most one that lives, of one agency."""

    __tablename__ = "agency_member"
    __table_args__ = (
        one_of("role", AgencyRole),
        CheckConstraint("ended_at >= created_at", name="ended_at"),
        Index("uq_agency_member_live", "user_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_agency_member_agency_id", "agency_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    role: Mapped[AgencyRole] = mapped_column(Word(AgencyRole))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoginSession(Model):
    """Somebody signed in on one device. `token_hash` is the SHA-256 of the token in the cookie.

    `network` is coarse (/24 or /64), `device` a few words of the user agent.
    `second_factor_at`: when it was given last.
    """

    __tablename__ = "login_session"
    __table_args__ = (
        one_of("ended_because", SessionEnd),
        CheckConstraint("(revoked_at IS NULL) = (ended_because IS NULL)", name="ended"),
        Index("ix_login_session_live", "user_id", postgresql_where=text("revoked_at IS NULL")),
        Index("ix_login_session_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    second_factor_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    device: Mapped[str | None] = mapped_column(Text)
    network: Mapped[str | None] = mapped_column(Text)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_because: Mapped[SessionEnd | None] = mapped_column(Word(SessionEnd))


class KnownDevice(Model):
    """A browser in which somebody has signed in before: it passes the delay that guesses of others have caused."""

    __tablename__ = "known_device"
    __table_args__ = (Index("ix_known_device_last_seen_at", "last_seen_at"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    device_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


class SignInThrottle(Model):
    """Tries of one account, device or network lately, counted before they are judged so that none slips by.

    `key` is a kind and a fingerprint: of what was typed too, so that unknown accounts are counted like known ones.
    """

    __tablename__ = "sign_in_throttle"
    __table_args__ = (
        CheckConstraint("tries >= 0", name="tries"),
        Index("ix_sign_in_throttle_last_at", "last_at"),
    )

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    delayed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OneTimeToken(Model):
    """A secret sent to somebody, good once. The secret is derived from `SECRET_KEY`, purpose and `nonce`, never stored.

    `secret_hash` is its SHA-256. `request_hash` binds a code to the browser that asked for it. `user_id` is null while
    there is nobody yet (registration), and for somebody we do not know, who gets the same pages and no message.
    """

    __tablename__ = "one_time_token"
    __table_args__ = (
        one_of("purpose", Purpose),
        CheckConstraint("tries >= 0", name="tries"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        Index("ix_one_time_token_request_hash", "request_hash"),
        Index("ix_one_time_token_sent_to", "sent_to", "created_at"),
        Index("ix_one_time_token_user_id", "user_id"),
        Index("ix_one_time_token_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(Word(Purpose))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    sent_to: Mapped[str] = mapped_column(Text)
    nonce: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[str] = mapped_column(Text, unique=True)
    request_hash: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


on_constraint("uq_user_account_email", AddressTaken)
on_constraint("uq_user_account_phone", AddressTaken)
on_constraint("uq_agency_member_live", AlreadyMember)
