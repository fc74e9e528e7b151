"""Everybody who may come to a door, each with a cookie, and one thing of each kind: for tests of who may do what.

`rewinding(app)` lets any number of requests write, and puts the database back after each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import Flask
from flask_sqlalchemy.session import Session
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import func, update
from sqlalchemy.orm import sessionmaker
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from aurapark.accounts import one_time
from aurapark.accounts.factor_models import Passkey
from aurapark.accounts.models import AgencyRole, Membership, OneTimeToken, PlatformRole, Purpose, User
from aurapark.agencies.models import Agency, AgencyState
from aurapark.booking.models import Booking, Channel
from aurapark.booking.queries import list_passengers
from aurapark.booking.service import Holder
from aurapark.cases.models import Case, CaseKind
from aurapark.cases.service import open_case
from aurapark.checkout.dispute_by_hand import open_by_hand
from aurapark.checkout.refund_proposals import propose_refund
from aurapark.checkout.webhooks import store_event
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.payments.models import Provider, WebhookEvent
from aurapark.references import booking_token, fingerprint, new_visitor_token
from aurapark.settlements.calculate import calculate_settlements
from aurapark.settlements.dispute_models import LineDispute
from aurapark.settlements.models import Settlement, SettlementLine
from aurapark.timetable.holiday_models import Holiday
from tests import refunding
from tests.accounts import browser_of, change_session, make_staff, make_user, session_of
from tests.factories import Network, make_agency, save
from tests.fakes import FakeGateway
from tests.office import give_factor
from tests.paying import write_draft
from tests.stories import HOLD_TERMS, confirm, hold, payments_of, start

Once = Callable[[Callable[[], TestResponse]], TestResponse]
CSRF = "c" * 40
OUTSIDE = "203.0.113.9"
TICKETED = ("booking.calendar", "cancel.ask", "cancel.cancel")  # of a booking that is paid
OF_PAID = "office_deeds."  # what an agency does about one
# Three who give no second factor: it is not set up, is not given yet, was given eleven minutes ago.
FRESH, NOT_SET_UP, NOT_GIVEN, LONG_AGO = "fresh", "not set up", "not given", "long ago"


OF_LINES = ("office_settlements.line", "office_settlements.dispute", "office_settlements.withdraw")
OF_LINES += ("platform_settlements.line", "platform_settlements.accept", "platform_settlements.refuse")


@dataclass
class Person:
    """Somebody who comes to a door: what their browser sends, and what of the addresses is their own."""

    name: str
    headers: dict[str, str]
    csrf_token: str
    user: User | None = None
    own: dict[str, Any] = field(default_factory=dict)


@dataclass
class Cast:
    """Everybody, by name, and a value for every variable of every address, of the first agency and the guest."""

    people: dict[str, Person]
    values: dict[str, Any]
    by_endpoint: dict[str, dict[str, Any]]
    query: dict[str, str]
    gateway: FakeGateway

    def address(self, rule: Rule, person: Person, **changes: Any) -> str:
        """The address of a route, with what is this person's own in it."""
        values = {**self.values, **person.own, **self.by_endpoint.get(rule.endpoint, {})}
        if rule.endpoint in TICKETED or rule.endpoint.startswith(OF_PAID):
            values["reference"] = values["ticketed"]
        values |= changes
        built = rule.build(values, append_unknown=False)
        assert built is not None, f"{rule.rule}: name its variables in tests/security/cast.py"
        return built[1] + self.query.get(rule.endpoint, "")


