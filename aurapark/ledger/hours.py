"""Sums of the ledger by the hour: filled once an hour is over, read together with the movements since.

Exact, not about right. A movement's `created_at` is when its transaction began, so one that commits late may carry a
moment that is over. An hour is filled only when every transaction of this database began after its end: what began
before has then committed, and is seen, or never will (whoever writes movements is one role of the database: it does
not see when transactions of other roles began). Ten minutes of patience are beside that, for clocks. What is
written with an older date on purpose (a load of demo data, a restored table) says so with `open_again`. Doctor adds the
newest hours up anew at each round.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from aurapark.extensions import db
from aurapark.ledger.queries import Balance

PATIENCE = timedelta(minutes=10)
MOST_HOURS = 24  # added up at once
CHECKED_HOURS = 6  # by each of doctor's rounds
TRIES = 3

LOCK = text("SELECT filled_until FROM ledger_filling WHERE id = 1 FOR UPDATE SKIP LOCKED")
HORIZON = text("""
    SELECT date_trunc('hour', least(now() - CAST(:patience AS interval), min(xact_start)), 'UTC')
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
""")
NEXT = text("""
    SELECT date_trunc('hour', min(created_at), 'UTC') FROM ledger_entry
    WHERE created_at >= :since AND created_at < :horizon
""")
FILL = text("""
    WITH sides AS (
        SELECT debit AS account, event_type, currency, created_at, amount AS debit, 0 AS credit
        FROM ledger_entry WHERE created_at >= :since AND created_at < :until
        UNION ALL
        SELECT credit, event_type, currency, created_at, 0, amount
        FROM ledger_entry WHERE created_at >= :since AND created_at < :until
    ), hours AS (
        INSERT INTO ledger_hour (account, event_type, currency, hour, debit, credit)
        SELECT account, event_type, currency, date_trunc('hour', created_at, 'UTC'), sum(debit), sum(credit)
        FROM sides GROUP BY 1, 2, 3, 4
        RETURNING account, currency, debit, credit
    )
    INSERT INTO ledger_total (account, currency, debit, credit)
    SELECT account, currency, sum(debit), sum(credit) FROM hours GROUP BY account, currency
    ON CONFLICT (account, currency) DO UPDATE
        SET debit = ledger_total.debit + excluded.debit, credit = ledger_total.credit + excluded.credit
""")
FILLED = text("UPDATE ledger_filling SET filled_until = :until WHERE id = 1")
UNTIL = text("SELECT filled_until FROM ledger_filling WHERE id = 1")
REOPEN = text("""
    UPDATE ledger_filling
    SET filled_until = least(filled_until, date_trunc('hour', CAST(:since AS timestamptz), 'UTC'))
""")
FORGET = (
    text("DELETE FROM ledger_hour WHERE hour >= (SELECT filled_until FROM ledger_filling)"),
    text("DELETE FROM ledger_total"),
    text("""
        INSERT INTO ledger_total (account, currency, debit, credit)
        SELECT account, currency, sum(debit), sum(credit) FROM ledger_hour GROUP BY account, currency
    """),
)
# Both sides of what is not in the hours yet: the moment is a value, so that the plan knows how little that is.
FIGURES = text("""
    WITH live AS MATERIALIZED (
        SELECT debit, credit, currency, event_type, amount, created_at FROM ledger_entry WHERE created_at >= :until
    ), flows AS (
        SELECT hour AS at, event_type, currency, debit, credit FROM ledger_hour
        WHERE account = ANY(:ours) AND event_type IN ('payment', 'refund') AND hour >= :since
        UNION ALL
        SELECT created_at, event_type, currency, CASE WHEN debit = ANY(:ours) THEN amount ELSE 0 END,
            CASE WHEN credit = ANY(:ours) THEN amount ELSE 0 END
        FROM live WHERE event_type IN ('payment', 'refund') AND created_at >= :since
    )
    SELECT 'balance' AS what, account, currency, NULL::date AS day, sum(amount)::bigint AS amount, 0::bigint AS back
    FROM (
        SELECT account, currency, debit - credit AS amount FROM ledger_total
        UNION ALL SELECT debit, currency, amount FROM live
        UNION ALL SELECT credit, currency, -amount FROM live
    ) side GROUP BY account, currency
    UNION ALL
    SELECT 'day', NULL, currency, CAST(at AT TIME ZONE :zone AS date),
        coalesce(sum(debit) FILTER (WHERE event_type = 'payment'), 0)::bigint,
        coalesce(sum(credit) FILTER (WHERE event_type = 'refund'), 0)::bigint
    FROM flows GROUP BY 3, 4
    UNION ALL
    SELECT 'as of', NULL, NULL, NULL, CAST((SELECT filled_until FROM ledger_filling) = :until AS int), 0
