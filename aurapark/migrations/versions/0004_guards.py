"""What the database itself refuses: illegal moves of booking and payment, changes to the audit log."""

from alembic import op

revision = "0004"
down_revision = "0003"

MOVES = {
    "booking": {
        "held": ("confirmed", "expired", "released"),
        "expired": ("confirmed",),
        "confirmed": ("cancelled",),
    },
    "payment": {
        "created": ("pending", "unknown", "failed", "lapsed", "succeeded"),
        "pending": ("failed", "lapsed", "succeeded"),
        "unknown": ("failed", "lapsed", "succeeded"),
        "failed": ("succeeded",),
        "lapsed": ("succeeded",),
        "succeeded": ("partially_refunded", "refunded", "disputed"),
        "partially_refunded": ("refunded", "disputed"),
        "refunded": ("disputed",),
        "disputed": ("succeeded", "partially_refunded", "refunded"),
    },
}


def upgrade() -> None:
    for table, moves in MOVES.items():
        pairs = ", ".join(f"('{old}', '{new}')" for old, news in moves.items() for new in news)
        op.execute(f"""
            CREATE FUNCTION {table}_moves() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF (OLD.state, NEW.state) NOT IN ({pairs}) THEN
                    RAISE EXCEPTION '{table} % may not move from % to %', OLD.id, OLD.state, NEW.state
                        USING ERRCODE = 'check_violation', CONSTRAINT = '{table}_moves', TABLE = '{table}';
                END IF;
                RETURN NEW;
            END $$
        """)
        op.execute(f"""
            CREATE TRIGGER {table}_moves BEFORE UPDATE OF state ON {table}
            FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION {table}_moves()
        """)
    op.execute("""
        CREATE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_entry_append_only ON audit_entry")
    op.execute("DROP FUNCTION audit_entry_append_only()")
    for table in MOVES:
        op.execute(f"DROP TRIGGER {table}_moves ON {table}")
        op.execute(f"DROP FUNCTION {table}_moves()")
