"""How much may be kept without paying: live holds, lapsed holds, the share of a network; and who is told what."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aurapark import clock
from aurapark.booking.errors import HoldingPaused, NetworkShareTooBig, NetworkShareUsedUp, TooManyHolds
from aurapark.booking.models import Booking, Channel
from aurapark.booking.service import Holder
from aurapark.checkout.expire import expire_hold
from aurapark.checkout.hold import change_seats, hold_seats
from aurapark.checkout.pay import start_payment
from aurapark.checkout.reclaim import reclaim
from aurapark.checkout.release import release_hold
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.limits.models import HolderRow
from aurapark.limits.service import forget_old
from aurapark.payments.errors import TooManyAttempts
from aurapark.payments.models import Payment, PaymentState
from aurapark.payments.rules import MAX_ATTEMPTS
from aurapark.reconciliation.doctor import Verdict
from aurapark.reconciliation.limits import examine_limits
from tests.factories import H19, Network
from tests.fakes import FakeGateway
from tests.stories import HOLD_TERMS, PAYMENT_TERMS, details, fresh, pass_time, payments_of, signer

LIMITED = replace(HOLD_TERMS, limited=True)
TO_PAY = replace(PAYMENT_TERMS, hold=LIMITED)
HERE, THERE = "192.0.2.0/24", "198.51.100.0/24"


def visitor(number: int, network: str | None = None) -> Holder:
    return Holder(Channel.WEB, "fr", f"{number:064}", network)


ANNA = visitor(1)


def keep(network: Network, *seats: str, holder: Holder = ANNA, trip_id: int | None = None) -> Booking:
    return hold_seats(trip_id or network.trip.id, "DLA", "YAO", seats, holder=holder, terms=LIMITED)


def lapse(booking: Booking, ago: timedelta = timedelta(minutes=1)) -> None:
    """The hold ended so long ago, and a worker has tidied it up."""
    pass_time(booking, fresh(booking).hold_expires_at - clock.now() + ago)
    expire_hold(booking.reference)


def pay(booking: Booking, gateway: FakeGateway | None = None) -> Payment:
    return start_payment(booking.reference, details(booking), gateway=gateway or FakeGateway(), terms=TO_PAY)


def test_a_visitor_keeps_two_bookings_and_a_third_is_refused_until_the_first_ends(network: Network) -> None:
    first, _second = keep(network, "12"), keep(network, "13")
    with pytest.raises(TooManyHolds) as refused:
        keep(network, "14")
    assert refused.value.until == first.hold_expires_at
    keep(network, "14", holder=visitor(2))


def test_what_is_given_back_paid_or_lapsed_is_not_counted_as_live(network: Network) -> None:
    released, lapsed = keep(network, "12"), keep(network, "13")
    release_hold(released.reference, gateway=FakeGateway(), signer=signer(), terms=TO_PAY)
    pass_time(lapsed, timedelta(minutes=16))  # nobody has tidied it up
    keep(network, "14"), keep(network, "15")
    with pytest.raises(TooManyHolds):
        keep(network, "16")


def test_changing_seats_at_the_limit_is_no_third_hold(network: Network) -> None:
    booking = keep(network, "12")
    keep(network, "13")
    changed = change_seats(booking.reference, network.trip.id, "DLA", "YAO", ["14"], holder=ANNA, terms=LIMITED)
    assert changed.reference != booking.reference


def test_three_lapsed_holds_in_an_hour_earn_a_pause_of_15_minutes_from_the_last(network: Network) -> None:
    for seat, ago in (("12", 59), ("13", 30), ("14", 1)):
        lapse(keep(network, seat, holder=ANNA), timedelta(minutes=ago))
    with pytest.raises(HoldingPaused) as refused:
        keep(network, "15")
    assert timedelta(minutes=13) < refused.value.until - clock.now() < timedelta(minutes=15)
    keep(network, "15", holder=visitor(2))


def test_a_lapse_counts_before_a_worker_has_tidied_it_up(network: Network) -> None:
    for seat in ("12", "13", "14"):
        pass_time(keep(network, seat), timedelta(minutes=16))
    with pytest.raises(HoldingPaused):
        keep(network, "15")


@pytest.mark.parametrize("ages", [(62, 30, 1), (50, 40, 16)], ids=["not within an hour", "pause over"])
def test_old_lapses_earn_no_pause(network: Network, ages: tuple[int, ...]) -> None:
    for number, ago in enumerate(ages):
        lapse(keep(network, str(12 + number)), timedelta(minutes=ago))
    keep(network, "20")


def test_one_network_keeps_at_most_30_percent_of_a_trip(network: Network) -> None:
    seats = iter(map(str, range(10, 60)))
    first = None
    for number in range(7):  # 70 seats: 21 at most
        booking = keep(network, next(seats), next(seats), next(seats), holder=visitor(number, HERE))
        first = first or booking
    with pytest.raises(NetworkShareUsedUp) as refused:
        keep(network, next(seats), holder=visitor(8, HERE))
    assert first is not None
    assert refused.value.until == first.hold_expires_at
    keep(network, next(seats), holder=visitor(8, THERE))
    other_trip = network.add_trip(clock.now() + timedelta(days=2))
    keep(network, "12", holder=visitor(9, HERE), trip_id=other_trip.id)


def test_paid_seats_leave_the_share_of_their_network(network: Network) -> None:
    keep(network, *map(str, range(10, 16)), holder=visitor(1, HERE))
    in_transaction(lambda: db.session.execute(db.text("UPDATE seat_claim SET state = 'sold', expires_at = NULL")))
    for number, start in enumerate((20, 26, 32)):
        keep(network, *map(str, range(start, start + 6)), holder=visitor(2 + number, HERE))
    with pytest.raises(NetworkShareUsedUp):
        keep(network, *map(str, range(40, 44)), holder=visitor(9, HERE))


def test_a_party_that_no_connection_may_keep_on_a_small_bus_hears_how_many(network: Network) -> None:
    in_transaction(lambda: db.session.execute(db.text("UPDATE seat_map SET grid = :grid"), {"grid": H19}))
    small = network.trip
    with pytest.raises(NetworkShareTooBig) as refused:
        keep(network, *map(str, range(1, 7)), holder=visitor(1, HERE), trip_id=small.id)
    assert refused.value.params == {"max": 5}


def test_a_phone_pays_for_two_bookings_at_a_time_whoever_the_visitors_are(network: Network) -> None:
    bookings = [keep(network, str(12 + number), holder=visitor(number)) for number in range(3)]
    pay(bookings[0]), pay(bookings[1])
    with pytest.raises(TooManyHolds):
        pay(bookings[2])
    assert payments_of(bookings[2]) == []


def test_a_phone_with_three_lapsed_bookings_waits_before_it_pays_for_another(network: Network) -> None:
    for number in range(3):
        booking = keep(network, str(12 + number), holder=visitor(number))
        pay(booking)
        _fail(booking)
        lapse(booking)
    with pytest.raises(HoldingPaused):
        pay(keep(network, "20", holder=visitor(9)))


def test_holding_lapsed_seats_again_counts_like_a_new_hold(network: Network) -> None:
    lapsed = keep(network, "12")
    lapse(lapsed)
    keep(network, "13"), keep(network, "14")
    with pytest.raises(TooManyHolds):
        reclaim(lapsed.reference, terms=LIMITED)
    with pytest.raises(TooManyHolds):
        pay(lapsed)


def test_a_second_press_at_the_limit_finds_the_attempt_of_the_first(network: Network) -> None:
    gateway = FakeGateway()
    booking = keep(network, "12")
    keep(network, "13")
    assert pay(booking, gateway).id == pay(booking, gateway).id


def test_a_booking_is_tried_ten_times_and_not_once_more(network: Network) -> None:
    gateway, booking = FakeGateway(), keep(network, "12")
    for _ in range(MAX_ATTEMPTS):
        pay(booking, gateway)
        _fail(booking)
    with pytest.raises(TooManyAttempts):
        pay(booking, gateway)


def test_without_limits_nothing_is_counted(network: Network) -> None:
    for seat in ("12", "13", "14"):
        hold_seats(network.trip.id, "DLA", "YAO", [seat], holder=visitor(1, HERE), terms=HOLD_TERMS)
    assert db.session.query(HolderRow).count() == 0


def test_the_doctor_finds_who_keeps_too_much(network: Network) -> None:
    for number in range(7):
        seats = [str(10 + 3 * number + place) for place in range(3)]
        keep(network, *seats, holder=visitor(number, HERE))
    assert examine_limits().verdict == Verdict.CLEAN
    booking = hold_seats(network.trip.id, "DLA", "YAO", ["40"], holder=visitor(0, HERE), terms=HOLD_TERMS)
    hold_seats(network.trip.id, "DLA", "YAO", ["41"], holder=visitor(0, HERE), terms=HOLD_TERMS)
    found = examine_limits()
    assert [row["who"] for row in found.rows] == ["visitor", HERE]
    assert booking.reference in found.rows[0]["bookings"]


def test_rows_nobody_looks_at_are_forgotten(network: Network) -> None:
    keep(network, "12", holder=visitor(1, HERE))
    in_transaction(lambda: db.session.execute(db.text("UPDATE holder SET seen_at = seen_at - interval '25 h'")))
    keep(network, "13", holder=visitor(2))
    assert in_transaction(lambda: forget_old(100)) == 2
    assert db.session.query(HolderRow).count() == 1


def _fail(booking: Booking) -> None:
    """The newest attempt failed at the gateway, and time enough has passed for another press."""
    pass_time(booking, timedelta(0))
    payment = payments_of(booking)[-1]
    statement = "UPDATE payment SET state = :failed, next_check_at = NULL, created_at = created_at - interval '1 min'"
    in_transaction(
        lambda: db.session.execute(
            db.text(statement + " WHERE id = :id"), {"failed": PaymentState.FAILED.value, "id": payment.id}
        )
    )
    db.session.expire_all()
