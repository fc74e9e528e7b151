"""Agencies as the platform decides about them: accepted, suspended, on sale again; what goes on meanwhile."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from aurapark import clock
from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.agencies.decisions import activate, suspend
from aurapark.agencies.models import Agency, AgencyState
from aurapark.booking.models import Booking, BookingState
from aurapark.checkout.cancel import cancel_booking
from aurapark.cli import group
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.timetable.errors import TripClosed
from aurapark.timetable.generate import generate_trips
from aurapark.timetable.models import Trip
from tests import stories
from tests.accounts import Browser
from tests.factories import Network, make_agency
from tests.fakes import FakeGateway
from tests.office import WHY, forget_factor, logged, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.pages.test_search import tomorrow


@pytest.fixture
def admin(app: Flask) -> Browser:
    return staff_browser(app, PlatformRole.ADMIN)[1]


def state_of(agency: Agency) -> AgencyState:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(Agency, agency.id).state


def close_down(network: Network) -> None:
    in_transaction(lambda: suspend(network.agency.id, actor="test", reason=WHY))


def test_an_agency_is_accepted_suspended_and_put_on_sale_again(app: Flask, admin: Browser) -> None:
    agency = make_agency(state=AgencyState.PENDING)
    path = f"/admin/agencies/{agency.id}"
    for deed, state in (("activate", "active"), ("suspend", "suspended"), ("activate", "active")):
        assert admin.send(f"{path}/{deed}", {"reason": ""}).status_code == 422
        assert admin.send(f"{path}/{deed}", {"reason": WHY, "state": "pending"}).status_code == 303
        assert state_of(agency) == state
        assert admin.send(f"{path}/{deed}", {"reason": WHY}).status_code == 409
    entries = [logged(action)[0] for action in ("agency.accept", "agency.suspend", "agency.reactivate")]
    assert [(one.before, one.after) for one in entries] == [
        ({"state": "pending"}, {"state": "active"}),
        ({"state": "active"}, {"state": "suspended"}),
        ({"state": "suspended"}, {"state": "active"}),
    ]
    assert {(one.entity_id, one.reason) for one in entries} == {(str(agency.id), WHY)}


def test_who_reads_and_who_decides(app: Flask) -> None:
    agency = make_agency()
    path = f"/admin/agencies/{agency.id}"
    for role in PlatformRole:
        browser, decides = staff_browser(app, role)[1], role == PlatformRole.ADMIN
        for page in ("/admin/", "/admin/agencies", path):
            assert browser.get(page).status_code == 200
        assert browser.get(f"{path}/team").status_code == (403 if role == PlatformRole.FINANCE else 200)
        for deed in ("activate", "suspend", "commission", "team/invitations"):
            assert browser.send(f"{path}/{deed}").status_code == (422 if decides else 403), (role, deed)
        assert browser.get("/admin/agencies/999999").status_code == 404
        if decides:
            forget_factor(browser)
            assert browser.send(f"{path}/suspend", {"reason": WHY}).status_code == 403
    owner = staff_browser(app, AgencyRole.OWNER, agency)[1]
    assert owner.get(path).status_code == owner.send(f"{path}/suspend", {"reason": WHY}).status_code == 404
    assert state_of(agency) == AgencyState.ACTIVE


def test_an_admin_invites_the_first_owner(app: Flask, admin: Browser) -> None:
    agency = make_agency(state=AgencyState.PENDING)
    path = f"/admin/agencies/{agency.id}/team"
    assert admin.send(f"{path}/invitations", {"address": "o@example.cm", "role": "owner"}).status_code == 303
    assert "o@example.cm" in admin.get(path).text
    staff_browser(app, AgencyRole.CLERK, agency)
    member_id = db.session.scalar(text("SELECT max(id) FROM agency_member"))
    assert admin.get(f"{path}/{member_id}").status_code == 200
    assert admin.send(f"{path}/{member_id}/role", {"role": "owner", "reason": WHY}).status_code == 303
    assert admin.send(f"{path}/{member_id}/end", {"reason": WHY}).status_code == 409  # the last owner
    other = make_agency()
    assert admin.send(f"/admin/agencies/{other.id}/team/{member_id}/end", {"reason": WHY}).status_code == 404


def test_an_agency_that_is_not_there_is_not_found_on_every_page(admin: Browser) -> None:
    for agency_id in (0, 999_999, 10**30):
        path = f"/admin/agencies/{agency_id}"
        for page in ("", "/team", "/team/1", "/payout-account"):
            assert admin.get(path + page).status_code == 404, page
        for deed in ("activate", "commission", "team/invitations", "team/1/end", "team/1/role"):
            assert admin.send(f"{path}/{deed}", {"reason": WHY, "role": "clerk"}).status_code == 404, deed
        for deed in ("again", "withdraw"):
            assert admin.send(f"{path}/team/invitations/1/{deed}").status_code == 404


def test_a_commission_counts_for_new_bookings(app: Flask, admin: Browser, network: Network) -> None:
    before = stories.hold(network, "12")
    path = f"/admin/agencies/{network.agency.id}/commission"
    assert admin.send(path, {"percent": "101", "reason": WHY}).status_code == 422
    assert admin.send(path, {"percent": "7", "reason": WHY}).status_code == 303
    db.session.expire_all()
    after = stories.hold(network, "13")
    assert (stories.fresh(before).commission_percent, after.commission_percent) == (10, 7)
    entry = logged("commission.change")[0]
    assert (entry.before, entry.after, entry.reason) == ({"percent": None}, {"percent": 7}, WHY)
    assert admin.send(path, {"percent": "", "reason": WHY}).status_code == 303
    db.session.expire_all()
    assert stories.hold(network, "14").commission_percent == 10


def test_a_suspended_agency_sells_nothing(app: Flask, network: Network) -> None:
    gateway, held = FakeGateway(), stories.hold(network, "12")
    network.add_schedule(clock.now().time())
    close_down(network)
    browser = app.test_client()
    search = f"/trips?from=DLA&to=YAO&date={tomorrow()}&passengers=1"
    assert network.agency.name not in browser.get(search).text
    assert browser.get(f"/api/trips?from=DLA&to=YAO&date={tomorrow()}").json["data"]["trips"] == []
    with pytest.raises(TripClosed):
        stories.hold(network, "13")
    with pytest.raises(TripClosed):
        stories.start(held, gateway)
    assert gateway.opened == []
    assert in_transaction(lambda: generate_trips(clock.today(), 7)) == 0
    in_transaction(lambda: activate(network.agency.id, actor="test", reason=WHY))
    assert stories.start(held, gateway).link
    assert in_transaction(lambda: generate_trips(clock.today(), 7)) == 7


def test_money_under_way_confirms_and_tickets_can_be_cancelled(app: Flask, network: Network) -> None:
    gateway, booking = FakeGateway(), stories.hold(network, "12")
    payment = stories.start(booking, gateway)
    close_down(network)
    gateway.charge(payment.tx_ref, payment.expected_amount)
    stories.check(payment, gateway)
    assert stories.fresh(booking).state == BookingState.CONFIRMED


def test_a_paid_booking_of_a_suspended_agency_is_cancelled_and_paid_back(app: Flask, network: Network) -> None:
    trip = network.add_trip(clock.now() + timedelta(days=3))
    network.trip = trip
    booking = stories.confirm(network, "12")
    close_down(network)
    cancel_booking(booking.reference, expected_refund=booking.total)
    assert stories.fresh(booking).state == BookingState.CANCELLED
    assert db.session.scalar(text("SELECT sum(amount) FROM refund")) == booking.total
    assert db.session.scalar(select(Booking.total).where(Booking.id == booking.id)) == booking.total
    assert db.session.get_one(Trip, trip.id).state == "scheduled"


def test_staff_of_a_suspended_agency_see_it_and_still_read(app: Flask, network: Network) -> None:
    browser = staff_browser(app, AgencyRole.OWNER, network.agency)[1]
    close_down(network)
    for path in ("/agency/", "/agency/team"):
        page = browser.get(path)
        assert page.status_code == 200
        assert 'class="notice error"' in page.text


def test_the_command_lists_and_decides(app: Flask) -> None:
    agency = make_agency(state=AgencyState.PENDING)
    runner, commands = app.test_cli_runner(), group.commands["agency"]
    assert f"{agency.code:<12} pending" in runner.invoke(commands, ["list"]).output
    assert runner.invoke(commands, ["activate", agency.code]).exit_code == 2  # no reason
    for deed, state in (("activate", "active"), ("suspend", "suspended")):
        done = runner.invoke(commands, [deed, agency.code, "--reason", WHY, "--as", "Awa"])
        assert (done.exit_code, state_of(agency)) == (0, state), done.output
    assert runner.invoke(commands, ["suspend", agency.code, "--reason", WHY]).exit_code == 1
    assert runner.invoke(commands, ["suspend", "nobody", "--reason", WHY]).exit_code == 1
    assert logged("agency.suspend")[0].actor == "Awa"


def test_pages_of_agencies_are_light(app: Flask, admin: Browser) -> None:
    agencies = [make_agency() for _ in range(30)]
    for path in (
        "/admin/",
        "/admin/agencies",
        f"/admin/agencies/{agencies[0].id}",
        f"/admin/agencies/{agencies[0].id}/team",
    ):
        with counted(app) as statements:
            page = admin.get(path, headers={"Accept-Encoding": "gzip"})
        assert page.status_code == 200
        assert len(statements) <= 8, statements
        assert len(page.data) <= 25 * KILOBYTE
