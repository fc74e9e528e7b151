"""Where an agency's money goes; and an index for who has lately read about somebody, by the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "payout_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("payable_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('mtn_momo', 'orange_money', 'bank')", name=op.f("ck_payout_account_kind")),
        sa.CheckConstraint("payable_from >= created_at", name=op.f("ck_payout_account_payable_from")),
        sa.CheckConstraint("withdrawn_at < payable_from", name=op.f("ck_payout_account_withdrawn_at")),
        sa.CheckConstraint("(kind = 'bank') = (bank IS NOT NULL)", name=op.f("ck_payout_account_bank")),
        sa.CheckConstraint("length(ending) BETWEEN 2 AND 4", name=op.f("ck_payout_account_ending")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_payout_account_agency_id")),
        sa.ForeignKeyConstraint(["created_by"], ["user_account.id"], name=op.f("fk_payout_account_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_account")),
    )
    op.create_index("ix_payout_account_agency_id", "payout_account", ["agency_id", "payable_from"])
    op.execute("""
        CREATE FUNCTION payout_account_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'UPDATE' OR (OLD.withdrawn_at IS DISTINCT FROM NEW.withdrawn_at AND OLD.withdrawn_at IS NOT NULL)
                    OR to_jsonb(NEW) - 'withdrawn_at' - 'sealed' <> to_jsonb(OLD) - 'withdrawn_at' - 'sealed' THEN
                RAISE EXCEPTION 'a payout account is written once, withdrawn once, and only sealed anew'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER payout_account_written_once BEFORE UPDATE OR DELETE ON payout_account
        FOR EACH ROW EXECUTE FUNCTION payout_account_written_once()
    """)
    reading = sa.text("action = 'personal.read'")
    op.create_index(
        "ix_audit_entry_reading", "audit_entry", ["actor", "entity", "entity_id", "at"], postgresql_where=reading
    )


def downgrade() -> None:
    op.drop_index("ix_audit_entry_reading", "audit_entry")
    op.drop_table("payout_account")
    op.execute("DROP FUNCTION payout_account_written_once()")
