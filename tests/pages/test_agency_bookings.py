"""An agency's bookings: found by whatever people remember, shown with all that happened, changed by those who may."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import text

from aurapark.accounts.models import AgencyRole
from aurapark.booking.details import CheckoutDetails, PassengerDetails, Payer
from aurapark.booking.models import Booking, Passenger, Ticket
from aurapark.booking.queries import get_booking_view
from aurapark.checkout.pay import start_payment
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.fares.models import Category
from aurapark.outbox import OutboxRow
from tests.accounts import Browser
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.office import logged, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.refunding import findings, refunds
from tests.stories import PAYMENT_TERMS, check, claims_of, confirm, fresh, hold

PATH = "/agency/bookings"
WHY = "the traveller called"
STATEMENTS = 8


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def manager(app: Flask, network: Network) -> Browser:
    return staff_browser(app, AgencyRole.MANAGER, network.agency, name="Esther Manga")[1]


@pytest.fixture
def owner(app: Flask, network: Network) -> Browser:
    return staff_browser(app, AgencyRole.OWNER, network.agency)[1]


def sell(network: Network, gateway: FakeGateway, seat: str, name: str, payer: Payer, **more: Any) -> Booking:
    """A confirmed booking of one seat for somebody of this name, paid by this payer."""
    booking = hold(network, seat, **more)
    details = CheckoutDetails((PassengerDetails(seat, name, Category.ADULT),), payer)
    payment = start_payment(booking.reference, details, gateway=gateway, terms=PAYMENT_TERMS)
    gateway.charge(payment.tx_ref, payment.expected_amount)
    check(payment, gateway)
    return fresh(booking)


def found(browser: Browser, **query: Any) -> list[str]:
    """The references on the page of a search, in their order."""
    answer = browser.get(PATH, query_string=query)
    assert answer.status_code == 200, (query, answer.status_code)
    return re.findall(r'href="/agency/bookings/(\w{6})"', answer.text)


def file_of(browser: Browser, ending: str, **query: Any) -> bytes:
    """The list as a file."""
    with browser.get(f"{PATH}.{ending}", query_string=query) as answer:
        assert answer.status_code == 200, query
        return answer.data


def passenger_of(booking: Booking) -> Passenger:
    db.session.expire_all()
    return db.session.query(Passenger).filter_by(booking_id=booking.id, removed_at=None).order_by(Passenger.id).first()


def tickets(booking: Booking) -> list[tuple[str, str]]:
    db.session.rollback()
    db.session.expire_all()
    rows = db.session.query(Ticket).filter_by(booking_id=booking.id).order_by(Ticket.id)
    return [(one.seat, one.state.value) for one in rows]


def told(booking: Booking) -> list[str]:
    db.session.rollback()
    rows = db.session.query(OutboxRow).filter_by(kind="sms").order_by(OutboxRow.id)
    return [row.payload["message"] for row in rows if row.payload.get("booking") == booking.reference]


def run(statement: str, **values: Any) -> None:
    in_transaction(lambda: db.session.execute(text(statement), values))


def test_a_booking_is_found_by_whatever_people_remember(
    network: Network, gateway: FakeGateway, manager: Browser
) -> None:
    elise = sell(network, gateway, "12", "Élise NGO-BASSONG", Payer("+237671234567", "Awa Kamga", "awa@gmail.com"))
    bo = sell(network, gateway, "13", "Bo O'Neil", Payer("+237699887766"))
    for typed in (elise.reference, elise.reference.lower(), f" {elise.reference[:3]} {elise.reference[3:]} "):
        assert found(manager, q=typed) == [elise.reference]
    for typed in ("671234567", "6 71 23 45 67", "+237 671-234-567", "00237671234567", "237 6.71.23.45.67"):
        assert found(manager, q=typed) == [elise.reference]
    assert found(manager, q="AWA@gmail.com") == [elise.reference]
    for typed in ("elise", "ÉLISE", "bassong", "ssong", "Ngo Bassong", "bassong ngo", "kamga", "ngo-b"):
        assert found(manager, q=typed) == [elise.reference], typed
    for typed in ("bo", "Bo O’Neil", "oneil bo"[2:], "neil"):
        assert bo.reference in found(manager, q=typed), typed
    assert found(manager, q="bo") == [bo.reference]  # two letters are where a word begins: not the BO nobody has
    assert found(manager, seat="13", trip=network.trip.id) == [bo.reference]
    assert found(manager, seat="13", since=network.trip.service_date) == [bo.reference]
    assert found(manager) == [bo.reference, elise.reference]
    assert found(manager, q="nobody") == []


def test_filters_narrow_and_stay_in_the_address(
    network: Network, gateway: FakeGateway, manager: Browser, owner: Browser
) -> None:
    sold = confirm(network, "12", gateway=gateway)
    held = hold(network, "13")
    later = network.add_trip(network.trip.departs_at + timedelta(days=3))
    other = hold(network, "14", trip_id=later.id)
    assert found(manager, state="confirmed") == [sold.reference]
    assert found(manager, state="held") == [other.reference, held.reference]
    assert found(manager, channel="counter") == []
    assert found(manager, route=network.route.id) == [other.reference, held.reference, sold.reference]
    day = later.departs_at.date()
    assert found(manager, since=day, until=day) == [other.reference]
    assert found(manager, until=day - timedelta(days=1), state="held") == [held.reference]
    narrowed = {"state": "confirmed", "route": network.route.id}
    assert ".csv" not in manager.get(PATH, query_string=narrowed).text
    page = owner.get(PATH, query_string=narrowed).text
    assert f"/agency/bookings.csv?state=confirmed&amp;route={network.route.id}" in page


def test_pages_go_on_behind_the_last_row_whatever_the_order(network: Network, manager: Browser) -> None:
    for seat in range(1, 46):
        hold(network, str(seat))
    for query in ({}, {"trip": network.trip.id}):
        first = manager.get(PATH, query_string=query).text
        behind = re.search(r'href="([^"]+after=[^"]+)"', first)
        assert behind is not None
        second = manager.get(behind[1].replace("&amp;", "&")).text
        pages = [re.findall(r'href="/agency/bookings/(\w{6})"', page) for page in (first, second)]
        assert [len(page) for page in pages] == [40, 5]
        assert len({*pages[0], *pages[1]}) == 45


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"q": "12345"}, "q"),
        ({"q": "<script>"}, "q"),
        ({"q": "a"}, "q"),
        ({"q": "100%"}, "q"),
        ({"seat": "12"}, "seat"),
        ({"seat": "front", "trip": "1"}, "seat"),
        ({"trip": "x"}, "trip"),
        ({"trip": str(2**70)}, "trip"),
        ({"since": "31/02/2026"}, "since"),
        ({"since": "2026-12-02", "until": "2026-12-01"}, "until"),
        ({"since": "2026-12-02", "until": "2027-12-01", "seat": "1"}, "until"),
        ({"route": "987654"}, "route"),
        ({"state": "lost"}, "state"),
        ({"channel": "radio"}, "channel"),
    ],
)
def test_nonsense_is_said_at_its_field(owner: Browser, query: dict[str, str], field: str) -> None:
    answer = owner.get(PATH, query_string=query)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert owner.get(f"{PATH}.csv", query_string=query).status_code == 422


def test_nothing_of_another_agency_is_ever_found(app: Flask, network: Network, gateway: FakeGateway) -> None:
    payer = Payer("+237671234567", "Awa Kamga", "awa@gmail.com")
    booking = sell(network, gateway, "12", "Élise Ngo", payer)
    other = Network.make()
    foreign = staff_browser(app, AgencyRole.OWNER, other.agency)[1]
    asked: list[dict[str, Any]] = [
        {},
        {"q": booking.reference},
        {"q": "671234567"},
        {"q": "awa@gmail.com"},
        {"q": "elise"},
        {"trip": network.trip.id},
        {"trip": network.trip.id, "seat": "12"},
        {"since": network.trip.service_date, "seat": "12"},
        {"state": "confirmed"},
    ]
    for query in asked:
        assert found(foreign, **query) == [], query
        assert booking.reference.encode() not in file_of(foreign, "csv", **query)
    assert foreign.get(PATH, query_string={"route": network.route.id}).status_code == 422
    person = passenger_of(booking)
    pages = [f"/{booking.reference}", f"/{booking.reference}/cancel", f"/{booking.reference}/passengers/{person.id}"]
    assert {foreign.get(PATH + page).status_code for page in pages} == {404}
    deeds = ["/resend", "/cancel", *(f"/passengers/{person.id}/{deed}" for deed in ("name", "name/back", "seat"))]
    fields = {"reason": WHY, "name": "Somebody", "seat": "20", "expected_refund": "4000"}
    assert {foreign.send(f"{PATH}/{booking.reference}{deed}", fields).status_code for deed in deeds} == {404}
    assert (tickets(booking), claims_of(booking)[0][0], passenger_of(booking).name) == (
        [("12", "valid")],
        "12",
        "Élise Ngo",
    )


def test_an_accountant_sees_no_phone_and_cannot_ask_by_one(app: Flask, network: Network, gateway: FakeGateway) -> None:
    booking = sell(network, gateway, "12", "Élise Ngo", Payer("+237671234567", "Awa Kamga", "awa@gmail.com"))
    accountant = staff_browser(app, AgencyRole.ACCOUNTANT, network.agency)[1]
    assert found(accountant, q="kamga") == [booking.reference]
    shown = accountant.get(f"{PATH}/{booking.reference}").text + file_of(accountant, "csv").decode()
    assert "+2376••••567" in shown
    assert not re.search(r"6[ \xa0]?71[ \xa0]?23", shown)
    assert "awa@gmail.com" not in shown
    for typed in ("671234567", "awa@gmail.com"):
        assert accountant.get(PATH, query_string={"q": typed}).status_code == 422


def test_the_files_hold_what_the_page_shows(network: Network, gateway: FakeGateway, owner: Browser) -> None:
    booking = sell(network, gateway, "12", "Élise Ngo", Payer("+237671234567", "Awa"))
    run("UPDATE booking SET payer_name = '=SUM(A1)'")
    line = file_of(owner, "csv", state="confirmed").decode().splitlines()[1]
    assert line.startswith(booking.reference)
    assert "'=SUM(A1)" in line
    assert "'+237671234567" in line
    book = load_workbook(BytesIO(file_of(owner, "xlsx", state="confirmed")))
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[1][0] == booking.reference
    assert rows[1][-1] == booking.total


def test_one_booking_with_all_that_happened_to_it(
    app: Flask, network: Network, gateway: FakeGateway, manager: Browser
) -> None:
    booking = sell(network, gateway, "12", "Élise Ngo", Payer("+237671234567", "Awa Kamga"))
    person = passenger_of(booking)
    here = f"{PATH}/{booking.reference}"
    manager.send(f"{here}/passengers/{person.id}/name", {"name": "Elise Ngo Bassong", "reason": WHY})
    with counted(app) as statements:
        page = manager.get(here, headers={"Accept-Language": "en"})
    assert len(statements) <= STATEMENTS, statements
    said = re.sub(r"<[^>]+>|\s+", " ", page.text)
    in_order = ["Seats held", "Payment attempt", "Money came in", "Booking confirmed", "Name of a passenger changed"]
    places = [said.index(one) for one in in_order]
    assert places == sorted(places)
    assert "Esther Manga" in said
    assert WHY in said
    assert "Message: Ticket" in said
    assert "/t/" not in page.text
    assert "In the books" not in said
    for role, words in ((AgencyRole.OWNER, "In the books"), (AgencyRole.CLERK, "Send the tickets again")):
        browser = staff_browser(app, role, network.agency)[1]
        with counted(app) as statements:
            shown = browser.get(here, headers={"Accept-Language": "en"}).text
        assert len(statements) <= STATEMENTS, statements
        assert words in shown
    assert WHY not in shown  # a clerk sees what was done, not why
    assert staff_browser(app, AgencyRole.BOARDING, network.agency)[1].get(here).status_code == 403


def test_a_held_booking_without_names_and_one_with_a_very_long_story(network: Network, manager: Browser) -> None:
    booking = hold(network, "12")
    page = manager.get(f"{PATH}/{booking.reference}").text
    assert "/resend" not in page
    run(
        "INSERT INTO audit_entry (actor, action, entity, entity_id)"
        " SELECT 'system', 'booking.hold', 'booking', :reference FROM generate_series(1, 400)",
        reference=booking.reference,
    )
    answer = manager.get(f"{PATH}/{booking.reference}", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert len(answer.data) <= 25 * KILOBYTE


def test_the_list_costs_little_and_its_page_is_small(app: Flask, network: Network, manager: Browser) -> None:
    for seat in range(1, 45):
        hold(network, str(seat))
    for query in ({}, {"q": "NGO PAUL"}, {"q": "MARTHE"}, {"trip": network.trip.id, "seat": "12"}):
        with counted(app) as statements:
            page = manager.get(PATH, query_string=query, headers={"Accept-Encoding": "gzip"})
        assert len(statements) <= STATEMENTS, statements
        assert len(page.data) <= 25 * KILOBYTE


def test_six_letters_are_a_reference_when_there_is_one_and_a_name_otherwise(
    network: Network, gateway: FakeGateway, manager: Browser
) -> None:
    marthe = sell(network, gateway, "12", "MARTHE Ngo", Payer("+237671234567"))
    assert found(manager, q="MARTHE") == [marthe.reference]
    other = hold(network, "13")
    run("UPDATE booking SET reference = 'MARTHE' WHERE id = :id", id=other.id)
    assert found(manager, q="marthe") == ["MARTHE"]


def test_tickets_are_sent_again_but_not_for_ever(network: Network, gateway: FakeGateway, manager: Browser) -> None:
    booking = confirm(network, "12", gateway=gateway)
    here = f"{PATH}/{booking.reference}"
    assert "+2376••••567, •••@•••" in manager.get(here).text
    assert manager.send(f"{here}/resend").headers["Location"].endswith("?done=sent")
    assert manager.send(f"{here}/resend").status_code == 429
    assert told(booking) == ["ticket", "ticket"]
    for _ in range(2):
        pass_minutes(3)
        assert manager.send(f"{here}/resend").status_code == 303
    pass_minutes(3)
    assert manager.send(f"{here}/resend").status_code == 429
    pass_minutes(60)
    assert manager.send(f"{here}/resend").status_code == 303
    assert told(booking) == ["ticket"] * 5
    assert len(logged("booking.resend")) == 4


def pass_minutes(minutes: int) -> None:
    """Let minutes pass for the log, whose triggers let nobody else do so."""

    def work() -> None:
        db.session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        db.session.execute(text("UPDATE audit_entry SET at = at - make_interval(mins => :by)"), {"by": minutes})
        db.session.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER USER"))

    in_transaction(work)


def test_a_name_is_changed_and_taken_back(network: Network, gateway: FakeGateway, manager: Browser) -> None:
    booking = sell(network, gateway, "12", "Élise Ngo", Payer("+237671234567"))
    person = passenger_of(booking)
    here = f"{PATH}/{booking.reference}/passengers/{person.id}"
    for fields in ({"name": "", "reason": WHY}, {"name": "Paul", "reason": ""}, {"name": "P4ul", "reason": WHY}):
        assert manager.send(f"{here}/name", fields).status_code == 422
    assert manager.send(f"{here}/name", {"name": "Paul Biloa", "reason": WHY}).status_code == 303
    assert (passenger_of(booking).name, tickets(booking)) == ("Paul Biloa", [("12", "valid")])
    assert found(manager, q="biloa") == [booking.reference]
    assert found(manager, q="elise") == []
    entry = logged("booking.rename")[0]
    assert (entry.reason, "Biloa" in str(entry.after)) == (WHY, False)
    assert "Élise Ngo" in manager.get(here).text
    assert manager.send(f"{here}/name/back").status_code == 303
    assert manager.send(f"{here}/name/back").status_code == 303  # the second time is boring
    assert passenger_of(booking).name == "Élise Ngo"
    assert told(booking) == ["ticket", "changed", "changed"]
    assert findings() == []


def test_a_name_that_is_forgotten_is_found_no_more(network: Network, gateway: FakeGateway, manager: Browser) -> None:
    booking = sell(network, gateway, "12", "Élise Ngo", Payer("+237671234567", "Awa Kamga"))
    run("UPDATE passenger SET name = NULL")
    assert (found(manager, q="elise"), found(manager, q="kamga")) == ([], [booking.reference])
    run("UPDATE booking SET payer_name = NULL")
    assert found(manager, q="kamga") == []


def test_a_passenger_moves_to_a_free_seat(network: Network, gateway: FakeGateway, manager: Browser) -> None:
    booking = confirm(network, "12", "13", gateway=gateway)
    confirm(network, "20", gateway=gateway)
    person = passenger_of(booking)
    here = f"{PATH}/{booking.reference}/passengers/{person.id}"
    for seat, status in (("20", 409), ("13", 409), ("99", 400), ("", 422)):
        assert manager.send(f"{here}/seat", {"seat": seat, "reason": WHY}).status_code in (status, 409), seat
    assert (tickets(booking), told(booking)) == ([("12", "valid"), ("13", "valid")], ["ticket"])
    assert manager.send(f"{here}/seat", {"seat": "30", "reason": WHY}).status_code == 303
    assert manager.send(f"{here}/seat", {"seat": "30", "reason": WHY}).status_code == 303  # the second time is boring
    assert tickets(booking) == [("12", "void"), ("13", "valid"), ("30", "valid")]
    assert {seat for seat, _, state in claims_of(booking)} == {"13", "30"}
    assert (fresh(booking).total, told(booking)) == (8000, ["ticket", "changed"])
    assert findings() == []
    hold(network, "12")


def test_a_seat_given_up_and_taken_by_the_other_one_can_be_cancelled_too(
    network: Network, gateway: FakeGateway, manager: Browser
) -> None:
    booking = confirm(network, "12", "13", gateway=gateway)
    run("UPDATE trip_stop SET departs_at = departs_at + interval '3 days'")
    here = f"{PATH}/{booking.reference}"
    cancelled = {"seat": "12", "expected_refund": "4000", "reason": WHY}
    assert manager.send(f"{here}/cancel", cancelled).status_code == 303
    stays = passenger_of(booking)
    assert manager.send(f"{here}/passengers/{stays.id}/seat", {"seat": "12", "reason": WHY}).status_code == 303
    assert manager.send(f"{here}/cancel", cancelled).status_code == 303
    assert (fresh(booking).state, sum(one.amount for one in refunds()), findings()) == ("cancelled", 8000, [])


def test_cancelling_by_the_rule_shows_and_posts_back_the_amount(
    network: Network, gateway: FakeGateway, manager: Browser
) -> None:
    booking = confirm(network, "12", "13", gateway=gateway)
    run("UPDATE trip_stop SET departs_at = departs_at + interval '3 days'")
    here = f"{PATH}/{booking.reference}/cancel"
    page = manager.get(here, query_string={"seat": "13"}).text
    assert 'name="expected_refund" value="4000"' in page
    assert manager.send(here, {"seat": "13", "expected_refund": "4000", "reason": ""}).status_code == 422
    assert manager.send(here, {"seat": "13", "expected_refund": "x", "reason": WHY}).status_code == 422
    assert manager.send(here, {"seat": "13", "expected_refund": "8000", "reason": WHY}).status_code == 409
    assert manager.send(here, {"seat": "55", "expected_refund": "4000", "reason": WHY}).status_code == 400
    assert refunds() == []
    assert manager.send(here, {"seat": "13", "expected_refund": "4000", "reason": WHY}).status_code == 303
    assert [one.seat for one in get_booking_view(booking.reference).passengers] == ["12"]
    entry = logged("booking.cancel")[0]
    assert (entry.reason, entry.actor.startswith("user:")) == (WHY, True)
    assert [one.reason for one in refunds()] == ["traveller"]
    assert findings() == []


def test_nothing_changes_once_somebody_has_boarded_or_the_bus_has_left(
    network: Network, gateway: FakeGateway, manager: Browser
) -> None:
    booking = confirm(network, "12", "13", gateway=gateway)
    here = f"{PATH}/{booking.reference}/passengers/{passenger_of(booking).id}"
    run("UPDATE ticket SET state = 'boarded', boarded_at = now() WHERE seat = '12'")
    assert manager.send(f"{here}/name", {"name": "Paul", "reason": WHY}).status_code == 409
    assert manager.send(f"{here}/seat", {"seat": "30", "reason": WHY}).status_code == 409
    run("UPDATE trip_stop SET departs_at = now() - interval '1 hour'")
    other = db.session.query(Passenger).filter_by(seat="13").one()
    there = f"{PATH}/{booking.reference}/passengers/{other.id}"
    assert manager.send(f"{there}/seat", {"seat": "30", "reason": WHY}).status_code == 409
    assert (
        manager.send(f"{PATH}/{booking.reference}/cancel", {"expected_refund": "0", "reason": WHY}).status_code == 409
    )
    assert {seat for seat, _, _ in claims_of(booking)} == {"12", "13"}


def test_a_suspended_agency_still_serves_who_has_a_ticket(
    app: Flask, network: Network, gateway: FakeGateway, manager: Browser
) -> None:
    booking = confirm(network, "12", gateway=gateway)
    run("UPDATE agency SET state = 'suspended'")
    run("UPDATE trip_stop SET departs_at = departs_at + interval '3 days'")
    here = f"{PATH}/{booking.reference}"
    assert manager.send(f"{here}/resend").status_code == 303
    assert manager.get(f"{here}/passengers/{passenger_of(booking).id}").status_code == 200
    assert manager.send(f"{here}/cancel", {"expected_refund": "4000", "reason": WHY}).status_code == 303
    assert fresh(booking).state == "cancelled"


def test_more_than_the_rule_is_proposed_and_moves_nothing(
    network: Network, gateway: FakeGateway, manager: Browser
) -> None:
    booking = confirm(network, "12", gateway=gateway)
    here = f"{PATH}/{booking.reference}"
    for amount in ("", "0", "-1", "4000.5", "x", str(2**40)):
        assert manager.send(f"{here}/refund", {"amount": amount, "reason": WHY}).status_code == 422, amount
    assert manager.send(f"{here}/refund", {"amount": "4001", "reason": WHY}).status_code == 409
    assert manager.send(f"{here}/refund", {"amount": "4000", "reason": WHY}).status_code == 303
    assert manager.send(f"{here}/refund", {"amount": "4000", "reason": WHY}).status_code == 409
    said = manager.get(here, headers={"Accept-Language": "en"}).text
    assert "Refund proposed to AuraPark" in said
    assert (refunds(), findings()) == ([], [])
    unpaid = hold(network, "13")
    assert manager.send(f"{PATH}/{unpaid.reference}/refund", {"amount": "1", "reason": WHY}).status_code == 409
