"""My trips: mine alone, to come and past, what goes back; and guest bookings that come along once they are proved."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, text

from aurapark import clock
from aurapark.accounts.models import AgencyRole, User
from aurapark.booking.models import Booking
from aurapark.checkout.cancel import cancel_booking, get_cancel_offer
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.references import fingerprint
from aurapark.travellers.bring import bring_guest_bookings, count_guest_bookings
from tests.accounts import browser_of, make_staff, make_user
from tests.factories import Network
from tests.pages.test_budgets import counted
from tests.stories import PAYER, confirm, fresh, hold, pass_time, race

MINE = {"phone": PAYER.phone, "phone_verified_at": func.now()}


def change(booking: Booking, **values: object) -> None:
    """Change the row of a booking."""
    in_transaction(lambda: db.session.query(Booking).filter_by(id=booking.id).update(values))
    db.session.expire_all()


def own(network: Network, user: User, *seats: str) -> Booking:
    """A paid booking in this account."""
    booking = confirm(network, *seats)
    change(booking, user_id=user.id)
    return fresh(booking)


def leave(network: Network) -> None:
    """The bus has left."""
    for table in ("trip", "trip_stop"):
        moved = f"UPDATE {table} SET departs_at = departs_at - interval '3 days'"  # noqa: S608  names of this file
        in_transaction(lambda moved=moved: db.session.execute(text(moved)))


def test_trips_to_come_and_past_are_mine_alone(app: Flask, network: Network) -> None:
    awa, ben = make_user(), make_user()
    coming, other = own(network, awa, "12"), own(network, ben, "13")
    cancelled = own(network, awa, "14")
    cancel_booking(cancelled.reference, expected_refund=get_cancel_offer(cancelled.reference, ["14"]).refund.amount)
    browser = browser_of(app, awa)
    page, past = browser.get("/account/trips?lang=en").text, browser.get("/account/trips?when=past&lang=en").text
    assert f'href="/bookings/{coming.reference}"' in page
    assert cancelled.reference not in page
    assert other.reference not in page + past
    assert cancelled.reference in past
    assert "on their way back" in past
    assert "Douala – Yaoundé" in page
    leave(network)
    assert coming.reference not in browser.get("/account/trips").text
    assert coming.reference in browser.get("/account/trips?when=past").text


def test_a_live_hold_is_there_with_the_way_to_pay_and_goes_with_its_time(app: Flask, network: Network) -> None:
    awa, booking = make_user(), hold(network, "12")
    change(booking, user_id=awa.id)
    browser = browser_of(app, awa)
    assert f'href="/bookings/{booking.reference}/checkout"' in browser.get("/account/trips").text
    pass_time(booking, timedelta(minutes=16))
    for page in ("/account/trips", "/account/trips?when=past"):
        assert booking.reference not in browser.get(page).text


def test_many_trips_are_paged_and_cost_the_same_statements(app: Flask, network: Network) -> None:
    awa = make_user(**MINE)
    browser = browser_of(app, awa)
    assert "empty" in browser.get("/account/trips").text
    costs = []
    bookings = []
    for number in range(11):
        bookings.append(own(network, awa, str(20 + number)))
        if number in (0, 10):
            with counted(app) as statements:
                page = browser.get("/account/trips").text
            costs.append(len(statements))
    assert costs[0] == costs[1] <= 6
    assert 'href="/account/trips?page=2"' in page
    assert sum(one.reference in page for one in bookings) == 10
    assert sum(one.reference in browser.get("/account/trips?page=2").text for one in bookings) == 1
    for strange in ("0", "-1", "x", "99999", "9" * 40, "²"):
        assert browser.get(f"/account/trips?page={strange}").status_code == 200


def test_the_header_leads_to_my_trips_without_a_question_to_the_database(app: Flask, network: Network) -> None:
    assert 'href="/find"' in browser_of(app).get("/").text
    browser = browser_of(app, make_user())
    guest = browser_of(app)
    costs = []
    for one in (guest, browser):
        one.get("/")
        with counted(app) as statements:
            page = one.get("/")
        costs.append(len(statements))
        assert "Set-Cookie" not in page.headers
    assert costs[0] == costs[1]
    assert 'href="/account/trips"' in page.text


def test_guest_bookings_come_along_only_with_a_proved_address(app: Flask, network: Network) -> None:
    booking = confirm(network, "12")
    unproved = make_user(phone=PAYER.phone)
    by_mail = make_user(email="awa@gmail.com", email_verified_at=None)
    for user in (unproved, by_mail, make_user()):
        assert count_guest_bookings(user.id) == 0
        answer = browser_of(app, user).send("/account/trips/bring", {"phone": PAYER.phone, "user_id": str(user.id)})
        assert answer.headers["Location"] == "/account/trips?done=none"
    assert fresh(booking).user_id is None
    change_user(unproved, phone_verified_at=func.now())
    browser = browser_of(app, unproved)
    assert "/account/trips/bring" in browser.get("/account/trips").text
    assert browser.get(f"/bookings/{booking.reference}").status_code == 404
    assert browser.send("/account/trips/bring").headers["Location"] == "/account/trips?done=brought"
    assert browser.get(f"/bookings/{booking.reference}").status_code == 200
    assert browser.send("/account/trips/bring").headers["Location"] == "/account/trips?done=none"
    change_user(by_mail, email_verified_at=func.now())
    assert bring_guest_bookings(by_mail.id) == 0  # the first account has it
    assert fresh(booking).user_id == unproved.id


def test_a_mail_address_is_proved_in_whatever_case_it_was_typed(network: Network) -> None:
    booking = confirm(network, "12")
    change(booking, payer_email="AWA@Gmail.com")
    awa = make_user(email="awa@gmail.com")
    assert bring_guest_bookings(awa.id) == 1


def test_whoever_made_it_as_a_guest_keeps_it_open(app: Flask, network: Network) -> None:
    booking = confirm(network, "12")
    guest = browser_of(app)
    guest.get(f"/trips/{network.trip.id}/seats?from=DLA&to=YAO&passengers=1")
    with guest.session_transaction() as cookie:
        change(booking, visitor_hash=fingerprint(cookie["visitor"]))
    bring_guest_bookings(make_user(**MINE).id)
    assert guest.get(f"/bookings/{booking.reference}").status_code == 200


def test_old_bookings_of_a_number_and_holds_are_not_brought(network: Network) -> None:
    held, old = hold(network, "13"), confirm(network, "12")
    change(held, payer_phone=PAYER.phone)
    change(old, created_at=clock.now() - timedelta(days=91))
    assert bring_guest_bookings(make_user(**MINE).id) == 0
    assert (fresh(held).user_id, fresh(old).user_id) == (None, None)


def test_staff_bring_nothing(app: Flask, network: Network) -> None:
    booking = confirm(network, "12")
    browser = browser_of(app, make_staff(AgencyRole.CLERK, **MINE))
    assert "/account/trips/bring" not in browser.get("/account/trips").text
    assert browser.send("/account/trips/bring").status_code == 403
    assert fresh(booking).user_id is None


def test_two_accounts_at_once_get_one_booking_between_them(app: Flask, network: Network) -> None:
    booking = confirm(network, "12")
    ids = [make_user(**MINE).id, make_user(email="awa@gmail.com").id]
    brought = race(app, *[lambda user_id=user_id: bring_guest_bookings(user_id) for user_id in ids * 4])
    assert sorted(brought) == [0] * 7 + [1]
    assert fresh(booking).user_id in ids


def change_user(user: User, **values: object) -> None:
    """Change the row of a user."""
    in_transaction(lambda: db.session.query(User).filter_by(id=user.id).update(values))


@pytest.mark.parametrize("path", ["/account/trips", "/account/trips?when=past"])
def test_without_signing_in_there_are_no_trips(app: Flask, path: str) -> None:
    answer = browser_of(app).get(path)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/login")
