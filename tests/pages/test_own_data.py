"""My data and its end: the export holds only mine; after erasing, name, phone and e-mail are nowhere any more."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, text

from aurapark.accounts.models import AgencyRole, User
from aurapark.accounts.passwords import hash_password
from aurapark.booking.models import Booking, Passenger
from aurapark.checkout.cancel import cancel_booking, get_cancel_offer
from aurapark.checkout.dispute_by_hand import open_by_hand
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.jobs.models import Source
from aurapark.jobs.runs import run_job
from aurapark.notifications.relay import send_due
from aurapark.payments.models import WebhookEvent
from aurapark.references import booking_token
from aurapark.travellers import forget
from aurapark.travellers.erase import Against, list_obstacles
from aurapark.travellers.own_data import collect_own_data
from aurapark.travellers.rules import KEEP_EVENTS, KEEP_NETWORK, KEEP_PAID, KEEP_UNPAID
from tests.accounts import Browser, browser_of, make_staff, make_user
from tests.factories import Network, save
from tests.pages.test_budgets import counted
from tests.pages.test_trips import change, leave, own
from tests.stories import HOLD_TERMS, PAYER, confirm, fresh, hold, payments_of

PASSWORD = "une phrase de passe"
NAME, PHONE, EMAIL = "Zoé Quartz", "+237699887766", "zoe.quartz@example.cm"
MINE = ("Zoé", "Quartz", "ZOÉ", "QUARTZ", "99887766", "zoe.quartz")


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
def zoe(app: Flask, password_hash: str) -> User:
    """Somebody whose name, phone and e-mail nobody else has."""
    proved = {"phone_verified_at": func.now(), "email_verified_at": func.now()}
    return make_user(name=NAME, phone=PHONE, email=EMAIL, password_hash=password_hash, **proved)


def name(booking: Booking, passenger: str = NAME) -> Booking:
    """This booking was paid by Zoé, for this passenger."""
    change(booking, payer_name=NAME, payer_phone=PHONE, payer_email=EMAIL.upper(), network="192.0.2.0/24")
    in_transaction(lambda: db.session.query(Passenger).filter_by(booking_id=booking.id).update({"name": passenger}))
    return fresh(booking)


def dump() -> str:
    """The whole database as text, the bytes of events decoded."""
    db.session.rollback()
    tables = db.session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    rows = [db.session.scalars(text(f"SELECT t::text FROM {table} t")).all() for table in tables]  # noqa: S608
    events = db.session.scalars(text("SELECT convert_from(body, 'UTF8') FROM webhook_event")).all()
    return "\n".join([*map(str, rows), *events])


def left_of(found: str) -> list[str]:
    """What of Zoé is in this text."""
    return [word for word in MINE if word in found]


def erase(browser: Browser, password: str = PASSWORD) -> Any:
    return browser.send("/account/erase", {"password": password})


def test_the_export_holds_only_mine_where_two_share_a_trip(app: Flask, network: Network, zoe: User) -> None:
    ben = make_user(name="Ben Fouda", email="ben@example.cm")
    mine, his = name(own(network, zoe, "12")), own(network, ben, "13")
    browser_of(app, ben)
    browser = browser_of(app, zoe)
    answer = browser.get("/account/data.json")
    found = json.loads(answer.text)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert [one["reference"] for one in found["bookings"]] == [mine.reference]
    assert found["bookings"][0]["passengers"] == [{"seat": "12", "name": NAME, "category": "adult"}]
    assert found["account"]["email"] == EMAIL
    assert len(found["sessions"]) == 1
    for said in (answer.text, browser.get("/account/data").text):
        assert mine.reference in said.replace("\u00a0", "").replace(" ", "")
        assert not [
            word for word in (his.reference, "Fouda", "ben@", PAYER.phone) if word in said.replace("\u00a0", "")
        ]


def test_the_export_opens_nothing(app: Flask, network: Network, zoe: User) -> None:
    booking = name(own(network, zoe, "12"))
    browser = browser_of(app, zoe)
    said = browser.get("/account/data.json").text
    secrets = [browser.token, zoe.password_hash, booking.token_hash, booking.visitor_hash]
    secrets.append(booking_token(HOLD_TERMS.token_key, booking.reference, 1))
    assert not [secret for secret in secrets if secret and secret in said]


def test_the_export_costs_the_same_for_one_and_for_many(app: Flask, network: Network, zoe: User) -> None:
    costs = []
    for seats in (["12"], ["13", "14", "15"]):
        for seat in seats:
            own(network, zoe, seat)
        with counted(app) as statements:
            collect_own_data(zoe.id)
        costs.append(len(statements))
    assert costs[0] == costs[1] <= 12


def test_after_erasing_nothing_of_the_person_is_in_the_database(
    app: Flask, network: Network, zoe: User, settings: Settings
) -> None:
    mine, guest = name(own(network, zoe, "12")), name(confirm(network, "13"))
    others = make_user(name="Ben Fouda")
    his = own(network, others, "14")
    cancelled = name(own(network, zoe, "15"))
    body = json.dumps({"customer": {"name": NAME, "phone_number": PHONE, "email": EMAIL}}, ensure_ascii=False).encode()
    tx_ref = db.session.scalar(text("SELECT tx_ref FROM payment WHERE booking_id = :id"), {"id": mine.id})
    event = {"event_key": "e1", "provider": "flutterwave", "authentic": True, "effect": "applied", "sha256": "0" * 64}
    save(WebhookEvent(**event, tx_ref=tx_ref, body=body, processed_at=func.now()))
    browser, elsewhere = browser_of(app, zoe), browser_of(app, zoe)
    browser.send("/login/code", {"address": EMAIL})
    browser.send("/account/email", {"address": "zoe.quartz@other.cm", "password": PASSWORD})
    send_due(settings, 50)
    leave(network)
    assert set(left_of(dump())) >= {"Zoé", "Quartz", "99887766", "zoe.quartz"}
    books = db.session.execute(text("SELECT l::text FROM ledger_entry l ORDER BY id")).all()
    assert cancelled.state == "confirmed"
    assert erase(browser).headers["Location"] == "/login?done=erased"
    assert left_of(dump()) == []
    assert db.session.execute(text("SELECT l::text FROM ledger_entry l ORDER BY id")).all() == books
    for one in (mine, guest):
        kept = fresh(one)
        assert (kept.user_id, kept.state, kept.total, kept.payer_phone) == (zoe.id, "confirmed", 4000, None)
    assert fresh(his).payer_phone == PAYER.phone
    assert (browser.get("/account").status_code, elsewhere.get("/account").status_code) == (303, 303)
    assert browser_of(app).send("/login", {"address": EMAIL, "password": PASSWORD}).status_code == 422
    token = booking_token(settings.secret_key, mine.reference, 1)
    assert browser_of(app).get(f"/t/{token}").status_code == 404
    entry = db.session.execute(text("SELECT actor, entity_id FROM audit_entry WHERE action = 'user.erase'")).one()
    assert entry == (f"user:{zoe.id}", str(zoe.id))
    send_due(settings, 50)
    assert left_of(dump()) == []


def test_erasing_asks_for_the_password(app: Flask, network: Network, zoe: User) -> None:
    browser = browser_of(app, zoe)
    assert browser.get("/account/erase").status_code == 200
    assert erase(browser, "une autre phrase").status_code == 422
    assert erase(browser, "").status_code == 422
    assert browser.post("/account/erase", data={"password": PASSWORD}).status_code == 400
    assert db.session.get(User, zoe.id, populate_existing=True).erased_at is None


def test_what_is_to_come_stands_against_erasing(app: Flask, network: Network, zoe: User) -> None:
    trip, held, guest = own(network, zoe, "12"), hold(network, "13"), name(confirm(network, "14"))
    change(held, user_id=zoe.id)
    browser = browser_of(app, zoe)
    expected = {(Against.TRIP, trip.reference), (Against.PAYING, held.reference), (Against.TRIP, guest.reference)}
    assert {(one.kind, one.reference) for one in list_obstacles(zoe.id)} == expected
    answer = erase(browser)
    assert answer.status_code == 409
    assert trip.reference in answer.text
    cancel_booking(trip.reference, expected_refund=get_cancel_offer(trip.reference, ["12"]).refund.amount)
    kinds = {one.kind for one in list_obstacles(zoe.id) if one.reference == trip.reference}
    assert kinds == {Against.MONEY}
    assert fresh(guest).user_id is None


def test_money_that_others_decide_about_says_whom_to_wait_for(app: Flask, network: Network, zoe: User) -> None:
    review, disputed = own(network, zoe, "12"), own(network, zoe, "13")
    leave(network)
    parked = text("UPDATE payment SET disposition = 'review', disposition_reason = 'withdrawn' WHERE booking_id = :id")
    in_transaction(lambda: db.session.execute(parked, {"id": review.id}))
    open_by_hand(payments_of(disputed)[0].tx_ref, amount=4000, actor="ada", reason="the bank wrote")
    found = [(one.kind, one.reference) for one in list_obstacles(zoe.id)]
    assert found == [(Against.REVIEW, review.reference), (Against.DISPUTE, disputed.reference)]
    page = browser_of(app, zoe).get("/account/erase").text
    assert "doit décider d’un paiement" in page
    assert "retirez la contestation" in page


def test_staff_give_their_role_back_first(app: Flask) -> None:
    clerk = make_staff(AgencyRole.CLERK, password_hash=hash_password(PASSWORD))
    assert [one.kind for one in list_obstacles(clerk.id)] == [Against.ROLE]
    assert erase(browser_of(app, clerk)).status_code == 409


def test_erasing_that_stopped_on_the_way_is_taken_up_and_a_second_time_does_nothing(
    app: Flask, network: Network, zoe: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seat in ("12", "13", "14"):
        name(own(network, zoe, seat))
    leave(network)
    browser = browser_of(app, zoe)

    def killed(_ids: list[int]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(forget, "_clean", killed)
        with pytest.raises(KeyboardInterrupt):
            erase(browser)
    assert left_of(dump())
    assert run_job("forget-people", settings, Source.COMMAND).processed == 3
    assert left_of(dump()) == []
    before = dump()
    assert forget.clean_erased(zoe.id) == 0
    assert forget.forget_people(settings, 100) == 0
    assert browser_of(app).send("/account/erase", {"password": PASSWORD}).status_code == 303
    assert dump().count("user.erase") == before.count("user.erase") == 1


def test_what_guests_gave_goes_when_its_time_has_come(network: Network, settings: Settings) -> None:
    unpaid, paid, young, ahead = (
        hold(network, "12"),
        confirm(network, "13"),
        confirm(network, "14"),
        hold(network, "15"),
    )
    leave(network)
    for booking, age in ((unpaid, KEEP_UNPAID), (paid, KEEP_PAID), (young, KEEP_NETWORK), (ahead, timedelta(0))):
        name(booking)
        change(booking, created_at=func.now() - age - timedelta(minutes=1))
    change(unpaid, hold_expires_at=func.now() - timedelta(days=29))
    assert forget.forget_people(settings, 100) == 2
    assert [fresh(one).payer_phone for one in (unpaid, paid, young, ahead)] == [None, None, PHONE, PHONE]
    assert [fresh(one).network for one in (unpaid, paid, young, ahead)] == [None, None, None, "192.0.2.0/24"]
    assert forget.forget_people(settings, 100) == 0


def test_the_text_of_events_goes_and_that_they_came_stays(app: Flask, settings: Settings) -> None:
    for key, age, done in (("old", KEEP_EVENTS, True), ("young", timedelta(0), True), ("waiting", KEEP_EVENTS, False)):
        came = func.now() - age - timedelta(minutes=1)
        shape = {"provider": "flutterwave", "authentic": True, "sha256": "0" * 64, "body": b"{}", "received_at": came}
        save(WebhookEvent(event_key=key, processed_at=func.now() if done else None, **shape))
    assert forget.forget_people(settings, 100) == 1
    found = dict(db.session.execute(text("SELECT event_key, length(body) FROM webhook_event")).all())
    assert found == {"old": 0, "young": 2, "waiting": 2}


@pytest.mark.parametrize("path", ["/account/data", "/account/data.json", "/account/erase"])
def test_without_signing_in_there_is_no_data(app: Flask, path: str) -> None:
    answer = browser_of(app).get(path)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/login")
