"""Settlements with their lines, and the days of an agency's sales; what the database itself refuses about them."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

OLD_EVENTS = (
    "payment", "review_applied", "refund_due", "refund_withdrawn", "refund", "gateway_settlement",
    "dispute_opened", "dispute_won", "dispute_lost", "payout", "carry_out", "carry_in",
)  # fmt: skip
EVENTS = (*OLD_EVENTS, "correction")
KINDS = ("sale", "commission", "refund", "cash_kept", "carry", "correction")
NET = "gross - commission - refunds - cash_kept + carried"


def upgrade() -> None:
    _set_events(EVENTS)
    op.create_table(
        "settlement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), server_default="XAF", nullable=False),
        sa.Column("gross", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("commission", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refunds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cash_kept", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("carried", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("net", sa.BigInteger(), sa.Computed(NET, persisted=True), nullable=False),
        sa.Column("lines", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('open', 'closed', 'paid')", name=op.f("ck_settlement_state")),
        sa.CheckConstraint("period_end > period_start", name=op.f("ck_settlement_period")),
        sa.CheckConstraint("lines >= 0", name=op.f("ck_settlement_lines")),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_settlement_closed_at")),
        sa.CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_settlement_paid_at")),
        sa.CheckConstraint(f"state <> 'paid' OR {NET} > 0", name=op.f("ck_settlement_paid")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_settlement_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
    )
    op.create_index("uq_settlement_agency_id_period_start", "settlement", ["agency_id", "period_start"], unique=True)
    op.create_index("ix_settlement_period_start", "settlement", ["period_start", "id"])
    op.create_table(
        "settlement_line",
        sa.Column("ledger_entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("carried", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            f"kind IN ({', '.join(repr(kind) for kind in KINDS)})", name=op.f("ck_settlement_line_kind")
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_settlement_line_amount")),
        sa.CheckConstraint(
            "carried OR (kind NOT IN ('carry', 'correction') AND booking_id IS NOT NULL)",
            name=op.f("ck_settlement_line_carried"),
        ),
        sa.ForeignKeyConstraint(
            ["ledger_entry_id"], ["ledger_entry.id"], name=op.f("fk_settlement_line_ledger_entry_id")
        ),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_settlement_line_settlement_id")),
        sa.PrimaryKeyConstraint("ledger_entry_id", name=op.f("pk_settlement_line")),
    )
    op.create_index("ix_settlement_line_settlement_id", "settlement_line", ["settlement_id", "ledger_entry_id"])
    op.create_index("ix_settlement_line_booking_id", "settlement_line", ["booking_id"])
    op.create_table(
        "settlement_progress",
        sa.Column("agency_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("filled_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_settlement_progress_agency_id")),
        sa.PrimaryKeyConstraint("agency_id", name=op.f("pk_settlement_progress")),
    )
    op.create_table(
        "agency_day",
        sa.Column("agency_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("route_id", sa.Integer(), autoincrement=False, nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("bookings", "seats", "gross", "commission", "refunds")
        ),
        sa.CheckConstraint("channel IN ('web', 'api', 'counter')", name=op.f("ck_agency_day_channel")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_agency_day_agency_id")),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_agency_day_route_id")),
        sa.PrimaryKeyConstraint("agency_id", "day", "channel", "route_id", name=op.f("pk_agency_day")),
    )
    _guard_settlements()
    _guard_lines()
    op.execute("""
        CREATE VIEW audit.settlement AS WITH rows AS NOT MATERIALIZED (
            SELECT id AS settlement_id, agency_id, period_start, period_end, gross, commission, refunds, cash_kept,
                carried, net, currency, state
            FROM public.settlement
        ) SELECT * FROM rows
    """)
    op.execute("""
        CREATE VIEW audit.settlement_line AS WITH rows AS NOT MATERIALIZED (
            SELECT l.settlement_id, b.reference AS booking_ref,
                CASE WHEN l.carried THEN 'carried' ELSE l.kind END AS kind, l.amount, e.event_type, e.event_id
            FROM public.settlement_line l
            JOIN public.ledger_entry e ON e.id = l.ledger_entry_id
            LEFT JOIN public.booking b ON b.id = l.booking_id
        ) SELECT * FROM rows
    """)


def downgrade() -> None:
    op.execute("DROP VIEW audit.settlement_line")
    op.execute("DROP VIEW audit.settlement")
    for table in ("agency_day", "settlement_progress", "settlement_line", "settlement"):
        op.drop_table(table)
    op.execute("DROP FUNCTION settlement_line_guard()")
    op.execute("DROP FUNCTION settlement_moves()")
    _set_events(OLD_EVENTS)


def _guard_settlements() -> None:
    """Its sums stay once it is closed; the periods of an agency are closed in their order, and not before they end."""
    op.execute("""
        CREATE FUNCTION settlement_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            refused text;
        BEGIN
            IF TG_OP = 'DELETE' THEN
                refused := 'is never deleted';
            ELSIF TG_OP = 'INSERT' THEN
                IF EXISTS (SELECT FROM settlement WHERE agency_id = NEW.agency_id AND period_start < NEW.period_end
                        AND period_end > NEW.period_start AND period_start <> NEW.period_start) THEN
                    refused := 'overlaps another period of its agency';
                END IF;
            ELSIF (NEW.agency_id, NEW.period_start, NEW.period_end, NEW.currency)
                    IS DISTINCT FROM (OLD.agency_id, OLD.period_start, OLD.period_end, OLD.currency) THEN
                refused := 'keeps its agency and its period';
            ELSIF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (('open', 'closed'), ('closed', 'paid')) THEN
                refused := 'may not move from ' || OLD.state || ' to ' || NEW.state;
            ELSIF OLD.state <> 'open' AND (NEW.gross, NEW.commission, NEW.refunds, NEW.cash_kept, NEW.carried, NEW.lines)
                    IS DISTINCT FROM (OLD.gross, OLD.commission, OLD.refunds, OLD.cash_kept, OLD.carried, OLD.lines) THEN
                refused := 'is closed: its sums stay';
            ELSIF OLD.state = 'open' AND NEW.state = 'closed' AND (NEW.period_end > now() OR EXISTS (
                    SELECT FROM settlement WHERE agency_id = NEW.agency_id AND state = 'open'
                        AND period_start < NEW.period_start)) THEN
                refused := 'is closed after its end, and after the ones before it';
            END IF;
            IF refused IS NOT NULL THEN
                RAISE EXCEPTION 'settlement % %', coalesce(OLD.id, NEW.id), refused
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'settlement_moves', TABLE = 'settlement';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER settlement_moves BEFORE INSERT OR UPDATE OR DELETE ON settlement
        FOR EACH ROW EXECUTE FUNCTION settlement_moves()
    """)


def _guard_lines() -> None:
    """No line comes, changes or goes once its settlement is closed; who writes one keeps the settlement from closing."""
    op.execute("""
        CREATE FUNCTION settlement_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            closed bigint;
        BEGIN
            SELECT id INTO closed FROM (
                SELECT s.id, s.state FROM settlement s
                WHERE s.id IN (SELECT DISTINCT settlement_id FROM touched) ORDER BY s.id FOR SHARE
            ) s WHERE state <> 'open' LIMIT 1;
            IF closed IS NOT NULL THEN
                RAISE EXCEPTION 'settlement % is closed: its lines stay', closed
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'settlement_line_guard', TABLE = 'settlement_line';
            END IF;
            RETURN NULL;
        END $$
    """)
    for event, table, suffix in (
        ("INSERT", "NEW", ""), ("UPDATE", "NEW", "_new"), ("UPDATE", "OLD", "_old"), ("DELETE", "OLD", "_gone")
    ):  # fmt: skip
        op.execute(f"""
            CREATE TRIGGER settlement_line_guard{suffix} AFTER {event} ON settlement_line
            REFERENCING {table} TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION settlement_line_guard()
        """)


def _set_events(events: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_ledger_entry_event_type"), "ledger_entry", type_="check")
    listed = ", ".join(f"'{event}'" for event in events)
    op.create_check_constraint(op.f("ck_ledger_entry_event_type"), "ledger_entry", f"event_type IN ({listed})")
