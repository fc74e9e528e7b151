"""Bookings of a traveller who is signed in: theirs on every device, in nobody else's hands, and limited by account."""

import re

import pytest
from flask import Flask
from sqlalchemy import func

from aurapark.accounts.models import AgencyRole, User
from aurapark.accounts.passwords import hash_password
from aurapark.booking.models import Booking
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.accounts import Browser, browser_of, make_staff, make_user
from tests.factories import Network
from tests.pages.test_budgets import counted


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "RATE_LIMITS": "on"}


def hold(browser: Browser, network: Network, *seats: str, trip_id: int | None = None, **more: str) -> str:
    """Hold seats as this browser; the reference, or the status of the refusal."""
    fields = {"from": "DLA", "to": "YAO", "passengers": str(len(seats)), "seat": list(seats), **more}
    answer = browser.send(f"/trips/{trip_id or network.trip.id}/seats", fields)
    found = re.search(r"/bookings/(\w{6})/checkout", answer.headers.get("Location", ""))
    return found.group(1) if found else str(answer.status_code)


def booking_of(reference: str) -> Booking:
    db.session.rollback()
    return db.session.query(Booking).filter_by(reference=reference).one()


def test_a_traveller_opens_their_booking_on_any_device_and_nobody_else_does(app: Flask, network: Network) -> None:
    awa, ben = make_user(), make_user()
    phone, computer = browser_of(app, awa), browser_of(app, awa)
    reference = hold(phone, network, "12")
    assert booking_of(reference).user_id == awa.id
    pages = [f"/bookings/{reference}/checkout", f"/bookings/{reference}"]
    assert [computer.get(page).status_code for page in pages] == [200, 200]
    for stranger in (browser_of(app, ben), browser_of(app)):
        seen = [(stranger.get(page).status_code, stranger.get("/bookings/ZZZZZZ").status_code) for page in pages]
        assert seen == [(404, 404)] * 2
        assert stranger.send(f"/bookings/{reference}/release").status_code == 404
    assert computer.send(f"/bookings/{reference}/release").status_code == 303


def test_signing_out_everywhere_closes_the_booking_on_every_device(app: Flask, network: Network) -> None:
    awa = make_user()
    lost, mine = browser_of(app, awa), browser_of(app, awa)
    reference = hold(lost, network, "12")
    assert lost.get(f"/bookings/{reference}").status_code == 200
    mine.send("/account/sessions/end-all")
    assert lost.get(f"/bookings/{reference}").status_code == 404
    assert reference not in lost.get(f"/trips/{network.trip.id}/seats?from=DLA&to=YAO&passengers=1").text


def test_a_second_person_in_the_same_browser_has_nothing_of_the_first(app: Flask, network: Network) -> None:
    awa, ben = make_user(), make_user(email="ben@example.cm")
    browser = browser_of(app, awa)
    reference = hold(browser, network, "12")
    shared = browser_of(app, ben)
    with browser.session_transaction() as before, shared.session_transaction() as after:
        after["visitor"] = before["visitor"]
    assert shared.get(f"/bookings/{reference}").status_code == 404


def test_a_guest_keeps_what_they_hold_when_they_sign_in(app: Flask, network: Network) -> None:
    guest = browser_of(app)
    reference = hold(guest, network, "12")
    signed_in = browser_of(app, make_user())
    with guest.session_transaction() as before, signed_in.session_transaction() as after:
        after["visitor"] = before["visitor"]
    assert signed_in.get(f"/bookings/{reference}").status_code == 200
    assert booking_of(reference).user_id is None


def test_staff_who_book_for_themselves_are_guests(app: Flask, network: Network) -> None:
    clerk = make_staff(AgencyRole.CLERK)
    reference = hold(browser_of(app, clerk), network, "12")
    assert booking_of(reference).user_id is None
    assert browser_of(app, clerk).get(f"/bookings/{reference}").status_code == 404


