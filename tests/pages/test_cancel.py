"""The cancel page, without JavaScript: who, what comes back, the press, and what the booking says afterwards."""

import pytest
from sqlalchemy import text

from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.pages.conftest import Way
from tests.pages.traveller import Traveller
from tests.refunding import refunds


@pytest.fixture
def reference(way: Way) -> str:
    """A paid booking of seats 12 and 13, three days before departure."""
    paid = way.pay("12", "13")
    leave_in("3 days")
    return paid


def leave_in(interval: str) -> None:
    move = "UPDATE trip_stop SET departs_at = departs_at - (SELECT min(departs_at) FROM trip_stop) + now() + "
    in_transaction(lambda: db.session.execute(text(f"{move} interval '{interval}'")))


def test_the_booking_leads_to_its_cancel_page(way: Way, reference: str) -> None:
    page = way.traveller.get(f"/bookings/{reference}")
    assert f"/bookings/{reference}/cancel" in [a.get("href") for a in page.all("a")]
    page = way.traveller.get(f"/bookings/{reference}/cancel")
    assert "8,000 FCFA of 8,000 FCFA paid" in page.text
    assert "Cancel and get 8,000 FCFA back" in page.text
    assert "everything comes back" in page.text
    assert len(page.all("h1")) == 1


def test_cancelling_all_of_it(way: Way, reference: str) -> None:
    url = f"/bookings/{reference}/cancel"
    page = way.traveller.post(url, way.traveller.get(url).form(url, "expected_refund"))
    assert (page.status, page.url.endswith(f"/bookings/{reference}")) == (200, True)
    assert "This booking was cancelled" in page.text
    assert "8,000 FCFA: on its way" in page.text
    assert [one.amount for one in refunds()] == [8000]
    again = way.traveller.get(url)
    assert again.url.endswith(f"/bookings/{reference}")


def test_one_of_two_is_cancelled_after_a_look(way: Way, reference: str) -> None:
    url = f"/bookings/{reference}/cancel"
    page = way.traveller.get(f"{url}?seat=13")
    assert "4,000 FCFA of 4,000 FCFA paid" in page.text
    assert [one.get("value") for one in page.all("input") if one.get("checked") is not None] == ["13"]
    page = way.traveller.post(url, page.form(url, "expected_refund"))
    assert "Your ticket" in page.title
    assert len(page.all("article")) == 1
    assert "Seat 13 is cancelled. This ticket stays valid." in page.text
    assert "4,000 FCFA: on its way" in page.text
    assert "Seat 12, Adult" in page.text
    assert "Seat 13, Adult, cancelled" in page.text


def test_an_amount_that_changed_is_shown_again(way: Way, reference: str) -> None:
    url = f"/bookings/{reference}/cancel"
    fields = way.traveller.get(url).form(url, "expected_refund")
    leave_in("20 hours")
    page = way.traveller.post(url, fields)
    assert page.status == 409
    assert "changed meanwhile" in page.text
    assert "Cancel and get 4,000 FCFA back" in page.text
    assert refunds() == []
    way.traveller.post(url, page.form(url, "expected_refund"))
    assert [one.amount for one in refunds()] == [4000]


def test_too_late_for_money_says_so_before_the_press(way: Way, reference: str) -> None:
    leave_in("90 minutes")
    page = way.traveller.get(f"/bookings/{reference}/cancel")
    assert "Cancel without a refund" in page.text
    leave_in("-1 minute")
    assert way.traveller.get(f"/bookings/{reference}/cancel").status == 409


@pytest.mark.parametrize("value", ["", "8000.0", "-1", "9" * 40, "٨٠٠٠", "<script>"])
def test_nothing_typed_decides_the_amount(way: Way, reference: str, value: str) -> None:
    url = f"/bookings/{reference}/cancel"
    fields = way.traveller.get(url).form(url, "expected_refund")
    assert way.traveller.post(url, {**fields, "expected_refund": value}).status in (409, 422)
    assert way.traveller.post(url, {**fields, "seat": ["14"]}).status == 422
    assert refunds() == []


def test_a_stranger_finds_nothing(way: Way, reference: str, stranger: Traveller) -> None:
    url = f"/bookings/{reference}/cancel"
    fields = way.traveller.get(url).form(url, "expected_refund")
    assert stranger.get(url).status == 404
    assert stranger.post(url, fields).status in (400, 403, 404)
    assert refunds() == []


def test_french(way: Way, reference: str) -> None:
    way.traveller.language = "fr"
    page = way.traveller.get(f"/bookings/{reference}/cancel")
    assert "Qui ne voyage pas ?" in page.text
    assert "Annuler et récupérer 8 000 FCFA" in page.text
