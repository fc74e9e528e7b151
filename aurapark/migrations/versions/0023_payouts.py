"""Payouts: the transfers that pay settlements, with what the database itself refuses about them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

MOVES = {
    "draft": ("approved",),
    "approved": ("sending",),
    "sending": ("sent", "unknown"),
    "sent": ("succeeded", "failed"),
    "unknown": ("sent", "failed"),
}
STATES = ("draft", "approved", "sending", "sent", "unknown", "succeeded", "failed")
OLD_CASES = (
    "review", "refund_failed", "refund_overdue", "unknown_charge", "charge_not_recorded", "charge_differs",
    "charge_missing", "unknown_refund", "refund_differs", "refund_missing", "settlement_not_booked", "dispute",
    "refund_withdrawn",
)  # fmt: skip
NEW_CASES = ("payout_failed", "payout_overdue", "payout_differs", "unknown_transfer")


def upgrade() -> None:
    op.create_table(
        "payout",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("prepared_by", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_by", sa.BigInteger(), nullable=True),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("gateway_transfer_id", sa.Text(), nullable=True),
        sa.Column("fee", sa.Integer(), nullable=True),
        sa.Column("posts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("empty_queries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_empty_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"state IN ({_listed(STATES)})", name=op.f("ck_payout_state")),
        sa.CheckConstraint("method IN ('flutterwave', 'outside')", name=op.f("ck_payout_method")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payout_amount")),
        sa.CheckConstraint(
            "posts IN (0, 1) AND checks >= 0 AND empty_queries >= 0 AND fee >= 0", name=op.f("ck_payout_counters")
        ),
        sa.CheckConstraint("(empty_queries > 0) = (last_empty_at IS NOT NULL)", name=op.f("ck_payout_empty_queries")),
        sa.CheckConstraint("(method = 'flutterwave') = (account_id IS NOT NULL)", name=op.f("ck_payout_account")),
        sa.CheckConstraint("(method = 'outside') = (proof IS NOT NULL) AND proof <> ''", name=op.f("ck_payout_proof")),
        sa.CheckConstraint("approved_by <> prepared_by", name=op.f("ck_payout_two_persons")),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL) AND (state = 'draft') = (approved_by IS NULL)",
            name=op.f("ck_payout_approved"),
        ),
        sa.CheckConstraint(
            "(rejected_by IS NULL) = (rejected_at IS NULL) AND (rejected_by IS NULL OR state = 'draft')",
            name=op.f("ck_payout_rejected"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'sending', 'sent', 'unknown') OR next_check_at IS NOT NULL",
            name=op.f("ck_payout_next_check_at"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('sent', 'succeeded') OR method = 'outside' OR gateway_transfer_id IS NOT NULL",
            name=op.f("ck_payout_sent"),
        ),
        sa.CheckConstraint("(state IN ('succeeded', 'failed')) = (ended_at IS NOT NULL)", name=op.f("ck_payout_ended")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_payout_settlement_id")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_payout_agency_id")),
        sa.ForeignKeyConstraint(["account_id"], ["payout_account.id"], name=op.f("fk_payout_account_id")),
        *(
            sa.ForeignKeyConstraint([name], ["user_account.id"], name=op.f(f"fk_payout_{name}"))
            for name in ("prepared_by", "approved_by", "rejected_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
    )
    op.create_index("uq_payout_reference", "payout", ["reference"], unique=True)
    op.create_index("uq_payout_gateway_transfer_id", "payout", ["method", "gateway_transfer_id"], unique=True)
    op.create_index("ix_payout_settlement_id", "payout", ["settlement_id", "id"])
    op.create_index("ix_payout_agency_id", "payout", ["agency_id", "id"])
    op.create_index("ix_payout_state", "payout", ["state", "id"])
    op.create_index(
        "ix_payout_next_check_at", "payout", ["next_check_at"], postgresql_where=sa.text("next_check_at IS NOT NULL")
    )
    _guard_moves()
    _guard_sum()
    _guard_paid()
    _allow_cases((*OLD_CASES, *NEW_CASES))
    op.execute("""
        CREATE VIEW audit.payout AS WITH rows AS NOT MATERIALIZED (
            SELECT id AS payout_id, settlement_id, amount, currency, state FROM public.payout
        ) SELECT * FROM rows
    """)


def downgrade() -> None:
    op.execute("DROP VIEW audit.payout")
    op.execute("DROP TRIGGER settlement_paid ON settlement")
    op.drop_table("payout")
    for name in ("settlement_paid", "payout_moves", "payout_sum"):
        op.execute(f"DROP FUNCTION {name}()")
    op.execute(f"DELETE FROM finance_case WHERE kind IN ({_listed(NEW_CASES)})")  # nosec B608  # noqa: S608  words above
    _allow_cases(OLD_CASES)


def _guard_moves() -> None:
    """It begins as a draft, keeps what it pays and who prepared it, and is never deleted; an unknown one has failed
    only after two recorded empty queries; what was rejected stays rejected."""
    pairs = ", ".join(f"('{old}', '{new}')" for old, news in MOVES.items() for new in news)
    kept = "settlement_id, agency_id, reference, method, account_id, amount, currency, prepared_by, proof, created_at"
    new, old = (", ".join(f"{row}.{name}" for name in kept.split(", ")) for row in ("NEW", "OLD"))
    op.execute(f"""
        CREATE FUNCTION payout_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE refused text;
        BEGIN
            IF TG_OP = 'DELETE' THEN
                refused := 'is never deleted';
            ELSIF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'draft' THEN
                    refused := 'begins as a draft';
                END IF;
            ELSIF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN ({pairs}) THEN
                refused := format('may not move from %s to %s', OLD.state, NEW.state);
            ELSIF ({new}) IS DISTINCT FROM ({old}) THEN
                refused := 'keeps what it pays, to whom, and who prepared it';
            ELSIF OLD.approved_by IS NOT NULL AND (NEW.approved_by, NEW.approved_at)
                    IS DISTINCT FROM (OLD.approved_by, OLD.approved_at)
                    OR OLD.rejected_by IS NOT NULL AND (NEW.rejected_by, NEW.rejected_at)
                    IS DISTINCT FROM (OLD.rejected_by, OLD.rejected_at) THEN
                refused := 'was decided once';
            ELSIF OLD.gateway_transfer_id IS NOT NULL AND NEW.gateway_transfer_id <> OLD.gateway_transfer_id
                    OR NEW.posts < OLD.posts THEN
                refused := 'keeps its transfer';
            ELSIF OLD.state = 'unknown' AND NEW.state = 'failed' AND OLD.empty_queries < 2 THEN
                refused := 'has failed only after two empty queries';
            END IF;
            IF refused IS NOT NULL THEN
                RAISE EXCEPTION 'payout % %', coalesce(OLD.id, NEW.id), refused
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_moves', TABLE = 'payout';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER payout_moves BEFORE INSERT OR UPDATE OR DELETE ON payout
        FOR EACH ROW EXECUTE FUNCTION payout_moves()
    """)


def _guard_sum() -> None:
    """Payouts that live never exceed the net of a closed settlement; the settlement's lock makes them queue.

    Only a new row can add to the sum: amounts stay, and neither a failed nor a rejected one comes back.
    """
    op.execute("""
        CREATE FUNCTION payout_sum() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            paid record;
            others numeric;
        BEGIN
            SELECT agency_id, currency, net, state INTO paid FROM settlement
                WHERE id = NEW.settlement_id FOR NO KEY UPDATE;
            SELECT coalesce(sum(amount), 0) INTO others FROM payout
                WHERE settlement_id = NEW.settlement_id AND state <> 'failed' AND rejected_at IS NULL;
            IF paid.state = 'open' OR others + NEW.amount > paid.net
                    OR (NEW.agency_id, NEW.currency) IS DISTINCT FROM (paid.agency_id, paid.currency) THEN
                RAISE EXCEPTION 'payouts of settlement % would exceed what is owed', NEW.settlement_id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_sum', TABLE = 'payout';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER payout_sum BEFORE INSERT ON payout FOR EACH ROW EXECUTE FUNCTION payout_sum()
    """)


def _guard_paid() -> None:
    """A settlement is paid when its payouts that arrived come to its net, which stays once it is closed."""
    op.execute("""
        CREATE FUNCTION settlement_paid() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.net <> (SELECT coalesce(sum(amount), 0) FROM payout
                    WHERE settlement_id = NEW.id AND state = 'succeeded') THEN
                RAISE EXCEPTION 'settlement % is not paid', NEW.id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'settlement_paid', TABLE = 'settlement';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER settlement_paid BEFORE UPDATE OF state ON settlement
        FOR EACH ROW WHEN (NEW.state = 'paid') EXECUTE FUNCTION settlement_paid()
    """)


def _allow_cases(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_finance_case_kind"), "finance_case", type_="check")
    op.create_check_constraint(op.f("ck_finance_case_kind"), "finance_case", f"kind IN ({_listed(kinds)})")


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
