"""The network to sell: agencies, fleet, timetable, fares."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("timezone", sa.Text(), server_default="Africa/Douala", nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("boarding_close_minutes", sa.Integer(), server_default="15", nullable=False),
        sa.Column("max_seats", sa.Integer(), nullable=True),
        sa.Column("commission_percent", sa.Integer(), nullable=True),
        sa.Column("luggage_free_kg", sa.Integer(), server_default="15", nullable=False),
        sa.Column("refund_policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("jsonb_typeof(refund_policy) = 'array'", name=op.f("ck_agency_refund_policy")),
        sa.CheckConstraint("state IN ('pending', 'active', 'suspended')", name=op.f("ck_agency_state")),
        sa.CheckConstraint("boarding_close_minutes BETWEEN 0 AND 1440", name=op.f("ck_agency_boarding_close_minutes")),
        sa.CheckConstraint("commission_percent BETWEEN 0 AND 100", name=op.f("ck_agency_commission_percent")),
        sa.CheckConstraint("luggage_free_kg >= 0", name=op.f("ck_agency_luggage_free_kg")),
        sa.CheckConstraint("max_seats BETWEEN 1 AND 10", name=op.f("ck_agency_max_seats")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency")),
        sa.UniqueConstraint("code", name=op.f("uq_agency_code")),
    )
    op.create_table(
        "city",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("latitude", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("longitude", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_city")),
    )
    op.create_table(
        "seat_map",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_fr", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("grid", sa.Text(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.CheckConstraint("seats > 0", name=op.f("ck_seat_map_seats")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_map")),
        sa.UniqueConstraint("code", name=op.f("uq_seat_map_code")),
    )
    op.create_table(
        "route",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_route_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route")),
    )
    op.create_index("uq_route_agency_id_code", "route", ["agency_id", "code"], unique=True)
    op.create_table(
        "stop",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("city_code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["city_code"], ["city.code"], name=op.f("fk_stop_city_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop")),
        sa.UniqueConstraint("code", name=op.f("uq_stop_code")),
    )
    op.create_index(op.f("ix_stop_city_code"), "stop", ["city_code"], unique=False)
    op.create_table(
        "vehicle",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("plate", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service_class", sa.Text(), nullable=False),
        sa.Column("seat_map_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("service_class IN ('classique', 'vip', 'vvip')", name=op.f("ck_vehicle_service_class")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_vehicle_agency_id")),
        sa.ForeignKeyConstraint(["seat_map_id"], ["seat_map.id"], name=op.f("fk_vehicle_seat_map_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vehicle")),
        sa.UniqueConstraint("plate", name=op.f("uq_vehicle_plate")),
    )
    op.create_index(op.f("ix_vehicle_agency_id"), "vehicle", ["agency_id"], unique=False)
    op.create_table(
        "fare",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("route_id", sa.Integer(), nullable=False),
        sa.Column("service_class", sa.Text(), nullable=False),
        sa.Column("board_position", sa.Integer(), nullable=False),
        sa.Column("alight_position", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("adult", sa.Integer(), nullable=False),
        sa.Column("youth", sa.Integer(), nullable=False),
        sa.Column("child", sa.Integer(), nullable=False),
        sa.Column("reduced_mobility", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="XAF", nullable=False),
        sa.CheckConstraint("service_class IN ('classique', 'vip', 'vvip')", name=op.f("ck_fare_service_class")),
        sa.CheckConstraint(
            "adult > 0 AND youth > 0 AND child > 0 AND reduced_mobility > 0", name=op.f("ck_fare_amounts")
        ),
        sa.CheckConstraint("board_position >= 0 AND alight_position > board_position", name=op.f("ck_fare_leg")),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_fare_route_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fare")),
    )
    op.create_index(
        "uq_fare_leg",
        "fare",
        ["route_id", "service_class", "board_position", "alight_position", "valid_from"],
        unique=True,
    )
    op.create_table(
        "route_stop",
        sa.Column("route_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("stop_id", sa.Integer(), nullable=False),
        sa.Column("km", sa.Integer(), nullable=False),
        sa.Column("minutes_day", sa.Integer(), nullable=False),
        sa.Column("minutes_night", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "position >= 0 AND km >= 0 AND minutes_day >= 0 AND minutes_night >= minutes_day",
            name=op.f("ck_route_stop_plan"),
        ),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_route_stop_route_id")),
        sa.ForeignKeyConstraint(["stop_id"], ["stop.id"], name=op.f("fk_route_stop_stop_id")),
        sa.PrimaryKeyConstraint("route_id", "position", name=op.f("pk_route_stop")),
    )
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("route_id", sa.Integer(), nullable=False),
        sa.Column("departs", sa.Time(), nullable=False),
        sa.Column("days", sa.Integer(), server_default="127", nullable=False),
        sa.Column("service_class", sa.Text(), nullable=False),
        sa.Column("vehicle_id", sa.Integer(), nullable=False),
        sa.Column("departure_mode", sa.Text(), server_default="scheduled", nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.CheckConstraint("departure_mode IN ('scheduled', 'when_full')", name=op.f("ck_schedule_departure_mode")),
        sa.CheckConstraint("service_class IN ('classique', 'vip', 'vvip')", name=op.f("ck_schedule_service_class")),
        sa.CheckConstraint("days BETWEEN 1 AND 127", name=op.f("ck_schedule_days")),
        sa.CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name=op.f("ck_schedule_validity")),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_schedule_route_id")),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicle.id"], name=op.f("fk_schedule_vehicle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
    )
    op.create_index(
        "uq_schedule_route_id_departs", "schedule", ["route_id", "departs", "service_class", "vehicle_id"], unique=True
    )
    op.create_table(
        "trip",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("route_id", sa.Integer(), nullable=False),
        sa.Column("schedule_id", sa.Integer(), nullable=True),
        sa.Column("vehicle_id", sa.Integer(), nullable=False),
        sa.Column("seat_map_id", sa.Integer(), nullable=False),
        sa.Column("service_class", sa.Text(), nullable=False),
        sa.Column("departure_mode", sa.Text(), server_default="scheduled", nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="scheduled", nullable=False),
        sa.Column("departs_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrives_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delay_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("delay_reason", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_trip_cancelled_at")),
        sa.CheckConstraint("departure_mode IN ('scheduled', 'when_full')", name=op.f("ck_trip_departure_mode")),
        sa.CheckConstraint("service_class IN ('classique', 'vip', 'vvip')", name=op.f("ck_trip_service_class")),
        sa.CheckConstraint(
            "state IN ('scheduled', 'boarding', 'departed', 'completed', 'cancelled')", name=op.f("ck_trip_state")
        ),
        sa.CheckConstraint("arrives_at > departs_at", name=op.f("ck_trip_times")),
        sa.CheckConstraint("delay_minutes >= 0", name=op.f("ck_trip_delay_minutes")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_trip_agency_id")),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_trip_route_id")),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], name=op.f("fk_trip_schedule_id")),
        sa.ForeignKeyConstraint(["seat_map_id"], ["seat_map.id"], name=op.f("fk_trip_seat_map_id")),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicle.id"], name=op.f("fk_trip_vehicle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trip")),
    )
    op.create_index("ix_trip_agency_id_departs_at", "trip", ["agency_id", "departs_at"], unique=False)
    op.create_index("ix_trip_departs_at", "trip", ["departs_at"], unique=False)
    op.create_index("uq_trip_schedule_id_service_date", "trip", ["schedule_id", "service_date"], unique=True)
    op.create_table(
        "trip_stop",
        sa.Column("trip_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("stop_id", sa.Integer(), nullable=False),
        sa.Column("departs_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_trip_stop_position")),
        sa.ForeignKeyConstraint(["stop_id"], ["stop.id"], name=op.f("fk_trip_stop_stop_id")),
        sa.ForeignKeyConstraint(["trip_id"], ["trip.id"], name=op.f("fk_trip_stop_trip_id")),
        sa.PrimaryKeyConstraint("trip_id", "position", name=op.f("pk_trip_stop")),
    )
    op.create_index("ix_trip_stop_stop_id_departs_at", "trip_stop", ["stop_id", "departs_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_trip_stop_stop_id_departs_at", table_name="trip_stop")
    op.drop_table("trip_stop")
    op.drop_index("uq_trip_schedule_id_service_date", table_name="trip")
    op.drop_index("ix_trip_departs_at", table_name="trip")
    op.drop_index("ix_trip_agency_id_departs_at", table_name="trip")
    op.drop_table("trip")
    op.drop_index("uq_schedule_route_id_departs", table_name="schedule")
    op.drop_table("schedule")
    op.drop_table("route_stop")
    op.drop_index("uq_fare_leg", table_name="fare")
    op.drop_table("fare")
    op.drop_index(op.f("ix_vehicle_agency_id"), table_name="vehicle")
    op.drop_table("vehicle")
    op.drop_index(op.f("ix_stop_city_code"), table_name="stop")
    op.drop_table("stop")
    op.drop_index("uq_route_agency_id_code", table_name="route")
    op.drop_table("route")
    op.drop_table("seat_map")
    op.drop_table("city")
    op.drop_table("agency")