def test_nobody_names_the_account_a_booking_goes_to(app: Flask, network: Network) -> None:
    awa, ben = make_user(), make_user()
    assert booking_of(hold(browser_of(app), network, "12", user_id=str(ben.id))).user_id is None
    assert booking_of(hold(browser_of(app, awa), network, "13", user_id=str(ben.id))).user_id == awa.id


def test_an_account_keeps_two_bookings_on_however_many_devices(app: Flask, network: Network) -> None:
    awa = make_user()
    trips = [network.trip.id, network.add_trip().id, network.add_trip().id]
    devices = [browser_of(app, awa) for _ in trips]
    held = [hold(device, network, "12", trip_id=trip) for device, trip in zip(devices, trips, strict=True)]
    assert held[2] == "429"
    refusal = devices[2].send(f"/trips/{trips[2]}/seats", {"from": "DLA", "to": "YAO", "passengers": "1", "seat": "13"})
    assert refusal.text.count("/checkout") >= 2  # the way to both, though another device holds them
    assert len(hold(browser_of(app, make_user()), network, "14")) == 6


def test_three_lapsed_bookings_pause_an_account_on_every_device(app: Flask, network: Network) -> None:
    awa = make_user()
    for seat in ("12", "13", "14"):
        reference = hold(browser_of(app, awa), network, seat)
        _lapse(reference)
    assert hold(browser_of(app, awa), network, "15") == "429"
    assert len(hold(browser_of(app, make_user()), network, "15")) == 6


def test_a_hold_of_somebody_signed_in_costs_one_statement_more_and_one_commit(app: Flask, network: Network) -> None:
    costs = []
    for browser in (browser_of(app), browser_of(app, make_user())):
        browser.get(f"/trips/{network.trip.id}/seats?from=DLA&to=YAO&passengers=1")
        with counted(app) as statements:
            assert len(hold(browser, network, "12" if not costs else "13")) == 6
        costs.append(len(statements))
    assert costs[0] <= 8
    assert costs[1] <= costs[0] + 1


def test_the_checkout_knows_the_account_and_a_guest_types(app: Flask, network: Network) -> None:
    awa = make_user(name="Awa Ngo Bell", phone="+237671234567", email="awa@example.cm")
    mine = browser_of(app, awa)
    page = mine.get(f"/bookings/{hold(mine, network, '12', '13')}/checkout").text
    assert [page.count(f'value="{said}"') for said in ("Awa Ngo Bell", "awa@example.cm")] == [1, 1]
    assert re.search(r'name="phone"[^>]* value="[^"]*71', page)
    guest = browser_of(app)
    page = guest.get(f"/bookings/{hold(guest, network, '14')}/checkout").text
    assert "Awa Ngo" not in page


def test_a_language_is_kept_on_the_account_and_known_on_a_new_device(app: Flask) -> None:
    awa = make_user(language="fr")
    browser = browser_of(app, awa)
    assert browser.send("/account/language", {"language": "en"}).headers["Location"] == "/account?done=language"
    assert "My account" in browser.get("/account").text
    db.session.rollback()
    assert db.session.get(User, awa.id, populate_existing=True).language == "en"
    for wrong in ("de", "", "EN"):
        assert browser.send("/account/language", {"language": wrong}).status_code == 422
    elsewhere = browser_of(app)
    change = {"password_hash": hash_password("une phrase de passe")}
    in_transaction(lambda: db.session.query(User).filter_by(id=awa.id).update(change))
    assert "Se connecter" in elsewhere.get("/login", headers={"Accept-Language": "fr"}).text
    elsewhere.send("/login", {"address": awa.email, "password": "une phrase de passe"})
    assert "My account" in elsewhere.get("/account", headers={"Accept-Language": "fr"}).text
    chosen = browser_of(app)
    chosen.get("/?lang=fr")
    chosen.send("/login", {"address": awa.email, "password": "une phrase de passe"})
    assert "Mon compte" in chosen.get("/account").text


def _lapse(reference: str) -> None:
    def work() -> None:
        booking = db.session.query(Booking).filter_by(reference=reference).one()
        booking.hold_expires_at = func.now() - func.make_interval(0, 0, 0, 0, 0, 1)

    in_transaction(work)
