"""`aurapark doctor`: clean on sound data, and every statement that can run today finds what it is there to find."""

import json
from datetime import timedelta

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking.models import Booking, Channel
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.hold import hold_seats
from aurapark.cli import group
from aurapark.extensions import db
from aurapark.reconciliation.doctor import Verdict, all_clean, examine, examine_within, read_invariants
from tests.factories import Network

TERMS = HoldTerms(timedelta(minutes=15), 6, 10, "k" * 32)
LATER = {"settlement", "settlement_line", "payout"}

CONFIRM = """
    INSERT INTO payment (booking_id, attempt, provider, tx_ref, state, expected_amount, currency, verified_at,
                         gateway_tx_id, paid_amount, paid_currency, disposition)
    SELECT id, 1, 'flutterwave', 'AP-SOUND-1', 'succeeded', total, currency, now(), '9001', total, currency, 'applied'
    FROM booking;
    UPDATE booking SET state = 'confirmed', confirmed_at = now(), confirming_payment_id = (SELECT id FROM payment);
    UPDATE seat_claim SET state = 'sold', expires_at = NULL;
    INSERT INTO ticket (code, booking_id, passenger_id, seat, qr)
    SELECT 'T' || seat, booking_id, id, seat, 'qr ' || seat FROM passenger;
    INSERT INTO ledger_entry (event_type, event_id, line, debit, credit, amount)
    SELECT 'payment', (SELECT id FROM payment), line, debit, credit, amount
    FROM booking, LATERAL (VALUES (1, 'gateway_clearing:flutterwave', 'agency_payable:' || agency_id, total),
                                  (2, 'agency_payable:' || agency_id, 'platform_commission', commission))
                  AS posting (line, debit, credit, amount)
"""
UNGUARD = """
    DO $$ DECLARE thing record; BEGIN
        FOR thing IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
                     WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'p')
                     ORDER BY contype = 'p', contype = 'u'
        LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', thing.t, thing.conname); END LOOP;
        FOR thing IN SELECT indexrelid::regclass AS i FROM pg_index
                     WHERE indisunique AND indrelid IN ('payment'::regclass, 'booking'::regclass, 'outbox'::regclass,
                                                        'ticket'::regclass, 'ledger_entry'::regclass,
                                                        'refund'::regclass)
        LOOP EXECUTE format('DROP INDEX %s', thing.i); END LOOP;
        ALTER TABLE booking DISABLE TRIGGER USER;
        ALTER TABLE payment DISABLE TRIGGER USER;
        ALTER TABLE ledger_entry DISABLE TRIGGER USER;
        ALTER TABLE refund DISABLE TRIGGER USER;
        ALTER TABLE settlement DISABLE TRIGGER USER;
        ALTER TABLE settlement_line DISABLE TRIGGER USER;
        ALTER TABLE payout DISABLE TRIGGER USER;
    END $$
"""
AGAIN = "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT * FROM {0} LIMIT 1"
OUTBOX = "INSERT INTO outbox (kind, dedupe_key, payload, next_at) VALUES ('sms', 'X', '{}', now() - interval '6 min')"
EVENT = """
    INSERT INTO webhook_event (event_key, provider, received_at, authentic, effect, body, sha256)
    VALUES ('k', 'flutterwave', now() - interval '6 min', {}, {}, '', '')
"""
FORGED = EVENT.format("false", "'none'")
ONE_SIDED = """
    CREATE OR REPLACE VIEW audit.ledger AS
    SELECT id AS entry_id, debit AS account, amount, currency, event_type, event_id, created_at FROM ledger_entry
"""
POSTED = """
    INSERT INTO ledger_entry (event_type, event_id, line, debit, credit, amount)
    SELECT '{}', '{}', 9, '{}', '{}', 5 FROM payment
"""
REFUND = """
    INSERT INTO refund (payment_id, action, reason, amount, currency, state, requested_by, next_check_at)
    SELECT id, 'x', 'traveller', {}, '{}', '{}', 'ada', now() + interval '{}' FROM payment
"""
SETTLED = """
    INSERT INTO settlement (agency_id, period_start, period_end, gross, commission, state, closed_at, lines)
    SELECT agency_id, '2020-01-01', '2090-01-01', total, commission, 'closed', now(), 2 FROM booking;
    INSERT INTO settlement_line (ledger_entry_id, settlement_id, booking_id, kind, carried, amount)
    SELECT e.id, s.id, b.id, CASE line WHEN 1 THEN 'sale' ELSE 'commission' END, FALSE, e.amount * (3 - 2 * line)
    FROM ledger_entry e, settlement s, booking b;
"""
PAID = """
    INSERT INTO payout (settlement_id, agency_id, reference, method, amount, currency, state, prepared_by)
    SELECT id, agency_id, 'x', 'outside', net + 1, 'XAF', 'approved', 1 FROM settlement
"""
ONCE_MORE = """
    INSERT INTO settlement (agency_id, period_start, period_end)
    SELECT agency_id, '2026-11-01', '2026-12-01' FROM booking
"""
HOUR = """
    DELETE FROM ledger_filling; INSERT INTO ledger_filling (id, filled_until) VALUES (1, now());
    INSERT INTO ledger_hour (account, event_type, currency, hour, debit, credit)
    VALUES ('bank', 'payout', 'XAF', date_trunc('hour', now() - interval '2 hours'), 5, 0)
"""
VIOLATIONS = [
    ("a settlement that does not add up", SETTLED + "UPDATE settlement SET gross = gross + 1"),  # noqa: S608
    ("payouts that differ from the net", SETTLED + PAID),
    ("an event settled twice", SETTLED + "UPDATE settlement_line SET amount = amount + 1"),  # noqa: S608
    ("a sale left out of the closed period", SETTLED + "DELETE FROM settlement_line"),  # noqa: S608
    ("in no settlement after three days", "UPDATE ledger_entry SET created_at = now() - interval '4 days'"),
    ("overlapping periods", SETTLED + ONCE_MORE),
    ("an hour of the ledger that does not come", HOUR),
    ("two claims on one seat", AGAIN.format("seat_claim")),
    ("does not own its whole leg", "DELETE FROM seat_claim WHERE segment = 1"),
    ("a claim that does not fit its booking", "UPDATE seat_claim SET state = 'held', expires_at = now() + '1 min'"),
    ("a claim that does not fit its booking", "UPDATE seat_claim SET segment = 5"),
    ("a lapsed claim still there", "UPDATE seat_claim SET state = 'paying', expires_at = now() - interval '3 min'"),
    ("not paid in full", "UPDATE payment SET paid_amount = paid_amount - 1"),
    ("not paid in full", "UPDATE payment SET paid_currency = 'NGN'"),
    ("not paid in full", "UPDATE booking SET confirming_payment_id = NULL"),
    ("money without exactly one real fate", "UPDATE payment SET disposition = 'refund'"),
    ("money without exactly one real fate", "UPDATE payment SET gateway_tx_id = NULL"),
    ("exceed what was paid", REFUND.format("paid_amount + 1", "XAF", "unknown", "1 min")),
    ("exceed what was paid", REFUND.format(1, "NGN", "requested", "1 min")),
    ("a refund not posted exactly once", REFUND.format(1, "XAF", "succeeded", "1 min")),
    (
        "a refund not posted exactly once",
        f"{REFUND.format(1, 'XAF', 'requested', '1 min')}; {POSTED.format('refund', '', 'refunds_payable', 'bank')};"  # noqa: S608
        " UPDATE ledger_entry SET event_id = (SELECT id FROM refund) WHERE event_type = 'refund'",
    ),
    ("what we owe payers differs", REFUND.format(1, "XAF", "failed", "1 min")),
    ("open without a next check", REFUND.format(1, "XAF", "sent", "-11 min")),
    (
        "dropped by a cancelled trip without a refund case",
        "UPDATE booking SET state = 'cancelled', cancelled_because = 'trip'",
    ),
    ("confirms two bookings", AGAIN.format("booking")),
    ("a gateway id seen twice", AGAIN.format("payment")),
    ("a reference of ours used twice", AGAIN.format("payment")),
    ("work due for 5 minutes", OUTBOX),
    ("the same piece of work twice", f"{OUTBOX}; {OUTBOX}"),
    ("an event stored twice", f"{FORGED}; {FORGED}"),
    ("a forged event that had an effect", EVENT.format("false", "'confirmed'")),
    ("a forged event that had an effect", EVENT.format("true", "'none'")),
    (
        "somebody still booked on a cancelled trip",
        "UPDATE trip SET state = 'cancelled'; UPDATE booking SET created_at = now() - interval '3 min'",
    ),
    ("a valid ticket without its confirmed booking", "UPDATE ticket SET seat = '70'"),
    ("two live tickets for one seat", AGAIN.format("ticket")),
    ("a confirmed seat without a ticket", "UPDATE ticket SET state = 'void'"),
    ("asks for something else than the frozen total", "UPDATE payment SET expected_amount = expected_amount + 1"),
    ("a movement that is not two rows", "UPDATE ledger_entry SET credit = debit"),
    ("a movement that is not two rows", ONE_SIDED),
    ("a ledger that does not sum to zero", ONE_SIDED),
    ("a payment not posted exactly once", "DELETE FROM ledger_entry WHERE line = 1"),
    ("a payment not posted exactly once", "UPDATE ledger_entry SET amount = amount + 1"),
    ("a payment not posted exactly once", "UPDATE ledger_entry SET debit = 'bank' WHERE line = 1"),
    ("a payment not posted exactly once", "UPDATE payment SET state = 'failed', disposition = NULL"),
    (
        "a payment not posted exactly once",
        "INSERT INTO ledger_entry OVERRIDING SYSTEM VALUE SELECT * FROM ledger_entry WHERE line = 1",
    ),
    ("cash posted to the gateway", "UPDATE payment SET provider = 'cash'"),
    ("cash posted to the gateway", "UPDATE ledger_entry SET debit = 'agency_cash:1' WHERE line = 1"),
    ("a cash memo account that is not empty", POSTED.format("refund", "1", "refunds_payable", "agency_cash:1")),
    (
        "without who or why",
        "INSERT INTO audit_entry (actor, action, entity, entity_id) VALUES ('ada', 'trip.cancel', 'trip', '1')",
    ),
    (
        "an entry of the audit log changed",
        "ALTER TABLE audit_entry DISABLE TRIGGER USER; UPDATE audit_entry SET seal = id, hash = repeat('a', 64)",
    ),
]


