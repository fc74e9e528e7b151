"""Settlements: filled as money moves, closed when the month is over, equal to what the raw events say."""

import pytest
from sqlalchemy import text

from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.settlements.calculate import calculate_settlements, close_month
from aurapark.settlements.errors import PeriodNotOver
from aurapark.settlements.models import Settlement
from aurapark.settlements.rules import month_of
from tests.factories import Network
from tests.stories import confirm


def test_a_sale_is_two_lines_of_the_month_it_departs_in(network: Network, settings: Settings) -> None:
    confirm(network)
    assert calculate_settlements(settings, 1000) == 2
    one = db.session.query(Settlement).one()
    assert (one.gross, one.commission, one.net, one.lines) == (4000, 400, 3600, 2)
    assert calculate_settlements(settings, 1000) == 0
    days = db.session.execute(text("SELECT bookings, seats, gross, commission, refunds FROM agency_day")).all()
    assert days == [(1, 1, 4000, 400, 0)]
    with pytest.raises(PeriodNotOver):
        close_month(network.agency.id, month_of(network.trip.departs_at, "Africa/Douala"), actor="me")