def make_cast(app: Flask, network: Network) -> Cast:
    """Make everybody and everything, and commit it."""
    agency = network.agency
    visitor = new_visitor_token()
    gateway = FakeGateway()
    guests = hold(network, "12", "13", holder=Holder(Channel.WEB, "fr", fingerprint(visitor)))
    attempt = start(guests, gateway)
    traveller = make_user(name="Traveller")
    travellers = hold(network, "14", holder=Holder(Channel.WEB, "fr", user_id=traveller.id))
    tickets = [confirm(network, seat, gateway=gateway) for seat in ("21", "22")]
    _own(tickets[0].id, visitor_hash=fingerprint(visitor))
    _own(tickets[1].id, visitor_hash=None, user_id=traveller.id)
    clerk = make_staff(AgencyRole.CLERK, agency, name="Clerk")
    staff = {"Cl": clerk}
    for name, role in zip(
        ("Bo", "Ma", "Ac", "Ow"),
        (AgencyRole.BOARDING, AgencyRole.MANAGER, AgencyRole.ACCOUNTANT, AgencyRole.OWNER),
        strict=True,
    ):
        staff[name] = make_staff(role, agency, name=name)
    suspended = make_agency(state=AgencyState.SUSPENDED)
    staff |= {
        "Fo": make_staff(AgencyRole.OWNER, make_agency()),
        "Sc": make_staff(AgencyRole.CLERK, suspended),
        "So": make_staff(AgencyRole.OWNER, suspended),
        "Su": make_staff(PlatformRole.SUPPORT),
        "Fi": make_staff(PlatformRole.FINANCE),
        "Ad": make_staff(PlatformRole.ADMIN),
    }
    people = {
        "An": _person(app, "An"),
        "Gu": _person(app, "Gu", cookie={"visitor": visitor}),
        "Tr": _person(app, "Tr", traveller, own={"reference": travellers.reference, "ticketed": tickets[1].reference}),
        "Ot": _person(app, "Ot", make_user(name="Other")),
        "Di": _person(app, "Di", make_staff(AgencyRole.OWNER, agency), FRESH),
        "Ap": _person(app, "Ap"),
        **{name: _person(app, name, user, FRESH) for name, user in staff.items()},
        "C0": _person(app, "C0", make_staff(AgencyRole.CLERK, agency), NOT_SET_UP),
    }
    ways = {"0": NOT_SET_UP, "1": NOT_GIVEN, "2": LONG_AGO}
    for number, way in ways.items():
        people[f"O{number}"] = _person(app, f"O{number}", make_staff(AgencyRole.OWNER, agency), way)
    for number, way in ways.items():
        people[f"A{number}"] = _person(app, f"A{number}", make_staff(PlatformRole.ADMIN), way)
    disabled = people["Di"].user
    assert disabled is not None
    _disable(disabled.id)
    token = booking_token(HOLD_TERMS.token_key, guests.reference, 1)
    people["Ap"].headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "matrix"}
    invitation, welcome = _invitation(app, agency, people["Ow"])
    reset = _secret(app, Purpose.RESET, user_id=traveller.id, sent_to=traveller.email or "")[1]
    holiday = Holiday(day=date(2026, 2, 11), name_fr="Jeunesse", name_en="Youth")
    save(holiday)
    values = {
        "trip_id": network.trip.id,
        "reference": guests.reference,
        "ticketed": tickets[0].reference,
        "passenger_id": list_passengers(tickets[0])[0].id,
        "tx_ref": attempt.tx_ref,
        "token": token,
        "name": "app.css",
        "layout": "coach",
        "row_id": 1,
        "holiday_id": holiday.id,
        "channel": "sms",
        "message": "ticket",
        "passengers": 2,
        "job": "expire-seats",
        "kind": "email",
        "session_id": people["Tr"].own["session_id"],
        "passkey_id": people["Cl"].own["passkey_id"],
        "agency_id": agency.id,
        "member_id": _membership_of(clerk).id,
        "invitation_id": invitation,
        "user_id": people["Ot"].user.id,  # type: ignore[union-attr]
        **_money_matters(network, gateway),
        **_payout(network),
    }
    secrets = {"sign_in.ask_new_password": reset, "sign_in.reset": reset, "join.ask": welcome, "join.join": welcome}
    of_links: dict[str, dict[str, Any]] = {endpoint: {"secret": secret} for endpoint, secret in secrets.items()}
    of_links |= dict.fromkeys(OF_LINES, _disputed_line(app, clerk))
    paid = payments_of(tickets[0])[0].tx_ref
    leg = f"?from=DLA&to=YAO&date={network.trip.service_date}"
    query = {"payment.come_back": f"?tx_ref={paid}", "checkout.seats": leg, "search.results": leg}
    return Cast(people, values, of_links, query, gateway)


def _person(
    app: Flask,
    name: str,
    user: User | None = None,
    factor: str | None = None,
    *,
    cookie: dict[str, str] | None = None,
    own: dict[str, Any] | None = None,
) -> Person:
    if user is not None and factor in (FRESH, NOT_GIVEN, LONG_AGO):
        give_factor(user)
    browser = browser_of(app, user, second_factor=factor in (FRESH, LONG_AGO))
    mine: dict[str, Any] = {}
    if user is not None:
        if factor == LONG_AGO:
            change_session(browser.token or "", second_factor_at=func.now() - func.make_interval(0, 0, 0, 0, 0, 11))
        mine["session_id"] = session_of(browser.token or "").id
        key = db.session.query(Passkey).filter_by(user_id=user.id).first()
        mine |= {"passkey_id": key.id} if key else {}
    with browser.session_transaction() as session:
        session.update(cookie or {})
        session["csrf_token"] = CSRF
    sent = browser.get_cookie("session")
    assert sent is not None
    signed = URLSafeTimedSerializer(app.secret_key or "", salt="wtf-csrf-token").dumps(CSRF)
    return Person(name, {"Cookie": f"session={sent.value}"}, signed, user, {**mine, **(own or {})})


