"""Bookings, passengers, seat claims, tickets, and payments with their events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status IS NULL) = (answer IS NULL)", name=op.f("ck_idempotency_key_answer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_key")),
    )
    op.create_index("uq_idempotency_key_caller_key", "idempotency_key", ["caller", "key"], unique=True)
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("authentic", sa.Boolean(), nullable=False),
        sa.Column("effect", sa.Text(), server_default="none", nullable=False),
        sa.Column("tx_ref", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.CheckConstraint("authentic OR effect = 'none'", name=op.f("ck_webhook_event_forged")),
        sa.CheckConstraint("provider IN ('flutterwave', 'stripe', 'cash')", name=op.f("ck_webhook_event_provider")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
        sa.UniqueConstraint("event_key", name=op.f("uq_webhook_event_event_key")),
    )
    op.create_index(
        "ix_webhook_event_waiting",
        "webhook_event",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("authentic AND processed_at IS NULL"),
    )
    op.create_table(
        "booking",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="held", nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("board_segment", sa.Integer(), nullable=False),
        sa.Column("alight_segment", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="XAF", nullable=False),
        sa.Column("commission_percent", sa.Integer(), nullable=False),
        sa.Column("commission", sa.Integer(), nullable=False),
        sa.Column("refund_policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("visitor_hash", sa.Text(), nullable=True),
        sa.Column("token_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("hold_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sales_close_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("extensions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=True),
        sa.Column("payer_phone", sa.Text(), nullable=True),
        sa.Column("payer_email", sa.Text(), nullable=True),
        sa.Column("confirming_payment_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_because", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'cancelled') = (cancelled_at IS NOT NULL AND cancelled_because IS NOT NULL)",
            name=op.f("ck_booking_cancelled"),
        ),
        sa.CheckConstraint("(state = 'released') = (released_at IS NOT NULL)", name=op.f("ck_booking_released")),
        sa.CheckConstraint(
            "(state IN ('confirmed', 'cancelled')) = (confirmed_at IS NOT NULL AND confirming_payment_id IS NOT NULL)",
            name=op.f("ck_booking_confirmed"),
        ),
        sa.CheckConstraint(
            "cancelled_because IN ('traveller', 'agency', 'trip')", name=op.f("ck_booking_cancelled_because")
        ),
        sa.CheckConstraint("channel IN ('web', 'api', 'counter')", name=op.f("ck_booking_channel")),
        sa.CheckConstraint("language IN ('fr', 'en')", name=op.f("ck_booking_language")),
        sa.CheckConstraint("state <> 'expired' OR expired_at IS NOT NULL", name=op.f("ck_booking_expired")),
        sa.CheckConstraint(
            "state IN ('held', 'confirmed', 'expired', 'released', 'cancelled')", name=op.f("ck_booking_state")
        ),
        sa.CheckConstraint("board_segment >= 0 AND alight_segment > board_segment", name=op.f("ck_booking_leg")),
        sa.CheckConstraint("extensions BETWEEN 0 AND 10", name=op.f("ck_booking_extensions")),
        sa.CheckConstraint("total > 0 AND commission BETWEEN 0 AND total", name=op.f("ck_booking_amounts")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_booking_agency_id")),
        sa.ForeignKeyConstraint(["trip_id"], ["trip.id"], name=op.f("fk_booking_trip_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking")),
        sa.UniqueConstraint("reference", name=op.f("uq_booking_reference")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_booking_token_hash")),
    )
    op.create_index("ix_booking_agency_id_created_at", "booking", ["agency_id", "created_at"], unique=False)
    op.create_index(
        "ix_booking_hold_expires_at",
        "booking",
        ["hold_expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index("ix_booking_trip_id", "booking", ["trip_id"], unique=False)
    op.create_index("ix_booking_visitor_hash", "booking", ["visitor_hash"], unique=False)
    op.create_index("uq_booking_confirming_payment_id", "booking", ["confirming_payment_id"], unique=True)
    op.create_table(
        "booking_access",
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("visitor_hash", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_booking_access_booking_id")),
        sa.PrimaryKeyConstraint("booking_id", "visitor_hash", name=op.f("pk_booking_access")),
    )
    op.create_table(
        "passenger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), server_default="adult", nullable=False),
        sa.Column("lap_children", sa.Integer(), server_default="0", nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("adult", sa.Integer(), nullable=False),
        sa.Column("youth", sa.Integer(), nullable=False),
        sa.Column("child", sa.Integer(), nullable=False),
        sa.Column("reduced_mobility", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "category IN ('adult', 'youth', 'child', 'reduced_mobility')", name=op.f("ck_passenger_category")
        ),
        sa.CheckConstraint(
            "adult > 0 AND youth > 0 AND child > 0 AND reduced_mobility > 0 AND amount > 0",
            name=op.f("ck_passenger_amounts"),
        ),
        sa.CheckConstraint("lap_children BETWEEN 0 AND 2", name=op.f("ck_passenger_lap_children")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_passenger_booking_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passenger")),
    )
    op.create_index(op.f("ix_passenger_booking_id"), "passenger", ["booking_id"], unique=False)
    op.create_index(
        "uq_passenger_booking_id_seat",
        "passenger",
        ["booking_id", "seat"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("root_id", sa.BigInteger(), nullable=True),
        sa.Column("ordinal", sa.Integer(), server_default="1", nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("tx_ref", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="created", nullable=False),
        sa.Column("expected_amount", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("session_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gateway_tx_id", sa.Text(), nullable=True),
        sa.Column("paid_amount", sa.Integer(), nullable=True),
        sa.Column("paid_currency", sa.Text(), nullable=True),
        sa.Column("fee", sa.Numeric(), nullable=True),
        sa.Column("settled", sa.Numeric(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("disposition_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(state = 'pending') <= (link IS NOT NULL)", name=op.f("ck_payment_link")),
        sa.CheckConstraint(
            "(state IN ('succeeded', 'partially_refunded', 'refunded', 'disputed')) = (disposition IS NOT NULL AND verified_at IS NOT NULL AND paid_amount IS NOT NULL AND paid_currency IS NOT NULL AND (gateway_tx_id IS NOT NULL OR provider = 'cash'))",
            name=op.f("ck_payment_money"),
        ),
        sa.CheckConstraint("disposition IN ('applied', 'refund', 'review')", name=op.f("ck_payment_disposition")),
        sa.CheckConstraint("provider IN ('flutterwave', 'stripe', 'cash')", name=op.f("ck_payment_provider")),
        sa.CheckConstraint(
            "state IN ('created', 'pending', 'unknown', 'failed', 'lapsed', 'succeeded', 'partially_refunded', 'refunded', 'disputed')",
            name=op.f("ck_payment_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('created', 'pending', 'unknown') OR next_check_at IS NOT NULL",
            name=op.f("ck_payment_next_check_at"),
        ),
        sa.CheckConstraint(
            "attempt > 0 AND ordinal > 0 AND (ordinal = 1) = (root_id IS NULL)", name=op.f("ck_payment_ordinal")
        ),
        sa.CheckConstraint("expected_amount > 0 AND paid_amount > 0", name=op.f("ck_payment_amounts")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_payment_booking_id")),
        sa.ForeignKeyConstraint(["root_id"], ["payment.id"], name=op.f("fk_payment_root_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("tx_ref", name=op.f("uq_payment_tx_ref")),
    )
    op.create_index(
        "ix_payment_next_check_at",
        "payment",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index(
        "uq_payment_booking_id_attempt",
        "payment",
        ["booking_id", "attempt"],
        unique=True,
        postgresql_where=sa.text("ordinal = 1"),
    )
    op.create_index("uq_payment_provider_gateway_tx_id", "payment", ["provider", "gateway_tx_id"], unique=True)
    op.create_index("uq_payment_root_id_ordinal", "payment", ["root_id", "ordinal"], unique=True)
    op.create_table(
        "seat_claim",
        sa.Column("trip_id", sa.BigInteger(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'sold') = (expires_at IS NULL)", name=op.f("ck_seat_claim_expires_at")),
        sa.CheckConstraint("state IN ('held', 'paying', 'sold')", name=op.f("ck_seat_claim_state")),
        sa.CheckConstraint("segment >= 0", name=op.f("ck_seat_claim_segment")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_seat_claim_booking_id")),
        sa.ForeignKeyConstraint(["trip_id"], ["trip.id"], name=op.f("fk_seat_claim_trip_id")),
        sa.PrimaryKeyConstraint("trip_id", "seat", "segment", name=op.f("pk_seat_claim")),
        sa.UniqueConstraint("id", name=op.f("uq_seat_claim_id")),
    )
    op.create_index("ix_seat_claim_booking_id", "seat_claim", ["booking_id"], unique=False)
    op.create_index("ix_seat_claim_expires_at", "seat_claim", ["expires_at"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("passenger_id", sa.BigInteger(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="valid", nullable=False),
        sa.Column("qr", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("boarded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'boarded') = (boarded_at IS NOT NULL)", name=op.f("ck_ticket_boarded_at")),
        sa.CheckConstraint("state IN ('valid', 'boarded', 'void')", name=op.f("ck_ticket_state")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_ticket_booking_id")),
        sa.ForeignKeyConstraint(["passenger_id"], ["passenger.id"], name=op.f("fk_ticket_passenger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("code", name=op.f("uq_ticket_code")),
    )
    op.create_index(
        "uq_ticket_booking_id_seat",
        "ticket",
        ["booking_id", "seat"],
        unique=True,
        postgresql_where=sa.text("state <> 'void'"),
    )
    op.create_foreign_key(
        op.f("fk_booking_confirming_payment_id"), "booking", "payment", ["confirming_payment_id"], ["id"]
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_booking_confirming_payment_id"), "booking", type_="foreignkey")
    op.drop_index("uq_ticket_booking_id_seat", table_name="ticket", postgresql_where=sa.text("state <> 'void'"))
    op.drop_table("ticket")
    op.drop_index("ix_seat_claim_expires_at", table_name="seat_claim")
    op.drop_index("ix_seat_claim_booking_id", table_name="seat_claim")
    op.drop_table("seat_claim")
    op.drop_index("uq_payment_root_id_ordinal", table_name="payment")
    op.drop_index("uq_payment_provider_gateway_tx_id", table_name="payment")
    op.drop_index("uq_payment_booking_id_attempt", table_name="payment", postgresql_where=sa.text("ordinal = 1"))
    op.drop_index(
        "ix_payment_next_check_at", table_name="payment", postgresql_where=sa.text("next_check_at IS NOT NULL")
    )
    op.drop_table("payment")
    op.drop_index(
        "uq_passenger_booking_id_seat", table_name="passenger", postgresql_where=sa.text("removed_at IS NULL")
    )
    op.drop_index(op.f("ix_passenger_booking_id"), table_name="passenger")
    op.drop_table("passenger")
    op.drop_table("booking_access")
    op.drop_index("uq_booking_confirming_payment_id", table_name="booking")
    op.drop_index("ix_booking_visitor_hash", table_name="booking")
    op.drop_index("ix_booking_trip_id", table_name="booking")
    op.drop_index("ix_booking_hold_expires_at", table_name="booking", postgresql_where=sa.text("state = 'held'"))
    op.drop_index("ix_booking_agency_id_created_at", table_name="booking")
    op.drop_table("booking")
    op.drop_index(
        "ix_webhook_event_waiting",
        table_name="webhook_event",
        postgresql_where=sa.text("authentic AND processed_at IS NULL"),
    )
    op.drop_table("webhook_event")
    op.drop_index("uq_idempotency_key_caller_key", table_name="idempotency_key")
    op.drop_table("idempotency_key")
