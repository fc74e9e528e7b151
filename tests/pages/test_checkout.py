"""The checkout: what is asked, what survives, how a payment starts, and what happens when it cannot."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from aurapark.booking.models import BookingState
from aurapark.booking.queries import get_booking_view
from aurapark.checkout import press
from aurapark.checkout.expire import expire_hold
from aurapark.database import in_transaction, let_go
from aurapark.extensions import db
from tests.pages.conftest import Way
from tests.pages.test_seats import held, somebody_holds
from tests.pages.traveller import Page, Traveller


def reference_of(page: Page) -> str:
    return page.url.split("/")[2]


def lapse(reference: str) -> None:
    def work() -> None:
        late = "now() - interval '1 second'"
        booking = f"(SELECT id FROM booking WHERE reference = '{reference}')"  # noqa: S608  our own
        db.session.execute(text(f"UPDATE booking SET hold_expires_at = {late} WHERE id = {booking}"))  # noqa: S608
        db.session.execute(text(f"UPDATE seat_claim SET expires_at = {late} WHERE booking_id = {booking}"))  # noqa: S608

    in_transaction(work)


def total_of(page: Page) -> str:
    return next(field.get("value", "") for field in page.all("input") if field.get("name") == "total")


def test_it_asks_two_things_and_shows_the_price_and_the_refund_rule(way: Way) -> None:
    page = way.hold("12")
    required = [field.get("name") for field in page.all("input") if field.get("required") is not None]
    assert required == ["passengers-0-name", "phone"]
    assert "Seat 12, Adult4,000 FCFA" in page.text.replace(" 4,000", "4,000")
    assert "Pay 4,000 FCFA" in page.text
    assert "If the agency cancels the trip, everything comes back." in page.text
    assert "comes back." in page.text


def test_paying_leads_to_the_gateway(way: Way) -> None:
    page = way.hold("12", "13")
    paid = way.traveller.post(page.url, way.fill(page))
    assert paid.status == 303
    assert "/hosted/pay/" in paid.response.headers["Location"]
    view = get_booking_view(reference_of(page))
    assert [passenger.name for passenger in view.passengers] == ["Aïssatou Ngo Bell", "Jean-Paul M’Bida"]
    assert view.booking.payer_phone == "+237671234567"


def test_pressing_twice_is_one_payment(way: Way) -> None:
    page = way.hold("12", "13")
    fields = way.fill(page)
    links = {way.traveller.post(page.url, fields).response.headers["Location"] for _ in range(2)}
    assert len(links) == 1


def location(page: Page) -> str:
    return page.response.headers["Location"]


def attempts() -> int:
    return int(in_transaction(lambda: db.session.scalar(text("SELECT count(*) FROM payment"))))


def time_passes(*, seconds: int = 11) -> None:
    """A second press would be another attempt by now."""
    later = text("UPDATE payment SET created_at = created_at - make_interval(secs => :seconds)")
    in_transaction(lambda: db.session.execute(later, {"seconds": seconds}))


def test_back_and_pressing_again_is_the_same_payment_and_a_page_loaded_again_another(way: Way) -> None:
    page = way.hold("12", "13")
    fields = way.fill(page)
    first = location(way.traveller.post(page.url, fields))
    time_passes()
    assert location(way.traveller.post(page.url, fields)) == first
    assert attempts() == 1
    again = way.fill(way.traveller.get(page.url))
    assert again["form_key"] != fields["form_key"]
    assert location(way.traveller.post(page.url, again)) != first


def test_back_and_another_phone_is_another_payment(way: Way) -> None:
    page = way.hold("12")
    fields = way.fill(page)
    first = location(way.traveller.post(page.url, fields))
    time_passes()
    assert location(way.traveller.post(page.url, {**fields, "phone": "677777777"})) != first


@pytest.mark.parametrize("change", ["state = 'failed'", "session_ends_at = now()"])
def test_back_to_a_payment_that_is_over_is_another_one(way: Way, change: str) -> None:
    page = way.hold("12")
    fields = way.fill(page)
    first = location(way.traveller.post(page.url, fields))
    time_passes()
    in_transaction(lambda: db.session.execute(text(f"UPDATE payment SET {change}")))  # noqa: S608  our own
    assert location(way.traveller.post(page.url, fields)) != first


def test_a_press_whose_server_died_can_be_repeated(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    page = way.hold("12")
    fields = way.fill(page)

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as crash:
        crash.setattr(press, "start_payment", die)
        with pytest.raises(SystemExit):
            way.traveller.post(page.url, fields)
    monkeypatch.setattr(press, "SECOND_PRESS", timedelta(0))
    told = way.traveller.post(page.url, fields)
    assert (told.status, attempts()) == (409, 0)
    assert told.form(page.url, containing="phone")["form_key"] != fields["form_key"]
    in_transaction(lambda: db.session.execute(text("UPDATE idempotency_key SET locked_until = now()")))
    assert location(way.traveller.post(page.url, fields)) == location(way.traveller.post(page.url, fields))
    assert attempts() == 1


@pytest.mark.parametrize("form_key", ["", "x", "é" * 22, "' OR 1=1 --0123456789ab"])
def test_a_form_without_its_key_still_pays(way: Way, form_key: str) -> None:
    page = way.hold("12")
    assert location(way.traveller.post(page.url, {**way.fill(page), "form_key": form_key}))
    assert in_transaction(lambda: db.session.scalar(text("SELECT count(*) FROM idempotency_key"))) == 0


def test_errors_keep_what_was_typed(way: Way) -> None:
    page = way.hold("12", "13")
    fields = {**way.fill(page), "passengers-1-name": "", "phone": "71 23 45 67"}
    again = way.traveller.post(page.url, fields)
    assert again.status == 422
    assert again.title.startswith("Error:")
    assert "8 digits" in again.text
    kept = again.form(page.url, containing="phone")
    assert kept["passengers-0-name"] == "Aïssatou Ngo Bell"
    assert kept["phone"] == "71 23 45 67"
    assert list(held().values()) == [["12", "13"]]


def test_a_new_category_shows_the_new_total_before_paying(way: Way) -> None:
    page = way.hold("12", "13")
    fields = {**way.fill(page), "passengers-1-category": "child"}
    shown = way.traveller.post(page.url, fields)
    assert shown.status == 200
    assert "the total is 6,000 FCFA" in shown.text
    assert total_of(shown) == "6000"
    paid = way.traveller.post(page.url, shown.form(page.url, containing="phone"))
    assert paid.status == 303
    assert get_booking_view(reference_of(page)).booking.total == 6000


@pytest.mark.parametrize(
    "extra",
    [
        {"state": "confirmed", "amount": "1", "price": "1", "agency_id": "2", "commission": "0"},
        {"total": "1"},
        {"passengers-0-seat": "70"},
        {"passengers-7-seat": "70", "passengers-7-name": "Awa Awa"},
    ],
)
def test_the_price_and_the_seats_are_ours(way: Way, extra: dict[str, str]) -> None:
    page = way.hold("12", "13")
    way.traveller.post(page.url, {**way.fill(page), **extra})
    view = get_booking_view(reference_of(page))
    assert view.booking.total == 8000
    assert view.booking.state == BookingState.HELD
    assert view.seats == ["12", "13"]


def test_extending_keeps_what_is_typed(way: Way) -> None:
    page = way.hold("12", "13")
    reference = reference_of(page)
    before = get_booking_view(reference).booking.hold_expires_at
    let_go()
    fields = {**way.fill(page), "passengers-1-name": ""}
    again = way.traveller.post(f"/bookings/{reference}/extend", fields)
    assert again.status == 200
    assert "kept 5 minutes longer" in again.text
    assert again.form(page.url, containing="phone")["passengers-0-name"] == "Aïssatou Ngo Bell"
    assert get_booking_view(reference).booking.hold_expires_at > before


def test_giving_back_frees_the_seats(way: Way) -> None:
    page = way.hold("12", "13")
    release = f"/bookings/{reference_of(page)}/release"
    after = way.traveller.post(release, page.form(release))
    assert "You gave seats 12 and 13 back. Nothing was charged." in after.text
    assert not held()
    again = way.traveller.post(release, page.form(release))
    assert again.status == 200


def test_a_lapsed_hold_takes_its_seats_again(way: Way) -> None:
    page = way.hold("12", "13")
    lapse(reference_of(page))
    late = way.traveller.get(page.url)
    assert "we try the same seats again" in late.text
    assert way.traveller.post(page.url, way.fill(late)).status == 303


def test_an_expired_hold_goes_on_as_well(way: Way) -> None:
    page = way.hold("12", "13")
    lapse(reference_of(page))
    expire_hold(reference_of(page))
    booking = way.traveller.get(f"/bookings/{reference_of(page)}")
    assert "The time to pay is over" in booking.text
    assert way.traveller.post(page.url, way.fill(way.traveller.get(page.url))).status == 303


def test_a_lapsed_hold_whose_seat_is_gone_loses_nothing_typed(way: Way) -> None:
    page = way.hold("12", "13")
    fields = way.fill(page)
    lapse(reference_of(page))
    somebody_holds(way, "12")
    conflict = way.traveller.post(page.url, fields)
    assert conflict.status == 409
    assert "Seat 12 was just taken. We kept seat 13 for you until" in conflict.text
    seats = f"/trips/{way.network.trip.id}/seats"
    checkout = way.traveller.post(way.seats_url, conflict.form(seats, containing="instead"))
    kept = checkout.form(checkout.url, containing="phone")
    assert [kept["passengers-0-name"], kept["passengers-1-name"]] == ["Aïssatou Ngo Bell", "Jean-Paul M’Bida"]
    assert kept["phone"] == "6 71 23 45 67"


@pytest.mark.parametrize("fault", ["server_error", "truncated", "null_data", "request_lost", "refuse"])
def test_a_gateway_that_fails_is_an_honest_page_and_another_try(way: Way, fault: str) -> None:
    way.sandbox.admin.fault(fault, endpoint="payments", times=1)
    page = way.hold("12", "13")
    failed = way.traveller.post(page.url, way.fill(page))
    assert failed.status == 502
    assert "seats are kept" in failed.text
    assert failed.form(page.url, containing="phone")["passengers-0-name"] == "Aïssatou Ngo Bell"
    way.sandbox.admin.forget_faults()
    assert way.traveller.post(page.url, failed.form(page.url, containing="phone")).status == 303


@pytest.mark.parametrize("path", ["checkout", "extend", "release", "", "calendar.ics"])
def test_somebody_elses_booking_is_as_unknown_as_none(way: Way, stranger: Traveller, path: str) -> None:
    reference = reference_of(way.hold("12", "13"))
    token = stranger.get("/find").form("/find")["csrf_token"]
    for asked in (reference, "ZZZZZZ"):
        url = f"/bookings/{asked}/{path}".rstrip("/")
        page = stranger.post(url, {"csrf_token": token}) if path in ("extend", "release") else stranger.get(url)
        assert page.status == 404
        assert "We did not find this booking." in page.text
    assert list(held().values()) == [["12", "13"]]


def test_a_paid_booking_has_no_checkout(way: Way) -> None:
    reference = way.pay("12")
    assert way.traveller.get(f"/bookings/{reference}/checkout").url == f"/bookings/{reference}"