""")
# The same without a value: always of one moment, and planned as if half of the ledger were new.
AT_ONCE = text(FIGURES.text.replace(":until", "(SELECT filled_until FROM ledger_filling)"))
DIFFERENT = text("""
    WITH kept AS (
        SELECT account, event_type, currency, hour, debit, credit FROM ledger_hour
        WHERE hour >= :since AND hour < :until
    ), sides AS (
        SELECT debit AS account, event_type, currency, created_at, amount AS debit, 0 AS credit
        FROM ledger_entry WHERE created_at >= :since AND created_at < :until
        UNION ALL
        SELECT credit, event_type, currency, created_at, 0, amount
        FROM ledger_entry WHERE created_at >= :since AND created_at < :until
    ), anew AS (
        SELECT account, event_type, currency, date_trunc('hour', created_at, 'UTC') AS hour,
            sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
        FROM sides GROUP BY 1, 2, 3, 4
    )
    SELECT account, event_type, currency, hour, kept.debit, kept.credit, anew.debit AS debit_anew,
        anew.credit AS credit_anew
    FROM kept FULL JOIN anew USING (account, event_type, currency, hour)
    WHERE (kept.debit, kept.credit) IS DISTINCT FROM (anew.debit, anew.credit)
    ORDER BY hour, account
""")
WRONG_TOTALS = text("""
    SELECT account, currency, total.debit, total.credit, anew.debit AS debit_anew, anew.credit AS credit_anew
    FROM ledger_total total FULL JOIN (
        SELECT account, currency, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
        FROM ledger_hour GROUP BY account, currency
    ) anew USING (account, currency)
    WHERE (total.debit, total.credit) IS DISTINCT FROM (anew.debit, anew.credit) ORDER BY account
""")


@dataclass(frozen=True, slots=True)
class Day:
    """What payers paid in on one day, and what went back to them, in one currency."""

    day: date
    currency: str
    paid: int
    back: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The books at one moment: what stands on each account, and what came and went by day, newest last."""

    balances: Sequence[Balance]
    days: Sequence[Day]


def fill_hours(limit: int = MOST_HOURS, *, patience: timedelta = PATIENCE) -> int:
    """Add up to `limit` hours that are over, in the transaction under way; returns how many it went on by.

    The hours of nobody are passed over in one step. 0 when none is over, or somebody else is filling.
    """
    filled_until: datetime | None = db.session.scalar(LOCK)
    horizon: datetime = db.session.scalar(HORIZON, {"patience": patience})
    if filled_until is None or horizon <= filled_until:
        return 0
    since = db.session.scalar(NEXT, {"since": filled_until, "horizon": horizon})
    if since is None:
        db.session.execute(FILLED, {"until": horizon})
        return 0
    until = min(since + timedelta(hours=limit), horizon)
    db.session.execute(FILL, {"since": since, "until": until})
    db.session.execute(FILLED, {"until": until})
    return int((until - since) / timedelta(hours=1))


def open_again(since: datetime) -> None:
    """Forget the hours from a moment on, in the transaction that writes movements dated back; they are filled anew."""
    db.session.execute(REOPEN, {"since": since})
    for statement in FORGET:
        db.session.execute(statement)


def get_figures(accounts: Sequence[str], *, since: datetime, zone: str) -> Figures:
    """Return all balances, and by day of the zone what payments moved to these accounts and refunds from them.

    Two statements, of which the second sees one moment; again when hours were filled in between.
    The zone's days begin on whole hours of UTC.
    """
    asked = {"ours": list(accounts), "since": since, "zone": zone}
    for _ in range(TRIES):
        rows = db.session.execute(FIGURES, {**asked, "until": db.session.scalar(UNTIL)}).all()
        if any(row.what == "as of" and row.amount for row in rows):
            break
    else:
        rows = db.session.execute(AT_ONCE, asked).all()
    balances = [Balance(row.account, row.currency, row.amount) for row in rows if row.what == "balance"]
    days = [Day(row.day, row.currency, row.amount, row.back) for row in rows if row.what == "day"]
    return Figures(sorted(balances, key=lambda one: (one.account, one.currency)), sorted(days, key=lambda one: one.day))


def list_wrong_hours(connection: Connection, *, full: bool = False) -> list[dict[str, Any]]:
    """Return what the newest filled hours, or all of them and the totals too, say otherwise than the ledger."""
    until = connection.scalar(UNTIL)
    since = datetime(1970, 1, 1, tzinfo=until.tzinfo) if full else until - timedelta(hours=CHECKED_HOURS)
    wrong = list(connection.execute(DIFFERENT, {"since": since, "until": until}).mappings())
    if full:
        wrong += connection.execute(WRONG_TOTALS).mappings()
    return [dict(row) for row in wrong]
