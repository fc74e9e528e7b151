"""The numbers of the platform's first page: the books at one moment, and what waits for somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text

from aurapark import clock
from aurapark.extensions import db
from aurapark.ledger.hours import Day, Figures, get_figures
from aurapark.ledger.queries import Balance
from aurapark.ledger.rules import clearing
from aurapark.money import XAF
from aurapark.payments.models import Provider
from aurapark.web.views import DEFAULT_ZONE

DAYS = 30
GATEWAYS = [clearing(one) for one in (Provider.FLUTTERWAVE, Provider.STRIPE)]
# What a gateway answers within, and what doctor calls late (I18, I20).
STUCK, LATE = timedelta(minutes=40), timedelta(minutes=5)

WATCH = text("""
    SELECT now() AS at, c.cases, c.oldest_case, c.differences, c.oldest_difference, c.of_nobody,
        p.stuck, p.oldest_stuck, l.late, e.waiting, e.oldest_waiting, f.failed_events, g.forged,
        r.failed_refunds, r.oldest_failed, w.proposals, w.oldest_proposal, d.disputes, d.oldest_dispute,
        o.dead, o.oldest_dead, s.compared_at,
        h.at AS doctor_at, h.clean AS doctor_clean, coalesce(jsonb_array_length(h.found), 0) AS doctor_found
    FROM (SELECT count(*) AS cases, min(opened_at) AS oldest_case,
            count(*) FILTER (WHERE state = 'open') AS of_nobody,
            count(*) FILTER (WHERE kind = ANY(:differences)) AS differences,
            min(opened_at) FILTER (WHERE kind = ANY(:differences)) AS oldest_difference
        FROM finance_case WHERE state IN ('open', 'in_hand')) c,
    (SELECT count(*) AS stuck, min(created_at) AS oldest_stuck FROM payment
        WHERE state IN ('created', 'pending', 'unknown') AND state <> 'succeeded'
        AND session_ends_at < now() - :stuck) p,
    (SELECT count(*) AS late FROM payment WHERE next_check_at < now() - :late) l,
    (SELECT count(*) AS waiting, min(received_at) AS oldest_waiting FROM webhook_event
        WHERE authentic AND processed_at IS NULL AND received_at < now() - :late) e,
    (SELECT count(*) AS failed_events FROM webhook_event
        WHERE effect = 'failed' AND received_at > now() - interval '7 days') f,
    (SELECT count(*) AS forged FROM webhook_event
        WHERE NOT authentic AND received_at > now() - interval '1 day') g,
    (SELECT count(*) AS failed_refunds, min(updated_at) AS oldest_failed FROM refund WHERE state = 'failed') r,
    (SELECT count(*) AS proposals, min(proposed_at) AS oldest_proposal FROM refund_proposal
        WHERE state = 'proposed') w,
    (SELECT count(*) AS disputes, min(opened_at) AS oldest_dispute FROM dispute WHERE state = 'open') d,
    (SELECT count(*) AS dead, min(created_at) AS oldest_dead FROM outbox WHERE state = 'dead') o,
    (SELECT min(done_at) AS compared_at FROM reconciliation_schedule) s
    LEFT JOIN doctor_report h ON h.id = 1
""")
DIFFERENCES = (
    "unknown_charge", "charge_not_recorded", "charge_differs", "charge_missing", "unknown_refund", "refund_differs",
    "refund_missing", "settlement_not_booked",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of account: what stands there, as people say it (what we owe and what we earned is positive), and what
    stands there in other currencies."""

    kind: str
    amount: int
    others: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page: accounts by kind, money in by day (newest last), and what waits, as of one moment."""

    at: datetime
    lines: Sequence[Line]
    days: Sequence[Day]
    watch: Row[tuple[object, ...]]

    def paid(self, days: int) -> int:
        """Return what was paid in on the newest days, today among them."""
        return sum(one.paid for one in self.days[-days:])

    def back(self, days: int) -> int:
        """Return what went back on the newest days."""
        return sum(one.back for one in self.days[-days:])

    def since(self, days: int) -> date:
        """Return the first of the newest days."""
        return self.days[-days].day


SIGNS = {
    "gateway_clearing": 1, "agency_payable": -1, "refunds_payable": -1, "dispute_hold": 1, "platform_commission": -1,
    "gateway_fees": 1, "bank": 1,
}  # fmt: skip


def get_overview() -> Overview:
    """Return the first page's numbers (three statements, four in the instant in which hours are filled)."""
    asked = {"differences": list(DIFFERENCES), "stuck": STUCK, "late": LATE}
    watch = db.session.execute(WATCH, asked).one()
    today = watch.at.astimezone(ZoneInfo(DEFAULT_ZONE)).date()
    first = today - timedelta(days=DAYS - 1)
    start = datetime.combine(first, time(), ZoneInfo(DEFAULT_ZONE))
    figures = get_figures(GATEWAYS, since=start, zone=DEFAULT_ZONE)
    lines = [_line(kind, figures.balances) for kind in SIGNS]
    return Overview(watch.at, lines, _every_day(first, figures), watch)


def list_accounts(kind: str) -> list[Balance]:
    """Return what stands on each account, or on those of one kind, now (two statements)."""
    no_day = clock.now() + timedelta(days=1)
    balances = get_figures(GATEWAYS, since=no_day, zone=DEFAULT_ZONE).balances
    return [one for one in balances if not kind or _kind(one) == kind]


def _line(kind: str, balances: Sequence[Balance]) -> Line:
    sums: dict[str, int] = {}
    for one in balances:
        if _kind(one) == kind:
            sums[one.currency] = sums.get(one.currency, 0) + SIGNS[kind] * one.amount
    ours = sums.pop(XAF, 0)
    return Line(kind, ours, [(currency, amount) for currency, amount in sums.items() if amount])


def _kind(balance: Balance) -> str:
    return balance.account.partition(":")[0]


def _every_day(first: date, figures: Figures) -> list[Day]:
    known = {one.day: one for one in figures.days if one.currency == XAF}
    days = (first + timedelta(days=number) for number in range(DAYS))
    return [known.get(day) or Day(day, XAF, 0, 0) for day in days]
