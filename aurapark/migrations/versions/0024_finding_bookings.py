"""What staff find bookings by: the names on a booking folded into one column, and an index for each way to narrow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0024"
down_revision = "0023"

NEEDED = (
    "The extension pg_trgm, with which names are found, cannot be created by this role. It comes with PostgreSQL"
    " (package postgresql-contrib). Let an administrator run CREATE EXTENSION pg_trgm in this database, then upgrade again."
)
# É, é and e are one letter; what stands between words is one blank. Both sides of a search are folded by this.
FOLD = r"""
    CREATE FUNCTION fold_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT regexp_replace(
            translate(regexp_replace(lower(normalize(name, NFKD)), '[\u0300-\u036F]', '', 'g'), '''’-.', '    '),
            '\s+', ' ', 'g')
    $$
"""
# ` awa ngo | p1 ngo `: who pays and who sits, those who were taken off too; nothing when nobody is named.
NAMES_OF = """
    CREATE FUNCTION booking_names(payer text, of_booking bigint) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(' ' || string_agg(fold_name(name), ' | ') || ' ', '')
        FROM (SELECT payer AS name UNION ALL (SELECT p.name FROM passenger p WHERE p.booking_id = of_booking ORDER BY p.id)) named
        WHERE name IS NOT NULL
    $$
"""
OF_BOOKING = """
    CREATE FUNCTION booking_fold_names() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.names := booking_names(NEW.payer_name, NEW.id);
        RETURN NEW;
    END $$
"""
OF_PASSENGERS = """
    CREATE FUNCTION passenger_fold_names() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM changed WHERE name IS NOT NULL) OR TG_OP = 'UPDATE' THEN
            UPDATE booking b SET names = n.names
            FROM (SELECT id, booking_names(payer_name, id) AS names FROM booking
                  WHERE id IN (SELECT booking_id FROM changed)) n
            WHERE b.id = n.id AND b.names <> n.names;
        END IF;
        RETURN NULL;
    END $$
"""
TRIGGERS = (
    "CREATE TRIGGER booking_new_names BEFORE INSERT ON booking FOR EACH ROW WHEN (NEW.payer_name IS NOT NULL)"
    " EXECUTE FUNCTION booking_fold_names()",
    "CREATE TRIGGER booking_names BEFORE UPDATE OF payer_name ON booking FOR EACH ROW"
    " WHEN (NEW.payer_name IS DISTINCT FROM OLD.payer_name) EXECUTE FUNCTION booking_fold_names()",
    "CREATE TRIGGER passenger_new_names AFTER INSERT ON passenger REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION passenger_fold_names()",
    "CREATE TRIGGER passenger_names AFTER UPDATE ON passenger REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION passenger_fold_names()",
)
INDEXES = (
    ("ix_booking_agency_id_state_created_at", "booking", ["agency_id", "state", "created_at", "channel"]),
    ("ix_booking_agency_id_channel_created_at", "booking", ["agency_id", "channel", "created_at"]),
    ("ix_trip_agency_id_route_id_departs_at", "trip", ["agency_id", "route_id", "departs_at"]),
    ("ix_payment_booking_id", "payment", ["booking_id"]),
    ("ix_ticket_booking_id", "ticket", ["booking_id"]),
)


def upgrade() -> None:
    _create_extension()
    for statement in (FOLD, NAMES_OF, OF_BOOKING, OF_PASSENGERS):
        op.execute(statement)
    op.add_column("booking", sa.Column("names", sa.Text(), server_default="", nullable=False))
    op.add_column("passenger", sa.Column("former_name", sa.Text(), nullable=True))
    op.execute("UPDATE booking SET names = booking_names(payer_name, id)")
    for trigger in TRIGGERS:
        op.execute(trigger)
    op.create_index(
        "ix_booking_names", "booking", ["names"], postgresql_using="gin", postgresql_ops={"names": "gin_trgm_ops"}
    )
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _columns in reversed(INDEXES):
        op.drop_index(name, table)
    op.drop_index("ix_booking_names", "booking")
    for trigger, table in (("booking_new_names", "booking"), ("booking_names", "booking")):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for trigger in ("passenger_new_names", "passenger_names"):
        op.execute(f"DROP TRIGGER {trigger} ON passenger")
    op.drop_column("passenger", "former_name")
    op.drop_column("booking", "names")
    for function in (
        "passenger_fold_names()",
        "booking_fold_names()",
        "booking_names(text, bigint)",
        "fold_name(text)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    _drop_extension()


def _create_extension() -> None:
    """A trusted extension: whoever may create in the database may create it."""
    try:
        with op.get_bind().begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError as error:
        raise RuntimeError(NEEDED) from error


def _drop_extension() -> None:
    """It stays when an administrator made it, or something else has come to need it."""
    op.execute("""
        DO $$ BEGIN
            DROP EXTENSION IF EXISTS pg_trgm;
        EXCEPTION WHEN insufficient_privilege OR dependent_objects_still_exist THEN
            RAISE NOTICE 'pg_trgm stays';
        END $$
    """)
