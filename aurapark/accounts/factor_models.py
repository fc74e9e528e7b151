"""Second factors: the secret of an authenticator app, recovery codes, passkeys, and the challenges passkeys answer."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.accounts.factor_errors import PasskeyKnown, TotpKnown
from aurapark.database import UtcDateTime, on_constraint
from aurapark.extensions import Model

MOST_RECOVERY_CODES = 10
LONGEST_NAME = 40
LONGEST_CREDENTIAL = 1023  # bytes, by the WebAuthn standard


class TotpSecret(Model):
    """What an authenticator app and we both know; one for each person. `sealed` opens with a key from `SECRET_KEY`.

    `last_step` is the newest time step whose code was taken: it and all before it count no more.
    """

    __tablename__ = "totp_secret"
    __table_args__ = (CheckConstraint("last_step >= 0", name="last_step"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Model):
    """One of ten codes for the day the phone is gone; good once. `slot` is the code's first character, as a number."""

    __tablename__ = "recovery_code"
    __table_args__ = (CheckConstraint(f"slot >= 0 AND slot < {MOST_RECOVERY_CODES}", name="slot"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    code_hash: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Passkey(Model):
    """A WebAuthn credential: a key pair whose private half never leaves the person's device."""

    __tablename__ = "passkey"
    __table_args__ = (
        CheckConstraint("sign_count >= 0", name="sign_count"),
        CheckConstraint(f"length(name) BETWEEN 1 AND {LONGEST_NAME}", name="name"),
        CheckConstraint(f"length(credential_id) BETWEEN 1 AND {LONGEST_CREDENTIAL}", name="credential_id"),
        Index("ix_passkey_user_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    backed_up: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PasskeyChallenge(Model):
    """What a passkey must sign next, in one session; taken out when it is answered, and gone with the session."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (
        CheckConstraint("expires_at > created_at", name="expires_at"),
        CheckConstraint("length(challenge) >= 32", name="challenge"),
    )

    session_id: Mapped[int] = mapped_column(ForeignKey("login_session.id", ondelete="CASCADE"), primary_key=True)
    registers: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


on_constraint("pk_totp_secret", TotpKnown)
on_constraint("uq_passkey_credential_id", PasskeyKnown)
