"""The books: each event once, nothing changed afterwards, nothing unbalanced, whatever runs at once."""

import json
import threading
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from flask import Flask

from aurapark.cli import group
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.ledger import rules
from aurapark.ledger.errors import PostedOtherwise
from aurapark.ledger.models import EventType, LedgerEntry
from aurapark.ledger.queries import (
    Balance,
    get_balance,
    list_balances,
    list_booking_entries,
    sum_commission_given_back,
)
from aurapark.ledger.rules import Posting
from aurapark.ledger.service import list_postings, post
from aurapark.money import Money
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import check, confirm, hold, race, start

SALE = rules.postings_for_applied_payment("flutterwave", 1, paid=Money(4000), total=Money(4000), commission=Money(400))


def post_payment(event_id: str = "17", postings: list[Posting] = SALE) -> bool:
    return in_transaction(lambda: post(EventType.PAYMENT, event_id, postings))


def count() -> int:
    db.session.rollback()
    return db.session.query(LedgerEntry).count()


def test_an_event_is_posted_once(app: Flask) -> None:
    assert post_payment()
    assert not post_payment()
    assert post_payment("17/2")
    assert count() == 4
    assert list_postings(EventType.PAYMENT, "17") == SALE


@pytest.mark.parametrize(
    "other",
    [
        SALE[:1],
        [*SALE, Posting("bank", "gateway_clearing:flutterwave", Money(1))],
        [SALE[0], Posting(SALE[1].debit, SALE[1].credit, Money(401))],
        [Posting("gateway_clearing:stripe", SALE[0].credit, Money(4000)), SALE[1]],
        [Posting(SALE[0].debit, SALE[0].credit, Money(4000, "NGN")), SALE[1]],
    ],
)
def test_the_same_event_with_other_movements_is_refused(app: Flask, other: list[Posting]) -> None:
    post_payment()
    with pytest.raises(PostedOtherwise):
        post_payment("17", other)
    assert list_postings(EventType.PAYMENT, "17") == SALE


def test_an_event_that_moves_nothing_is_a_bug(app: Flask) -> None:
    with pytest.raises(ValueError, match="moves nothing"):
        post_payment("17", [])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_entry SET amount = 1",
        "UPDATE ledger_entry SET booking_id = NULL WHERE false",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "UPDATE audit.ledger SET amount = 1",
        "DELETE FROM audit.ledger",
    ],
)
def test_the_books_are_only_added_to(app: Flask, change: str) -> None:
    post_payment()
    with pytest.raises(psycopg.Error), raw() as connection:
        connection.execute(change)
    assert list_postings(EventType.PAYMENT, "17") == SALE


@pytest.mark.parametrize(
    ("debit", "credit", "amount"),
    [
        ("bank", "bank", 1),
        ("bank", "gateway_fees", 0),
        ("bank", "gateway_fees", -1),
        ("bank", None, 1),
        ("bank", "agency_payable:", 1),
        ("bank", "agency_payable:wouri", 1),
        ("bank", "gateway_clearing:cash", 1),
        ("bank", "somewhere", 1),
        ("bank\n", "gateway_fees", 1),
    ],
)
def test_what_does_not_balance_cannot_be_written(app: Flask, debit: str, credit: str | None, amount: int) -> None:
    statement = """
        INSERT INTO ledger_entry (event_type, event_id, line, debit, credit, amount)
        VALUES ('payout', '1', 1, %s, %s, %s)
    """
    with raw() as connection, pytest.raises(psycopg.IntegrityError):
        connection.execute(statement, (debit, credit, amount))


