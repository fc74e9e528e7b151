"""Looking up the fare of a leg."""

from sqlalchemy import select

from aurapark.errors import N_, NotFound
from aurapark.extensions import db
from aurapark.fares.models import Fare
from aurapark.fares.rules import SeatPrices
from aurapark.timetable.rules import TripLeg


class FareNotFound(NotFound):
    sentence = N_("This leg is not sold. Please choose other stops.")


def get_seat_prices(trip: TripLeg) -> SeatPrices:
    """Return the prices that count for this leg on the trip's date (one statement).

    Raises FareNotFound when the agency has set none.
    """
    fare = db.session.scalars(
        select(Fare)
        .where(
            Fare.route_id == trip.route_id,
            Fare.service_class == trip.service_class,
            Fare.board_position == trip.leg.board,
            Fare.alight_position == trip.leg.alight,
            Fare.valid_from <= trip.service_date,
        )
        .order_by(Fare.valid_from.desc())
        .limit(1)
    ).first()
    if fare is None:
        raise FareNotFound
    return SeatPrices(fare.adult, fare.youth, fare.child, fare.reduced_mobility, fare.currency)
