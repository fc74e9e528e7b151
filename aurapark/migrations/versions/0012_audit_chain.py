"""The audit log's chain: each entry gets its number and hash once, from the seal alone; the head only grows."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

LOG = "id AS log_id, at, actor, action, entity, entity_id, reason, before, after, hash"


def upgrade() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1 AND number >= 0", name=op.f("ck_audit_chain_one_head")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_chain")),
    )
    op.execute("INSERT INTO audit_chain (id, number, hash) VALUES (1, 0, repeat('0', 64))")
    op.add_column("audit_entry", sa.Column("seal", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_audit_entry_sealed"),
        "audit_entry",
        "(seal IS NULL) = (hash IS NULL) AND seal > 0 AND hash ~ '^[0-9a-f]{64}$'",
    )
    unsealed, sealed = sa.text("hash IS NULL"), sa.text("seal IS NOT NULL")
    op.create_index("ix_audit_entry_unsealed", "audit_entry", ["id"], postgresql_where=unsealed)
    op.create_index("uq_audit_entry_seal", "audit_entry", ["seal"], unique=True, postgresql_where=sealed)
    _guard()
    _show_log(f"{LOG}, seal")


def downgrade() -> None:
    op.execute("DROP VIEW audit.log")
    _show_log(LOG)
    op.execute("DROP TRIGGER audit_chain_grows ON audit_chain")
    op.execute("DROP TRIGGER audit_chain_stays ON audit_chain")
    op.execute("DROP FUNCTION audit_chain_grows()")
    op.execute("DROP TRIGGER audit_entry_sealed_once ON audit_entry")
    op.execute("DROP TRIGGER audit_entry_comes_unsealed ON audit_entry")
    op.execute("DROP TRIGGER audit_entry_append_only ON audit_entry")
    op.execute("DROP FUNCTION audit_entry_sealed_once()")
    op.execute("""
        CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()
    """)
    op.drop_index("uq_audit_entry_seal", "audit_entry")
    op.drop_index("ix_audit_entry_unsealed", "audit_entry")
    op.drop_constraint(op.f("ck_audit_entry_sealed"), "audit_entry")
    op.drop_column("audit_entry", "seal")
    op.drop_table("audit_chain")


def _guard() -> None:
    """An entry comes without a seal, is sealed once beyond the head, and nothing else of it ever changes."""
    op.execute("DROP TRIGGER audit_entry_append_only ON audit_entry")
    op.execute("""
        CREATE TRIGGER audit_entry_append_only BEFORE DELETE OR TRUNCATE ON audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()
    """)
    op.execute("""
        CREATE TRIGGER audit_entry_comes_unsealed BEFORE INSERT ON audit_entry
        FOR EACH ROW WHEN (NEW.seal IS NOT NULL OR NEW.hash IS NOT NULL) EXECUTE FUNCTION audit_entry_append_only()
    """)
    op.execute("""
        CREATE FUNCTION audit_entry_sealed_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.hash IS NOT NULL OR NEW.hash IS NULL OR NEW.seal <= (SELECT number FROM audit_chain)
                    OR to_jsonb(NEW) - 'seal' - 'hash' <> to_jsonb(OLD) - 'seal' - 'hash' THEN
                RAISE EXCEPTION 'the audit log is only added to, and sealed once'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_entry_sealed_once BEFORE UPDATE ON audit_entry
        FOR EACH ROW EXECUTE FUNCTION audit_entry_sealed_once()
    """)
    op.execute("""
        CREATE FUNCTION audit_chain_grows() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.number <= OLD.number THEN
                RAISE EXCEPTION 'the chain of the audit log only grows' USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_chain_grows BEFORE UPDATE ON audit_chain
        FOR EACH ROW EXECUTE FUNCTION audit_chain_grows()
    """)
    op.execute("""
        CREATE TRIGGER audit_chain_stays BEFORE INSERT OR DELETE OR TRUNCATE ON audit_chain
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()
    """)


def _show_log(columns: str) -> None:
    query = f"SELECT {columns} FROM public.audit_entry"  # nosec B608  # noqa: S608  one of two lists above
    op.execute(f"CREATE OR REPLACE VIEW audit.log AS WITH rows AS NOT MATERIALIZED ({query}) SELECT * FROM rows")  # nosec B608  # noqa: S608
