"""People who sign in: accounts, roles in agencies, sessions, known devices, counted tries and one-time secrets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

PURPOSES = "'register', 'sign_in', 'confirm_email', 'confirm_phone', 'reset', 'invitation'"
ENDS = (
    "'sign_out', 'replaced', 'ended_by_user', 'ended_by_staff', 'password_changed', 'role_changed', 'disabled',"
    " 'erased'"
)
VERIFIED = "(email IS NOT NULL OR email_verified_at IS NULL) AND (phone IS NOT NULL OR phone_verified_at IS NULL)"
ERASED = (
    "erased_at IS NULL OR (email IS NULL AND phone IS NULL AND name IS NULL AND password_hash IS NULL"
    " AND platform_role IS NULL)"
)


def upgrade() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), server_default="fr", nullable=False),
        _moment("email_verified_at"),
        _moment("phone_verified_at"),
        sa.Column("platform_role", sa.Text(), nullable=True),
        _present("created_at"),
        _moment("disabled_at"),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        _moment("erased_at"),
        sa.CheckConstraint("language IN ('fr', 'en')", name=op.f("ck_user_account_language")),
        sa.CheckConstraint(
            "platform_role IN ('support', 'finance', 'admin')", name=op.f("ck_user_account_platform_role")
        ),
        sa.CheckConstraint("email = lower(email) AND email LIKE '%_@_%'", name=op.f("ck_user_account_email")),
        sa.CheckConstraint(r"phone ~ '^\+[1-9][0-9]{6,14}$'", name=op.f("ck_user_account_phone")),
        sa.CheckConstraint(
            "erased_at IS NOT NULL OR email IS NOT NULL OR phone IS NOT NULL", name=op.f("ck_user_account_contact")
        ),
        sa.CheckConstraint(VERIFIED, name=op.f("ck_user_account_verified")),
        sa.CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name=op.f("ck_user_account_disabled")),
        sa.CheckConstraint(ERASED, name=op.f("ck_user_account_erased")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
        sa.UniqueConstraint("phone", name=op.f("uq_user_account_phone")),
    )
    _create_membership()
    _create_session()
    _create_device_and_throttle()
    _create_token()


def downgrade() -> None:
    for table in (
        "one_time_token",
        "sign_in_throttle",
        "known_device",
        "login_session",
        "agency_member",
        "user_account",
    ):
        op.drop_table(table)


def _create_membership() -> None:
    op.create_table(
        "agency_member",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        _present("created_at"),
        _moment("ended_at"),
        sa.CheckConstraint(
            "role IN ('owner', 'manager', 'clerk', 'boarding', 'accountant')", name=op.f("ck_agency_member_role")
        ),
        sa.CheckConstraint("ended_at >= created_at", name=op.f("ck_agency_member_ended_at")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_agency_member_user_id")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_agency_member_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_member")),
    )
    live = sa.text("ended_at IS NULL")
    op.create_index("uq_agency_member_live", "agency_member", ["user_id"], unique=True, postgresql_where=live)
    op.create_index("ix_agency_member_agency_id", "agency_member", ["agency_id"])


def _create_session() -> None:
    op.create_table(
        "login_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        _present("created_at"),
        _present("last_seen_at"),
        _moment("second_factor_at"),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        _moment("revoked_at"),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.CheckConstraint(f"ended_because IN ({ENDS})", name=op.f("ck_login_session_ended_because")),
        sa.CheckConstraint("(revoked_at IS NULL) = (ended_because IS NULL)", name=op.f("ck_login_session_ended")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_login_session_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_session_token_hash")),
    )
    live = sa.text("revoked_at IS NULL")
    op.create_index("ix_login_session_live", "login_session", ["user_id"], postgresql_where=live)
    op.create_index("ix_login_session_created_at", "login_session", ["created_at"])


def _create_device_and_throttle() -> None:
    op.create_table(
        "known_device",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("device_hash", sa.Text(), nullable=False),
        _present("created_at"),
        _present("last_seen_at"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_known_device_user_id")),
        sa.PrimaryKeyConstraint("user_id", "device_hash", name=op.f("pk_known_device")),
    )
    op.create_index("ix_known_device_last_seen_at", "known_device", ["last_seen_at"])
    op.create_table(
        "sign_in_throttle",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        _present("last_at"),
        _moment("delayed_until"),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_sign_in_throttle_tries")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_throttle")),
    )
    op.create_index("ix_sign_in_throttle_last_at", "sign_in_throttle", ["last_at"])


def _create_token() -> None:
    op.create_table(
        "one_time_token",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("sent_to", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        _present("created_at"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        _moment("used_at"),
        sa.CheckConstraint(f"purpose IN ({PURPOSES})", name=op.f("ck_one_time_token_purpose")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_one_time_token_tries")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_one_time_token_expires_at")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_one_time_token_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_token")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_one_time_token_secret_hash")),
    )
    op.create_index("ix_one_time_token_request_hash", "one_time_token", ["request_hash"])
    op.create_index("ix_one_time_token_sent_to", "one_time_token", ["sent_to", "created_at"])
    op.create_index("ix_one_time_token_user_id", "one_time_token", ["user_id"])
    op.create_index("ix_one_time_token_expires_at", "one_time_token", ["expires_at"])


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _present(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
