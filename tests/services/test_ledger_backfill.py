"""The migration that brings the ledger posts all that was confirmed before, just as it would have been posted then."""

from typing import Any

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.reconciliation.doctor import Verdict, examine
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import check, confirm, hold, start

BEFORE = "0005"
ENTRIES = text("""
    SELECT event_type, event_id, line, debit, credit, amount, currency, booking_id, agency_id
    FROM ledger_entry ORDER BY event_id, line
""")
FOR_CASH = text("UPDATE payment SET provider = 'cash', gateway_tx_id = NULL WHERE booking_id = :id")
WRONG_DATES = text("""
    SELECT count(*) FROM ledger_entry e JOIN payment p ON e.event_id IN (p.id::text, p.root_id || '/' || p.ordinal)
    WHERE e.created_at <> p.verified_at
""")


@pytest.fixture
def sold_before(network: Network) -> Network:
    """Sales as they were before the ledger: applied, without commission, paid twice, and money nobody can read."""
    confirm(network, "12", "13")
    confirm(Network.make(commission_percent=0), "12")
    gateway = FakeGateway()
    payment = start(hold(network, "20"), gateway)
    gateway.charge(payment.tx_ref, 4000)
    gateway.charge(payment.tx_ref, "4000.5")
    gateway.charge(payment.tx_ref, "70.5", currency="NGN")
    check(payment, gateway)
    gateway.charge(start(hold(network, "21"), gateway).tx_ref, "0.5")
    for tx_ref in list(gateway.charges):
        check(tx_ref, gateway)
    return network


def posted() -> list[Any]:
    db.session.rollback()
    entries = [tuple(row) for row in db.session.execute(ENTRIES)]
    db.session.remove()
    return entries


def go_back_and_forth() -> None:
    db.session.remove()
    downgrade(revision=BEFORE)
    assert "ledger" not in " ".join(
        db.session.scalars(text("SELECT viewname FROM pg_views UNION ALL SELECT tablename FROM pg_tables"))
    )
    db.session.remove()
    upgrade()


def test_the_migration_posts_what_the_sale_would_have_posted(sold_before: Network) -> None:
    live = posted()
    assert len({event_id for _, event_id, *_ in live}) == 6
    go_back_and_forth()
    assert posted() == live
    assert db.session.scalar(WRONG_DATES) == 0
    assert [finding.finds for finding in examine(db.engine) if finding.verdict == Verdict.FOUND] == []


def test_the_migration_posts_cash_as_cash(network: Network) -> None:
    booking = confirm(network, "12")
    in_transaction(lambda: db.session.execute(FOR_CASH, {"id": booking.id}))
    go_back_and_forth()
    account, payable = f"agency_cash:{booking.agency_id}", f"agency_payable:{booking.agency_id}"
    assert [(line, debit, credit, amount) for _, _, line, debit, credit, amount, *_ in posted()] == [
        (1, account, payable, 4000),
        (2, payable, "platform_commission", 400),
        (3, payable, account, 4000),
    ]
    assert [finding.finds for finding in examine(db.engine) if finding.verdict == Verdict.FOUND] == []
