"""What a gateway paid into our bank: each of its settlements is booked once, in whole units."""

from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sqlalchemy import select

from aurapark.cases.models import CaseKind
from aurapark.database import in_transaction, let_go
from aurapark.extensions import db
from aurapark.ledger.models import EventType
from aurapark.ledger.rules import postings_for_gateway_settlement
from aurapark.ledger.service import post
from aurapark.money import Money
from aurapark.payments.gateway_lists import GatewayLists, ListedSettlement
from aurapark.payments.models import Provider
from aurapark.reconciliation.models import GatewaySettlement
from aurapark.reconciliation.report import Report
from aurapark.reconciliation.schedule import lock_schedule


def book_settlements(day: date, provider: Provider, lists: GatewayLists, report: Report) -> None:
    """Book what a gateway settled on a day (UTC). Raises GatewayError when the list could not be read."""
    let_go()
    for settlement in lists.list_settlements(day, day):
        report.settlements += 1
        booked = in_transaction(lambda: _take_up(provider, settlement))  # noqa: B023  run at once
        report.booked += booked is True
        if booked is None:
            details = {"taken": str(settlement.taken), "net": str(settlement.net), "currency": settlement.currency}
            entity_id = f"{provider}/{settlement.settlement_id}"
            report.open(CaseKind.SETTLEMENT_NOT_BOOKED, "gateway_settlement", entity_id, details)


def _take_up(provider: Provider, settlement: ListedSettlement) -> bool | None:
    """Book a settlement that is done. One that was done and is not any more, or cannot be read in full, is None."""
    if not settlement.done:
        return None if _find(provider, settlement.settlement_id) else False
    return _book(provider, settlement) if settlement.bookable else None


def _book(provider: Provider, settlement: ListedSettlement) -> bool | None:
    """Book a settlement: True; False when it is in the books already; None when its figures cannot be booked."""
    lock_schedule(provider)
    if known := _find(provider, settlement.settlement_id):
        return False if (known.taken, known.net) == (settlement.taken, settlement.net) else None
    exact = settlement.net + _kept(provider, settlement.currency)
    net = int(exact.to_integral_value(ROUND_FLOOR))
    fee = int(settlement.taken.to_integral_value(ROUND_CEILING)) - net
    if settlement.net < 0 or fee < 0:
        return None
    row = GatewaySettlement(
        provider=provider.value,
        settlement_id=settlement.settlement_id,
        currency=settlement.currency,
        taken=settlement.taken,
        net=settlement.net,
        net_posted=net,
        fee_posted=fee,
        kept=exact - net,
    )
    db.session.add(row)
    net_money, fee_money = Money(net, settlement.currency), Money(fee, settlement.currency)
    if postings := postings_for_gateway_settlement(provider, net=net_money, fee=fee_money):
        post(EventType.GATEWAY_SETTLEMENT, f"{provider}/{settlement.settlement_id}", postings)
    return True


def _find(provider: Provider, settlement_id: str) -> GatewaySettlement | None:
    mine = (GatewaySettlement.provider == provider.value) & (GatewaySettlement.settlement_id == settlement_id)
    return db.session.scalars(select(GatewaySettlement).where(mine)).first()


def _kept(provider: Provider, currency: str) -> Decimal:
    """Return the fraction of a unit that the settlements before this one left."""
    mine = (GatewaySettlement.provider == provider.value) & (GatewaySettlement.currency == currency)
    statement = select(GatewaySettlement.kept).where(mine).order_by(GatewaySettlement.id.desc()).limit(1)
    return db.session.scalar(statement) or Decimal(0)
