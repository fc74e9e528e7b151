"""A gateway in memory, and two seats that are being paid there."""

import pytest

from aurapark.booking.models import Booking
from aurapark.payments.models import Payment
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import hold, start


@pytest.fixture
def gateway() -> FakeGateway:
    """A gateway in memory."""
    return FakeGateway()


@pytest.fixture
def booking(network: Network) -> Booking:
    """Two seats, held: 8,000 FCFA."""
    return hold(network, "12", "13")


@pytest.fixture
def payment(booking: Booking, gateway: FakeGateway) -> Payment:
    """An attempt to pay them whose page is open."""
    return start(booking, gateway)
