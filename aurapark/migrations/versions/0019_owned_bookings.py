"""Bookings in a traveller's account, counted by account too."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0016"

OLD = "count_holdings(text[], bigint, text, text, text, bigint, interval)"
NEW = "count_holdings(text[], bigint, text, bigint, text, text, bigint, interval)"
# As in 0011, with the account. It must stay VOLATILE plpgsql: the count sees what was committed while it waited.
COUNT = """
    CREATE FUNCTION count_holdings(
        keys text[], on_trip bigint, of_visitor text, of_account bigint, of_phone text, of_network text, except_id bigint, back interval
    ) RETURNS TABLE (who text, live bigint, ends_at timestamptz, lapses timestamptz[]) LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM lock_holders(keys);
        RETURN QUERY
        WITH theirs AS (
            SELECT 'visitor' AS kind, b.* FROM booking b WHERE b.visitor_hash = of_visitor
            UNION ALL SELECT 'account', b.* FROM booking b WHERE b.user_id = of_account
            UNION ALL SELECT 'phone', b.* FROM booking b WHERE b.payer_phone = of_phone
        ), recent AS (
            SELECT kind, hold_expires_at AS until, state = 'held' AND hold_expires_at > now() AS lives FROM theirs
            WHERE state IN ('held', 'expired') AND hold_expires_at > now() - back AND channel <> 'counter'
                AND id <> except_id
        )
        SELECT kind, count(*) FILTER (WHERE lives), min(until) FILTER (WHERE lives),
            array_agg(until ORDER BY until DESC) FILTER (WHERE NOT lives)
        FROM recent GROUP BY kind
        UNION ALL
        SELECT 'network', count(DISTINCT c.seat), min(greatest(c.expires_at, now())), NULL
        FROM seat_claim c JOIN booking b ON b.id = c.booking_id
        WHERE c.trip_id = on_trip AND c.state <> 'sold' AND (c.state = 'paying' OR c.expires_at > now())
            AND b.network = of_network AND b.channel <> 'counter' AND b.id <> except_id;
    END $$
"""
COUNT_BEFORE = """
    CREATE FUNCTION count_holdings(
        keys text[], on_trip bigint, of_visitor text, of_phone text, of_network text, except_id bigint, back interval
    ) RETURNS TABLE (who text, live bigint, ends_at timestamptz, lapses timestamptz[]) LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM lock_holders(keys);
        RETURN QUERY
        WITH theirs AS (
            SELECT 'visitor' AS kind, b.* FROM booking b WHERE b.visitor_hash = of_visitor
            UNION ALL SELECT 'phone', b.* FROM booking b WHERE b.payer_phone = of_phone
        ), recent AS (
            SELECT kind, hold_expires_at AS until, state = 'held' AND hold_expires_at > now() AS lives FROM theirs
            WHERE state IN ('held', 'expired') AND hold_expires_at > now() - back AND channel <> 'counter'
                AND id <> except_id
        )
        SELECT kind, count(*) FILTER (WHERE lives), min(until) FILTER (WHERE lives),
            array_agg(until ORDER BY until DESC) FILTER (WHERE NOT lives)
        FROM recent GROUP BY kind
        UNION ALL
        SELECT 'network', count(DISTINCT c.seat), min(greatest(c.expires_at, now())), NULL
        FROM seat_claim c JOIN booking b ON b.id = c.booking_id
        WHERE c.trip_id = on_trip AND c.state <> 'sold' AND (c.state = 'paying' OR c.expires_at > now())
            AND b.network = of_network AND b.channel <> 'counter' AND b.id <> except_id;
    END $$
"""


def upgrade() -> None:
    op.add_column("booking", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_booking_user_id"), "booking", "user_account", ["user_id"], ["id"])
    op.create_index(
        "ix_booking_user_id",
        "booking",
        ["user_id", "hold_expires_at"],
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_index(
        "ix_booking_payer_email",
        "booking",
        [sa.text("lower(payer_email)")],
        postgresql_where=sa.text("payer_email IS NOT NULL"),
    )
    op.execute(f"DROP FUNCTION {OLD}")
    op.execute(COUNT)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {NEW}")
    op.execute(COUNT_BEFORE)
    op.drop_index("ix_booking_payer_email", "booking")
    op.drop_index("ix_booking_user_id", "booking")
    op.drop_constraint(op.f("fk_booking_user_id"), "booking")
    op.drop_column("booking", "user_id")
