"""The booking page and the doors to it: the way back from the gateway, the private link, reference and phone."""

import pytest
from icalendar import Calendar
from sqlalchemy import text

from aurapark.booking.queries import get_booking_view
from aurapark.checkout import confirm
from aurapark.checkout.gateways import gateway_for, signer_for, terms_for
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.references import booking_token
from aurapark.settings import current_settings
from tests.pages.conftest import Way
from tests.pages.traveller import Page, Traveller


def start(way: Way, *seats: str) -> tuple[str, str, str]:
    """Start a payment: reference, tx_ref, link."""
    page = way.hold(*seats)
    link = way.traveller.post(page.url, way.fill(page)).response.headers["Location"]
    return page.url.split("/")[2], way.sandbox.admin.links()[-1]["tx_ref"], link


def come_back(way: Way, tx_ref: str, **query: str) -> Page:
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return way.traveller.get(f"/payments/flutterwave/return?tx_ref={tx_ref}{more}")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers while these tests wait: there is no worker."""
    monkeypatch.setattr("aurapark.checkout.payment_routes.WAIT_SECONDS", 0)


def test_tickets_show_what_boarding_needs(way: Way) -> None:
    reference = way.pay("12", "13")
    page = way.traveller.get(f"/bookings/{reference}")
    tickets = page.all("article")
    assert len(tickets) == 2
    said = ["".join(ticket.itertext()) for ticket in tickets]
    for words, seat, name in zip(said, ("12", "13"), ("Aïssatou Ngo Bell", "Jean-Paul M’Bida"), strict=True):
        assert seat in words
        assert name in words
        assert "Ngondo, LT" in words
        assert "Be there at" in words
    assert sum(len(ticket.findall(".//*[@role='img']")) for ticket in tickets) == 2
    assert "Total 8,000 FCFA" in page.text.replace("Total8", "Total 8")
    assert page.response.headers["Cache-Control"] == "no-store"


def test_sharing_tells_no_secret(way: Way) -> None:
    reference = way.pay("12")
    page = way.traveller.get(f"/bookings/{reference}")
    share = next(a.get("href", "") for a in page.all("a") if "wa.me" in a.get("href", ""))
    assert reference not in share
    assert "/t/" not in page.response.text
    ticket = get_booking_view(reference).tickets[0]
    assert ticket.code not in share


def test_the_calendar_file_opens(way: Way) -> None:
    reference = way.pay("12")
    response = way.traveller.client.get(f"/bookings/{reference}/calendar.ics")
    assert response.mimetype == "text/calendar"
    event = Calendar.from_ical(response.data).walk("VEVENT")[0]
    assert event.start == way.network.trip.departs_at


def test_a_lower_case_reference_leads_to_the_booking(way: Way) -> None:
    reference = way.pay("12")
    assert way.traveller.get(f"/bookings/{reference.lower()}").url == f"/bookings/{reference}"


def test_coming_back_proves_nothing(way: Way) -> None:
    reference, tx_ref, _ = start(way, "12")
    page = come_back(way, tx_ref, status="successful", transaction_id="1")
    assert page.status == 200
    assert "Your payment is being checked" in page.text
    assert "Seat 12 kept until" in page.text
    assert page.form("/payments/flutterwave/return") == {"tx_ref": tx_ref}
    assert get_booking_view(reference).booking.state == "held"


def test_coming_back_after_paying_leads_to_the_tickets(way: Way) -> None:
    reference, tx_ref, link = start(way, "12")
    way.sandbox.admin.pay(link=link, method="mtn", outcome="approve")
    settings = current_settings()
    confirm.check_payment(tx_ref, gateway=gateway_for(settings), signer=signer_for(settings), terms=terms_for(settings))
    page = come_back(way, tx_ref, status="cancelled")
    assert page.url == f"/bookings/{reference}"
    assert "Your ticket" in page.text


def test_a_refused_payment_leads_back_to_the_checkout(way: Way) -> None:
    _, tx_ref, link = start(way, "12")
    way.sandbox.admin.pay(link=link, method="mtn", outcome="refuse")
    settings = current_settings()
    confirm.check_payment(tx_ref, gateway=gateway_for(settings), signer=signer_for(settings), terms=terms_for(settings))
    page = come_back(way, tx_ref)
    assert page.url.endswith("/checkout")
    assert "The payment did not go through" in page.text
    assert page.form(page.url, containing="phone")["passengers-0-name"] == "Aïssatou Ngo Bell"


@pytest.mark.parametrize("query", ["", "?tx_ref=", "?tx_ref=AP-NOBODY-1", "?tx_ref=../..", "?tx_ref=@evil"])
def test_an_unknown_payment_is_looked_at_like_somebody_elses(way: Way, stranger: Traveller, query: str) -> None:
    _, tx_ref, _ = start(way, "12")
    foreign = stranger.get(f"/payments/flutterwave/return?tx_ref={tx_ref}")
    unknown = stranger.get(f"/payments/flutterwave/return{query}")
    assert foreign.status == unknown.status == 200
    assert foreign.text == unknown.text
    assert "Seat 12" not in foreign.text


def test_a_booking_being_paid_says_so(way: Way) -> None:
    reference, tx_ref, _ = start(way, "12")
    page = way.traveller.get(f"/bookings/{reference}")
    assert "Your payment is being checked" in page.text
    assert f"/payments/flutterwave/return?tx_ref={tx_ref}" in [a.get("href") for a in page.all("a")]


def test_the_private_link_opens_the_booking_anywhere(way: Way, stranger: Traveller) -> None:
    reference = way.pay("12")
    assert stranger.get(f"/bookings/{reference}").status == 404
    token = booking_token(current_settings().secret_key, reference, 1)
    first = stranger.client.get(f"/t/{token}")
    assert first.status_code == 303
    assert first.headers["Location"] == f"/bookings/{reference}"
    assert first.headers["Referrer-Policy"] == "no-referrer"
    assert "Your ticket" in stranger.get(f"/bookings/{reference}").text
    assert stranger.get(f"/t/{token}").status == 200
    assert stranger.get(f"/t/{token[:-1]}").status == 404


def test_a_booking_is_found_by_reference_and_phone(way: Way, stranger: Traveller) -> None:
    reference = way.pay("12")
    form = stranger.get("/find").form("/find")
    typed = f"{reference[:3].lower()} {reference[3:]}"
    page = stranger.post("/find", {**form, "reference": typed, "phone": "+237 671-23-45-67"})
    assert page.url == f"/bookings/{reference}"
    assert "Your ticket" in page.text


def test_every_failure_to_find_is_answered_alike(way: Way, stranger: Traveller) -> None:
    reference = way.pay("12")
    form = stranger.get("/find").form("/find")
    wrong_phone = stranger.post("/find", {**form, "reference": reference, "phone": "671000000"})
    wrong_reference = stranger.post("/find", {**form, "reference": "ZZZZZZ", "phone": "671234567"})
    assert wrong_phone.status == wrong_reference.status == 422
    assert "We found no booking with this reference and this phone number." in wrong_phone.text
    assert "We found no booking with this reference and this phone number." in wrong_reference.text
    assert stranger.get(f"/bookings/{reference}").status == 404


@pytest.mark.parametrize(("reference", "phone"), [("", ""), ("7K3", "671234567"), ("7K3QF9", "12")])
def test_nonsense_to_find_is_explained(stranger: Traveller, reference: str, phone: str) -> None:
    form = stranger.get("/find").form("/find")
    page = stranger.post("/find", {**form, "reference": reference, "phone": phone})
    assert page.status == 422
    assert page.title.startswith("Error:")


@pytest.mark.parametrize(
    ("amount", "said"),
    [(100, "100 FCFA: on its way to the account that paid"), (4000.5, "We have received money for this booking")],
)
def test_money_that_cannot_be_applied_is_said(way: Way, amount: float, said: str) -> None:
    reference, tx_ref, link = start(way, "12")
    way.sandbox.admin.pay(link=link, method="mtn", outcome="approve", amount=amount)
    settings = current_settings()
    confirm.check_payment(tx_ref, gateway=gateway_for(settings), signer=signer_for(settings), terms=terms_for(settings))
    page = way.traveller.get(f"/bookings/{reference}")
    assert said in page.text


def test_looking_writes_nothing(way: Way, stranger: Traveller) -> None:
    reference = way.pay("12", "13")
    way.hold("20", "21")
    before = fingerprint()
    for url in (
        "/",
        way.seats_url,
        f"/bookings/{reference}",
        f"/bookings/{reference}/checkout",
        f"/bookings/{reference}/calendar.ics",
        "/find",
        "/trips?from=DLA&to=YAO&date=2026-12-30",
        "/?theme=dark",
        "/?lang=en",
    ):
        way.traveller.get(url)
        stranger.get(url)
    assert fingerprint() == before


def fingerprint() -> str:
    """A hash over all rows of all tables."""
    names = db.session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")).all()
    parts = [
        db.session.scalar(text(f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {name} t"))  # noqa: S608
        for name in names
    ]
    db.session.rollback()
    return " ".join(str(part) for part in parts)


def test_a_cancelled_booking_has_no_valid_ticket(way: Way) -> None:
    reference = way.pay("12")
    in_transaction(
        lambda: [
            db.session.execute(text("UPDATE ticket SET state = 'void'")),
            db.session.execute(
                text("UPDATE booking SET state = 'cancelled', cancelled_at = now(), cancelled_because = 'traveller'")
            ),
        ]
    )
    page = way.traveller.get(f"/bookings/{reference}")
    assert "This booking was cancelled" in page.text
    assert not page.all("article")
