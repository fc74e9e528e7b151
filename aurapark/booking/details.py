"""Who travels and who pays, as given at the checkout, and how it is written on the booking."""

from collections.abc import Sequence
from dataclasses import dataclass

from aurapark.booking.errors import CategoriesFinal, PassengersMismatch
from aurapark.booking.models import Booking, Passenger
from aurapark.fares.models import Category
from aurapark.fares.rules import commission_on
from aurapark.money import Money


@dataclass(frozen=True, slots=True)
class PassengerDetails:
    """Who sits on one seat. `lap_children` (0 to 2) travel free, without a seat."""

    seat: str
    name: str
    category: Category
    lap_children: int = 0


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays: a phone in E.164, and what else was given."""

    phone: str
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class CheckoutDetails:
    """What the checkout asks for: one passenger for each seat of the booking, and the payer."""

    passengers: tuple[PassengerDetails, ...]
    payer: Payer


def write_details(
    booking: Booking, passengers: Sequence[Passenger], details: CheckoutDetails, *, price_final: bool
) -> None:
    """Write names, categories and payer on a locked booking; the categories fix its total and commission.

    Once a payment was started (`price_final`) the categories stay and only names may be corrected.
    Raises PassengersMismatch when the seats are not the booking's, CategoriesFinal.
    """
    by_seat = {given.seat: given for given in details.passengers}
    if sorted(given.seat for given in details.passengers) != sorted(passenger.seat for passenger in passengers):
        raise PassengersMismatch
    for passenger in passengers:
        given = by_seat[passenger.seat]
        if price_final and given.category != passenger.category:
            raise CategoriesFinal
        passenger.name, passenger.lap_children = given.name, given.lap_children
        passenger.category = given.category
        passenger.amount = getattr(passenger, given.category.value)
    booking.payer_phone, booking.payer_name = details.payer.phone, details.payer.name
    booking.payer_email = details.payer.email
    total = Money(sum(passenger.amount for passenger in passengers), booking.currency)
    booking.total = total.amount
    booking.commission = commission_on(total, booking.commission_percent).amount