def test_twenty_at_once_post_one_event_once(app: Flask) -> None:
    barrier, outcomes = threading.Barrier(20), []

    def poster() -> None:
        with app.app_context():
            barrier.wait()
            outcomes.append(post_payment())
            db.session.remove()

    threads = [threading.Thread(target=poster) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 19 + [True]
    assert count() == 2


def test_one_success_seen_by_five_at_once_is_posted_once(app: Flask, network: Network) -> None:
    """R5 and R14, in the books."""
    gateway = FakeGateway()
    payment = start(hold(network, "12"), gateway)
    gateway.charge(payment.tx_ref, 4000)
    tx_ref, together = payment.tx_ref, threading.Barrier(5)
    gateway.while_asked = lambda _: together.wait(5) and None
    db.session.remove()
    assert race(app, *[partial(check, tx_ref, gateway)] * 5) == [None] * 5
    assert count() == 2


def test_a_sale_is_posted_with_its_commission_and_shown(app: Flask, network: Network) -> None:
    booking = confirm(network, "12", "13")
    payable, other = f"agency_payable:{booking.agency_id}", confirm(network, "20")
    entries = list_booking_entries(booking.id)
    assert [(one.event_type, one.event_id, one.debit, one.credit, one.amount) for one in entries] == [
        ("payment", str(booking.confirming_payment_id), "gateway_clearing:flutterwave", payable, 8000),
        ("payment", str(booking.confirming_payment_id), payable, "platform_commission", 800),
    ]
    assert {one.agency_id for one in entries} == {booking.agency_id}
    assert list_balances() == [
        Balance(payable, "XAF", -10800),
        Balance("gateway_clearing:flutterwave", "XAF", 12000),
        Balance("platform_commission", "XAF", -1200),
    ]
    assert get_balance(payable, "XAF", at=list_booking_entries(other.id)[0].created_at) == -10800
    assert get_balance(payable, "XAF", at=entries[0].created_at) == -7200
    assert get_balance(payable, "XAF", at=entries[0].created_at - timedelta(seconds=1)) == 0
    assert get_balance("bank", "XAF") == 0
    assert get_balance(payable, "NGN") == 0


def test_money_that_pays_nothing_is_owed_to_the_payer(network: Network) -> None:
    gateway, booking = FakeGateway(), hold(network, "12")
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 500, currency="NGN")
    gateway.charge(payment.tx_ref, "3999.5")
    check(payment, gateway)
    assert list_balances("refunds_payable") == [
        Balance("refunds_payable", "NGN", -500),
        Balance("refunds_payable", "XAF", -4000),
    ]
    assert [one.event_id for one in list_booking_entries(booking.id)] == [str(payment.id), f"{payment.id}/2"]


def test_what_is_over_is_owed_to_the_payer(network: Network) -> None:
    gateway, booking = FakeGateway(), hold(network, "12")
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 4500)
    check(payment, gateway)
    assert get_balance("refunds_payable", "XAF") == -500
    assert get_balance(f"agency_payable:{booking.agency_id}", "XAF") == -3600
    assert get_balance("gateway_clearing:flutterwave", "XAF") == 4500


def test_a_sale_whose_transaction_fails_leaves_no_trace_in_the_books(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the machine died")

    gateway, booking = FakeGateway(), hold(network, "12")
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 4000)
    monkeypatch.setattr("aurapark.checkout.fates.issue_tickets", crash)
    with pytest.raises(RuntimeError):
        check(payment, gateway)
    monkeypatch.undo()
    assert count() == 0
    check(payment, gateway)
    check(payment, gateway)
    assert count() == 2


def test_what_was_given_back_of_a_commission_leaves_out_what_was_withdrawn(network: Network) -> None:
    booking = confirm(network, "12")

    def give_back() -> None:
        amounts = {"refund": Money(2000), "commission_back": Money(200)}
        due = rules.postings_for_refund_due(booking.agency_id, **amounts)
        for refund in ("1", "2"):
            post(EventType.REFUND_DUE, refund, due, booking_id=booking.id)
        withdrawn = rules.postings_for_refund_withdrawn(booking.agency_id, **amounts)
        post(EventType.REFUND_WITHDRAWN, "1", withdrawn, booking_id=booking.id)

    assert sum_commission_given_back(booking.id, "XAF") == Money(0)
    in_transaction(give_back)
    assert sum_commission_given_back(booking.id, "XAF") == Money(200)


def test_the_commands_show_balances_and_a_bookings_way(app: Flask, network: Network) -> None:
    booking = confirm(network, "12")
    invoke = app.test_cli_runner().invoke
    shown = invoke(group.commands["ledger"], ["balances"]).output.splitlines()
    assert shown[0].split() == ["account", "balance", "currency"]
    assert f"agency_payable:{booking.agency_id:<16}" in shown[1]
    assert shown[1].endswith("-3,600  XAF")
    listed = json.loads(invoke(group.commands["ledger"], ["balances", "--json"]).output)["balances"]
    assert {"account": "platform_commission", "currency": "XAF", "amount": -400} in listed
    assert invoke(group.commands["ledger"], ["balances", "--at", "2020-01-01"]).output == "Nothing was posted.\n"
    way = invoke(group.commands["ledger"], ["booking", booking.reference]).output.splitlines()
    assert [line.split()[2:] for line in way[1:]] == [
        ["payment", str(booking.confirming_payment_id), debit, credit, amount, "XAF"]
        for debit, credit, amount in (
            ("gateway_clearing:flutterwave", f"agency_payable:{booking.agency_id}", "4,000"),
            (f"agency_payable:{booking.agency_id}", "platform_commission", "400"),
        )
    ]
    document = json.loads(invoke(group.commands["ledger"], ["booking", booking.reference, "--json"]).output)
    assert document["bookingRef"] == booking.reference
    assert [entry["line"] for entry in document["entries"]] == [1, 2]
    unknown = invoke(group.commands["ledger"], ["booking", "NOSUCH"])
    assert (unknown.exit_code, unknown.output) == (1, "Error: there is no booking NOSUCH\n")


def raw() -> psycopg.Connection:
    return psycopg.connect(db.engine.url.render_as_string(hide_password=False).replace("+psycopg", ""))
