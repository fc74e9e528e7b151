"""Holders to lock, tries that failed, and the network a booking was held from."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

LOCK = """
    CREATE FUNCTION lock_holders(keys text[]) RETURNS void LANGUAGE sql VOLATILE AS $$
        INSERT INTO holder (key, seen_at) SELECT key, now() FROM unnest(keys) AS key ORDER BY key COLLATE "C"
        ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at
    $$
"""
# Lock and count in one call. It must stay VOLATILE plpgsql: then the count sees what was committed while it waited
# for the lock, which a single statement would not. A lapse counts from the moment the hold ended, tidied up or not.
COUNT = """
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
    op.create_table(
        "holder",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_holder")),
    )
    op.create_index("ix_holder_seen_at", "holder", ["seen_at"])
    op.create_table(
        "failed_try",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_try")),
    )
    op.create_index("ix_failed_try_key_at", "failed_try", ["key", "at"])
    op.create_index("ix_failed_try_at", "failed_try", ["at"])
    op.add_column("booking", sa.Column("network", sa.Text(), nullable=True))
    op.create_index("ix_booking_payer_phone_hold_expires_at", "booking", ["payer_phone", "hold_expires_at"])
    op.execute(LOCK)
    op.execute(COUNT)


def downgrade() -> None:
    op.execute("DROP FUNCTION count_holdings(text[], bigint, text, text, text, bigint, interval)")
    op.execute("DROP FUNCTION lock_holders(text[])")
    op.drop_index("ix_booking_payer_phone_hold_expires_at", "booking")
    op.drop_column("booking", "network")
    op.drop_table("failed_try")
    op.drop_table("holder")