@pytest.fixture
def sale(network: Network) -> Booking:
    """A confirmed booking of two seats on the whole way, as the views should see it."""
    holder = Holder(Channel.API, "fr")
    booking = hold_seats(network.trip.id, "DLA", "YAO", ["12", "13"], holder=holder, terms=TERMS)
    run(CONFIRM)
    return booking


def run(sql: str) -> None:
    with psycopg.connect(db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")) as connection:
        connection.execute(sql)


def found() -> list[str]:
    return [finding.finds for finding in examine(db.engine) if finding.verdict == Verdict.FOUND]


def test_every_statement_of_the_file_is_read() -> None:
    invariants = read_invariants()
    assert len(invariants) == 35
    assert {invariant.id for invariant in invariants} == {f"I{n}" for n in range(1, 27)} - {"I17"}


def test_sound_data_is_clean(sale: Booking) -> None:
    findings = examine(db.engine)
    assert all_clean(findings)
    assert {finding.verdict for finding in findings} == {Verdict.CLEAN}


def test_what_waits_for_its_views_is_named(app: Flask) -> None:
    for view in sorted(LATER):
        run(f"DROP VIEW audit.{view}")
    skipped = [finding for finding in examine(db.engine) if finding.verdict == Verdict.SKIPPED]
    assert {name for finding in skipped for name in finding.missing} == LATER
    assert [invariant.id for invariant in read_invariants() if invariant.views & LATER] == [f.id for f in skipped]


def test_every_violation_is_found(sale: Booking) -> None:
    run(UNGUARD)
    for finds, sql in VIOLATIONS:
        with db.engine.connect() as connection:
            connection.execution_options(no_parameters=True).exec_driver_sql(sql)
            seen = [f.finds for f in examine_within(connection) if f.verdict == Verdict.FOUND]
            assert any(finds in text for text in seen), sql


def test_every_statement_that_runs_today_has_a_violation(app: Flask) -> None:
    runs = [finding.finds for finding in examine(db.engine) if finding.verdict != Verdict.SKIPPED]
    assert [text for text in runs if not any(finds in text for finds, _ in VIOLATIONS)] == []


def test_a_live_hold_and_a_lapsed_one_are_clean(network: Network) -> None:
    hold_seats(network.trip.id, "DLA", "EDA", ["1"], holder=Holder(Channel.WEB, "en"), terms=TERMS)
    assert found() == []
    run("UPDATE booking SET hold_expires_at = now(); UPDATE seat_claim SET expires_at = now() - interval '1 min'")
    assert found() == []


def test_the_command_exits_by_the_verdict(app: Flask, sale: Booking) -> None:
    runner = app.test_cli_runner()
    clean = runner.invoke(group.commands["doctor"], [])
    assert clean.exit_code == 0, clean.output
    assert "I1   two claims on one seat and segment of a trip: clean" in clean.output
    run(UNGUARD)
    run("UPDATE ticket SET state = 'void'")
    broken = runner.invoke(group.commands["doctor"], ["--json"])
    assert broken.exit_code == 1
    document = json.loads(broken.output)
    assert document["clean"] is False
    finding = next(f for f in document["invariants"] if f["verdict"] == "found")
    assert (finding["id"], finding["count"]) == ("I23", 2)
    assert {row["s"] for row in finding["rows"]} == {"12", "13"}


def test_nothing_is_written_through_a_view(app: Flask) -> None:
    for view in ("trip", "seat_claim", "booking", "payment", "webhook_event", "outbox", "ticket", "log", "ledger"):
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot delete from view"):
            run(f"DELETE FROM audit.{view}")  # noqa: S608  names above


def test_a_second_charge_is_a_further_row(sale: Booking) -> None:
    run("""
        INSERT INTO payment (booking_id, attempt, ordinal, root_id, provider, tx_ref, state, expected_amount, currency,
                             verified_at, gateway_tx_id, paid_amount, paid_currency, disposition)
        SELECT booking_id, 1, 2, id, provider, tx_ref || '/2', state, expected_amount, currency, now(), '9002',
               paid_amount, paid_currency, 'review' FROM payment
    """)
    rows = db.session.execute(text("SELECT payment_id, tx_ref FROM audit.payment ORDER BY payment_id")).all()
    first = str(sale.confirming_payment_id or rows[0].payment_id)
    assert [tuple(row) for row in rows] == [(first, "AP-SOUND-1"), (f"{first}/2", "AP-SOUND-1/2")]
    seen = db.session.execute(text("SELECT seats, confirming_payment FROM audit.booking")).one()
    assert (seen.seats, seen.confirming_payment) == (["12", "13"], first)
