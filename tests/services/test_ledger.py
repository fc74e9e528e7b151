"""The books: each event once, nothing changed afterwards, nothing unbalanced, whatever runs at once."""

import threading

import psycopg
import pytest
from flask import Flask

from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.ledger import rules
from aurapark.ledger.errors import PostedOtherwise
from aurapark.ledger.models import EventType, LedgerEntry
from aurapark.ledger.rules import Posting
from aurapark.ledger.service import list_postings, post
from aurapark.money import Money

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


def raw() -> psycopg.Connection:
    return psycopg.connect(db.engine.url.render_as_string(hide_password=False).replace("+psycopg", ""))