def _money_matters(network: Network, gateway: FakeGateway) -> dict[str, int]:
    """One of each thing that the platform's money desk looks at: a sale that is disputed, and one that is paid back."""
    disputed, refunded = confirm(network, "23", gateway=gateway), confirm(network, "24", gateway=gateway)
    payment = payments_of(refunded)[0]
    refund = refunding.ask(refunded, 100)
    proposal = propose_refund(payment.id, 50, actor="somebody", reason="for the matrix")
    dispute = open_by_hand(payments_of(disputed)[0].tx_ref, actor="somebody", reason="for the matrix")
    in_transaction(lambda: open_case(CaseKind.CHARGE_MISSING, "charge", "flutterwave/1", {}))
    store_event(Provider.FLUTTERWAVE, b'{"event": "charge.completed", "data": {"id": 1}}')
    known = db.session.query(Case.id).filter_by(kind=CaseKind.CHARGE_MISSING), db.session.query(WebhookEvent.id)
    case_id, event_id = (one.scalar() for one in known)
    ids = {"payment_id": payment.id, "refund_id": refund.id, "proposal_id": proposal.id, "dispute_id": dispute.id}
    return {**ids, "case_id": case_id or 0, "event_id": event_id or 0}


def _payout(network: Network) -> dict[str, int]:
    """A settlement of last month with a payout that waits for a second person."""
    settlement_id, payout_id = write_draft(network.agency.id, make_user().id)
    return {"settlement_id": settlement_id, "payout_id": payout_id}


def _disputed_line(app: Flask, owner: User) -> dict[str, int]:
    """A line of a settlement that is still open, disputed against the rule, so that each way out is there."""
    calculate_settlements(app.config["AURAPARK"], 1000)
    line = db.session.query(SettlementLine).order_by(SettlementLine.ledger_entry_id).first()
    assert line is not None
    settlement = db.session.get_one(Settlement, line.settlement_id)
    values = {"settlement_id": settlement.id, "agency_id": settlement.agency_id, "opened_by": owner.id}
    save(LineDispute(ledger_entry_id=line.ledger_entry_id, reason="for the matrix", **values))
    return {"settlement_id": settlement.id, "entry_id": line.ledger_entry_id}


def _own(booking_id: int, **values: Any) -> None:
    in_transaction(lambda: db.session.execute(update(Booking).where(Booking.id == booking_id).values(values)))


def _membership_of(user: User) -> Membership:
    return db.session.query(Membership).filter_by(user_id=user.id).one()


def _disable(user_id: int) -> None:
    values = {"disabled_at": func.now(), "disabled_reason": "left"}
    in_transaction(lambda: db.session.execute(update(User).where(User.id == user_id).values(values)))


def _invitation(app: Flask, agency: Agency, owner: Person) -> tuple[int, str]:
    assert owner.user is not None
    details = {"agency": agency.id, "role": "clerk", "language": "fr", "by": owner.user.id}
    return _secret(app, Purpose.INVITATION, sent_to="new@example.cm", details=details)


def _secret(app: Flask, purpose: Purpose, **values: Any) -> tuple[int, str]:
    key = app.config["AURAPARK"].secret_key

    def work() -> OneTimeToken:
        return one_time.issue(purpose, key=key, lifetime=one_time.LINK_LIFETIME, **values)

    token = in_transaction(work)
    return token.id, one_time.secret_of(token, (key,)) or ""


def ask(app: Flask, person: Person, method: str, address: str, fields: dict[str, Any] | None = None) -> TestResponse:
    """Let somebody ask, where the method writes with a form of our own: empty, or with these fields. What comes as a
    cookie is not kept.
    """
    sent = fields or {}
    data = {"csrf_token": person.csrf_token, "from": "DLA", "to": "YAO", **sent} if method == "POST" else None
    body: dict[str, Any] = {"json": sent} if address.startswith("/api/") and data else {"data": data}
    client = app.test_client(use_cookies=False)
    answer = client.open(address, method=method, headers=person.headers, environ_base={"REMOTE_ADDR": OUTSIDE}, **body)
    answer.get_data()  # a file that is streamed ends here
    answer.close()
    return answer


@contextmanager
def rewinding(app: Flask) -> Iterator[Once]:
    """Give a function that does something and takes back whatever the site committed meanwhile."""
    bound, original = Session.get_bind, db.session.session_factory
    assert isinstance(original, sessionmaker)
    kept = dict(original.kw)
    db.session.remove()
    with db.engine.connect() as connection:
        Session.get_bind = lambda *_args, **_kwargs: connection  # type: ignore[method-assign]
        original.configure(join_transaction_mode="create_savepoint")

        def once(work: Callable[[], TestResponse]) -> TestResponse:
            outer = connection.begin()
            try:
                return Context().run(work)
            finally:
                outer.rollback()

        try:
            yield once
        finally:
            Session.get_bind = bound  # type: ignore[method-assign]
            original.kw.clear()
            original.kw.update(kept)
