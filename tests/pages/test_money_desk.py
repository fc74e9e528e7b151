"""The platform's money desk: numbers that are true, lists that narrow, deeds with a reason and two pairs of eyes."""

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.accounts.models import PlatformRole, User
from aurapark.booking.models import Booking
from aurapark.cases.models import CaseKind, CaseState, Resolution
from aurapark.cases.queries import get_case, list_cases
from aurapark.cases.service import open_case
from aurapark.checkout.refund_outcome import refused
from aurapark.checkout.refund_proposals import get_proposal, propose_refund
from aurapark.checkout.webhooks import store_event, store_forged
from aurapark.database import in_transaction
from aurapark.disputes.queries import get_dispute
from aurapark.extensions import db
from aurapark.ledger.hours import fill_hours
from aurapark.ledger.queries import list_balances
from aurapark.payments.models import Payment, Provider, WebhookEvent
from aurapark.refunds.models import RefundState
from tests.accounts import Browser
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.office import WHY, forget_factor, logged, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.refunding import ask, balance, findings, refunds
from tests.stories import check, confirm, hold, payments_of, start

REASON = {"reason": "asked the payer"}
LISTS = ("/admin/payments", "/admin/events", "/admin/refunds", "/admin/cases", "/admin/disputes")
EVENT = b"""{"event": "charge.completed", "data": {"id": 4711, "tx_ref": "%s", "amount": 4000, "status": "successful",
 "customer": {"fullName": "Awa Ngo Bell", "phone_number": "237671234567", "email": "awa@gmail.com"}}}"""
MANY = """
    INSERT INTO payment (booking_id, attempt, provider, tx_ref, state, expected_amount, currency, failure)
    SELECT booking_id, 1 + n, 'flutterwave', 'AP-MANY-' || n, 'failed', 4000, 'XAF', 'declined'
    FROM payment, generate_series(1, 100) n WHERE id = {payment};
    INSERT INTO refund (payment_id, action, reason, amount, currency, state, requested_by, next_check_at)
    SELECT {payment}, 'many:' || n, 'traveller', 1, 'XAF', 'requested', 'test', now() FROM generate_series(1, 100) n;
    INSERT INTO finance_case (kind, entity, entity_id, details)
    SELECT 'charge_missing', 'charge', 'flutterwave/' || n, '{{"tx_ref": "AP-MANY-1"}}' FROM generate_series(1, 100) n;
    INSERT INTO dispute (provider, gateway_dispute_id, state, next_check_at)
    SELECT 'stripe', 'dp_' || n, 'reported', now() FROM generate_series(1, 100) n;
    INSERT INTO webhook_event (event_key, provider, authentic, tx_ref, body, sha256)
    SELECT 'many:' || n, 'flutterwave', true, (SELECT tx_ref FROM payment WHERE id = {payment}), '{{}}', ''
    FROM generate_series(1, 100) n;
"""


def somebody(app: Flask, role: PlatformRole) -> tuple[User, Browser]:
    return staff_browser(app, role)


@pytest.fixture
def finance(app: Flask) -> Browser:
    return somebody(app, PlatformRole.FINANCE)[1]


@pytest.fixture
def admin(app: Flask) -> Browser:
    return somebody(app, PlatformRole.ADMIN)[1]


@pytest.fixture
def support(app: Flask) -> Browser:
    return somebody(app, PlatformRole.SUPPORT)[1]


@pytest.fixture
def sale(network: Network) -> Booking:
    """A booking for 4,000, a tenth of it commission."""
    return confirm(network)


def payment_of(booking: Booking) -> Payment:
    return payments_of(booking)[0]


def failed_refund(booking: Booking, amount: int = 1000) -> int:
    """A refund that the gateway refused for good."""
    refund = ask(booking, amount)
    later = "UPDATE refund SET state = 'sending', posts = 1, sending_at = now() WHERE id = :id"
    in_transaction(lambda: db.session.execute(text(later), {"id": refund.id}))
    in_transaction(lambda: refused(refund.id, "no such account"))
    return refund.id


def plain(page: str) -> str:
    """The words of a page, with plain spaces."""
    words = re.sub(r"<[^>]+>", " ", page.replace("\u00a0", " ").replace("\u202f", " "))
    return " ".join(words.split())


def test_the_numbers_of_the_first_page_are_those_of_the_books(app: Flask, network: Network, finance: Browser) -> None:
    gateway = FakeGateway()
    booking = confirm(network, gateway=gateway)
    confirm(network, "20")
    parked = start(hold(network, "21"), gateway)
    gateway.charge(parked.tx_ref, 100)  # too little: owed back
    check(parked, gateway)
    finance.send(f"/admin/payments/{payment_of(booking).id}/dispute", REASON)
    for filled in (False, True):
        if filled:
            in_transaction(lambda: fill_hours(patience=timedelta(hours=-2)))
        page = plain(finance.get("/admin/?lang=en").text)
        sums = {one.account.partition(":")[0]: one.amount for one in list_balances()}
        assert f"Held at the gateways {sums['gateway_clearing']:,} FCFA" in page
        assert f"Owed to agencies {-sums['agency_payable']:,} FCFA" in page
        assert f"Owed to payers {-sums['refunds_payable']:,} FCFA" in page
        assert f"Under dispute {sums['dispute_hold']:,} FCFA" in page
        assert f"Our commission {-sums['platform_commission']:,} FCFA" in page
        assert "Today 8,100 FCFA" in page
        assert "Disputes 1 since" in page
        assert "As of" in page


def test_every_number_leads_to_a_list_that_opens(app: Flask, sale: Booking) -> None:
    for role in PlatformRole:
        browser = somebody(app, role)[1]
        page = browser.get("/admin/").text.partition("<main")[2].partition("</main>")[0]
        links = set(re.findall(r'href="(/admin/[^"#]*)"', page))
        assert {"/admin/cases", "/admin/ledger?kind=bank", "/admin/payments?need=stuck"} <= links
        for link in links:
            assert browser.get(link.replace("&amp;", "&")).status_code == 200, link


def test_a_page_costs_the_same_for_one_row_and_for_hundreds(app: Flask, sale: Booking, finance: Browser) -> None:
    payment, event = payment_of(sale), EVENT.replace(b"%s", payment_of(sale).tx_ref.encode())
    store_event(Provider.FLUTTERWAVE, event)
    refund, proposal = ask(sale, 1000), propose_refund(payment.id, 100, actor="user:9", reason=WHY)
    in_transaction(lambda: open_case(CaseKind.REFUND_OVERDUE, "refund", str(refund.id), {"tx_ref": payment.tx_ref}))
    number = list_cases()[0].id
    pages = ["/admin/", "/admin/ledger", *LISTS, f"/admin/payments/{payment.id}", f"/admin/refunds/{refund.id}"]
    pages += [f"/admin/cases/{number}", "/admin/events/1", "/admin/payments?agency=1&state=succeeded&least=1"]
    costs: dict[str, list[int]] = {}
    for many in (False, True):
        if many:
            in_transaction(lambda: db.session.connection().exec_driver_sql(MANY.format(payment=payment.id)))
        for path in pages:
            with counted(app) as statements:
                page = finance.get(path, headers={"Accept-Encoding": "gzip"})
            assert page.status_code == 200, path
            assert len(statements) <= 8, (path, statements)
            assert len(page.data) <= 25 * KILOBYTE, path
            costs.setdefault(path, []).append(len(statements))
    assert {path: few for path, (few, many) in costs.items() if few != many} == {}
    assert get_proposal(proposal.id).amount == 100


@pytest.mark.parametrize("path", LISTS)
def test_nonsense_in_a_filter_is_said_at_its_field(finance: Browser, path: str) -> None:
    wrong = ["since=yesterday", "until=9999-12-31", "after=x", "after=1.99999999999999999999", "since=1&since=2"]
    if path == "/admin/payments":
        wrong += ["state=paid", "agency=x", "agency=-1", "least=a", "most=99999999999", "provider=visa", "need=1"]
        wrong += ["tx_ref=" + "x" * 99, "disposition=APPLIED"]
    if path in ("/admin/refunds", "/admin/cases", "/admin/disputes"):
        wrong += ["state=everything"]
    for query in wrong:
        answer = finance.get(f"{path}?{query}")
        assert answer.status_code == 422, query
        assert 'id="problems"' in answer.text
        if path != "/admin/events":
            assert finance.get(f"{path}.csv?{query}").status_code == 422, query
    assert finance.get("/admin/ledger?kind=all").status_code == 422


def test_payments_are_found_by_what_is_known_of_them(network: Network, finance: Browser) -> None:
    first, second = confirm(network), confirm(network, "20")
    mine, other = payment_of(first), payment_of(second)
    gateway = FakeGateway()
    gateway.charge(start(hold(network, "21"), gateway).tx_ref, 100)
    short = db.session.query(Payment).filter(Payment.id > other.id).one()
    check(short.tx_ref, gateway)
    for query, found in (
        (f"tx_ref={mine.tx_ref}", {mine}),
        (f"gateway_id={other.gateway_tx_id}", {other}),
        (f"reference={first.reference.lower()}", {mine}),
        ("disposition=refund", {short}),
        ("least=101&most=4 000", {mine, other}),
        (f"agency={network.agency.id}&state=succeeded", {mine, other, short}),
        ("provider=stripe", set()),
        ("need=stuck", set()),
        ("since=2021-01-01&until=2021-02-01", set()),
        ("since=2021-01-01", {mine, other, short}),
    ):
        page = finance.get(f"/admin/payments?{query}").text
        assert set(re.findall(r'href="/admin/payments/(\d+)"', page)) == {str(one.id) for one in found}, query
        file = finance.get(f"/admin/payments.csv?{query}&lang=en", buffered=True).data.decode("utf-8-sig")
        assert {row["id"] for row in csv.DictReader(io.StringIO(file))} == {str(one.id) for one in found}, query


def test_pages_of_a_list_hold_every_row_once(app: Flask, sale: Booking, finance: Browser) -> None:
    in_transaction(lambda: db.session.connection().exec_driver_sql(MANY.format(payment=payment_of(sale).id)))
    for path, count in (("/admin/payments", 101), ("/admin/refunds", 100), ("/admin/cases", 100)):
        seen: list[str] = []
        url = path
        while url:
            page = finance.get(url).text
            seen += re.findall(rf'href="{path}/(\d+)"', page)
            more = re.search(r'href="([^"]+)" rel="next"', page)
            url = more[1].replace("&amp;", "&") if more else ""
        assert len(seen) == len(set(seen)) == count, path


def test_a_payment_tells_everything_that_happened(sale: Booking, finance: Browser) -> None:
    payment = payment_of(sale)
    store_event(Provider.FLUTTERWAVE, EVENT.replace(b"%s", payment.tx_ref.encode()))
    ask(sale, 1000)
    page = plain(finance.get(f"/admin/payments/{payment.id}?lang=en").text)
    for words in (
        "Event of the gateway 1",
        "gateway_clearing:flutterwave ← agency_payable:1",
        "Refund 1 asked for 1,000 XAF, cancelled by the traveller",
        "refund due, 1,000 XAF",
        "Could still go back 3,000 XAF",
        "payment.start",
        "refund.request",
    ):
        assert words in page, words
    assert "Awa" not in page
    assert finance.get("/admin/payments/999999999999999999999999").status_code == 404


def test_anybody_of_the_platform_asks_the_gateway_again(app: Flask, sale: Booking) -> None:
    payment = payment_of(sale)
    for role in PlatformRole:
        in_transaction(lambda: db.session.execute(text("UPDATE payment SET next_check_at = now() + interval '1 day'")))
        user, browser = somebody(app, role)
        assert browser.send(f"/admin/payments/{payment.id}/ask", {}).status_code == 422
        assert browser.send(f"/admin/payments/{payment.id}/ask", REASON).status_code == 303
        assert db.session.scalar(text("SELECT next_check_at < now() + interval '1 min' FROM payment"))
        assert logged("payment.check")[-1].actor == f"user:{user.id}"
        db.session.rollback()


def test_events_hide_what_is_personal_and_support_says_why(app: Flask, finance: Browser, support: Browser) -> None:
    store_event(Provider.FLUTTERWAVE, EVENT)
    store_forged(Provider.FLUTTERWAVE, b"<script>alert('+237671234567')</script>")
    numbers = [one.id for one in db.session.query(WebhookEvent).order_by(WebhookEvent.id)]
    for number in numbers:
        page = finance.get(f"/admin/events/{number}").text
        for private in ("Awa", "Ngo", "1234567", "gmail", "<script>alert"):
            assert private not in page
    assert "4711" in finance.get(f"/admin/events/{numbers[0]}").text
    assert "4711" not in support.get(f"/admin/events/{numbers[0]}").text
    assert support.send(f"/admin/events/{numbers[0]}/read", {"reason": ""}).status_code == 422
    assert support.send(f"/admin/events/{numbers[0]}/read", REASON).status_code == 303
    assert "4711" in support.get(f"/admin/events/{numbers[0]}").text
    assert logged("personal.read")[-1].entity == "webhook_event"
    found = finance.get("/admin/events?kind=forged").text
    assert re.findall(r"/admin/events/(\d+)", found) == [str(numbers[1])]


def test_a_refund_paid_by_hand_needs_two_persons_and_a_fresh_factor(
    app: Flask, sale: Booking, finance: Browser, admin: Browser
) -> None:
    number = failed_refund(sale)
    path = f"/admin/refunds/{number}"
    said = {**REASON, "proof": "transfer 77, folder 3"}
    assert finance.send(f"{path}/paid", REASON).status_code == 422
    assert finance.send(f"{path}/approve", REASON).status_code == 409  # nobody has said it yet
    assert finance.send(f"{path}/paid", said).status_code == 303
    refusal = finance.send(f"{path}/approve?lang=en", REASON)
    assert (refusal.status_code, "A second person has to approve this." in refusal.text) == (409, True)
    forget_factor(admin)
    admin.send(f"{path}/approve", REASON)
    assert refunds()[0].state == RefundState.FAILED  # the second factor was asked for
    other = somebody(app, PlatformRole.ADMIN)[1]
    assert other.send(f"{path}/approve", REASON).status_code == 303
    assert (refunds()[0].state, balance("bank")) == (RefundState.SUCCEEDED, -1000)
    again = other.send(f"{path}/approve?lang=en", REASON)  # the second of two is told
    assert (again.status_code, "This refund has not failed." in again.text) == (409, True)
    assert findings() == []


def test_a_refund_is_sent_again_or_taken_back(network: Network, finance: Browser, support: Browser) -> None:
    failed = failed_refund(confirm(network))
    assert support.send(f"/admin/refunds/{failed}/retry", REASON).status_code == 403
    assert finance.send(f"/admin/refunds/{failed}/retry", REASON).status_code == 303
    waiting = ask(confirm(network, "20"), 500)
    assert finance.send(f"/admin/refunds/{waiting.id}/withdraw", REASON).status_code == 303
    assert [one.state for one in refunds()] == [RefundState.REQUESTED, RefundState.CANCELLED]
    assert finance.send(f"/admin/refunds/{waiting.id}/withdraw", REASON).status_code == 409
    assert "Va être envoyé." in support.get("/admin/refunds?state=requested&lang=fr").text
    assert findings() == []


def test_support_proposes_and_finance_approves_a_refund_outside_the_policy(
    sale: Booking, support: Browser, finance: Browser
) -> None:
    path = f"/admin/payments/{payment_of(sale).id}/propose-refund"
    assert support.send(path, {**REASON, "amount": "a lot"}).status_code == 422
    assert support.send(path, {**REASON, "amount": "4001"}).status_code == 409
    assert support.send(path, {**REASON, "amount": "1 000"}).status_code == 303
    assert support.send(path, {**REASON, "amount": "1"}).status_code == 409  # one at a time
    number = db.session.scalar(text("SELECT id FROM refund_proposal"))
    decide = f"/admin/refunds/proposals/{number}"
    assert support.send(f"{decide}/approve", REASON).status_code == 403
    assert finance.send(f"{decide}/withdraw", REASON).status_code == 409  # another one's
    empty = finance.send(f"{decide}/approve", {"reason": ""})
    assert (empty.status_code, f'href="#reason-{number}"' in empty.text) == (422, True)
    assert finance.send(f"{decide}/approve", REASON).status_code == 303
    assert [(one.amount, one.reason) for one in refunds()] == [(1000, "agency")]
    assert finance.send(f"{decide}/decline", REASON).status_code == 409
    assert finance.send("/admin/refunds/proposals/99/approve", REASON).status_code == 404
    assert findings() == []


def test_a_case_is_taken_handed_over_and_the_second_of_two_is_told(
    app: Flask, finance: Browser, support: Browser, admin: Browser
) -> None:
    other_user, other = somebody(app, PlatformRole.FINANCE)
    in_transaction(lambda: open_case(CaseKind.CHARGE_MISSING, "charge", "flutterwave/1", {"amount": 500}))
    number = list_cases()[0].id
    path, seen = f"/admin/cases/{number}", {**REASON, "seen": ""}
    assert support.send(f"{path}/take", seen).status_code == admin.send(f"{path}/take", seen).status_code == 403
    assert finance.send(f"{path}/take", seen).status_code == 303
    late = other.send(f"{path}/take?lang=en", seen)  # both had seen it without an owner
    assert (late.status_code, "Somebody else has taken this case meanwhile." in late.text) == (409, True)
    assert other.send(f"{path}/resolve", {**REASON, "action": "none"}).status_code == 409
    owner = get_case(number).owner
    assert owner is not None
    to = {**REASON, "seen": owner, "to": f"user:{other_user.id}"}
    assert finance.send(f"{path}/hand-over", {**to, "to": "user:999"}).status_code == 422
    assert finance.send(f"{path}/hand-over", to).status_code == 303
    assert [(one.actor, one.after["owner"]) for one in logged("case.take") if one.after] == [
        (owner, owner),
        (owner, f"user:{other_user.id}"),
    ]
    assert "flutterwave/1" in other.get("/admin/cases?owner=mine").text
    assert "flutterwave/1" not in finance.get("/admin/cases?owner=mine").text
    assert other.send(f"{path}/resolve", {**REASON, "action": "none"}).status_code == 303
    db.session.rollback()
    closed = get_case(number)
    assert (closed.state, closed.resolution) == (CaseState.RESOLVED, Resolution.NONE)
    assert other.send(f"{path}/take", {**REASON, "seen": closed.owner or ""}).status_code == 409
    assert "flutterwave/1" in other.get("/admin/cases?state=resolved&kind=difference").text


@pytest.mark.parametrize("action", ["refund", "none", "attach", "win"])
def test_money_under_review_is_decided_on_its_page(network: Network, finance: Browser, action: str) -> None:
    gateway = FakeGateway()
    payment = start(hold(network), gateway)
    gateway.charge(payment.tx_ref, "4000.5")  # cannot be read
    check(payment, gateway)
    case = list_cases()[0]
    answer = finance.send(f"/admin/cases/{case.id}/resolve", {**REASON, "action": action, "reference": "ABCDEF"})
    db.session.rollback()
    expected = (303, CaseState.RESOLVED) if action == "refund" else (422, CaseState.OPEN)
    assert (answer.status_code, get_case(case.id).state) == expected
    assert len(refunds()) == (action == "refund")
    assert findings() == []


@pytest.mark.parametrize(("outcome", "state"), [("won", "won"), ("lost", "lost")])
def test_a_dispute_told_by_mail_is_opened_and_ended_by_hand(
    sale: Booking, finance: Browser, support: Browser, outcome: str, state: str
) -> None:
    payment = payment_of(sale)
    assert support.send(f"/admin/payments/{payment.id}/dispute", REASON).status_code == 403
    assert finance.send(f"/admin/payments/{payment.id}/dispute", {**REASON, "amount": "4001"}).status_code == 400
    assert finance.send(f"/admin/payments/{payment.id}/dispute", {**REASON, "gateway_id": "dp 1"}).status_code == 303
    number = db.session.scalar(text("SELECT id FROM dispute WHERE state = 'open'"))
    assert "4 000" in plain(support.get(f"/admin/disputes/{number}?lang=fr").text)
    assert finance.send(f"/admin/disputes/{number}/{outcome}", {"reason": ""}).status_code == 422
    assert finance.send(f"/admin/disputes/{number}/{outcome}", REASON).status_code == 303
    assert finance.send(f"/admin/disputes/{number}/won", REASON).status_code == 409  # somebody was quicker
    db.session.rollback()
    assert get_dispute(number).state == state
    assert findings() == []


def test_files_of_every_list_hold_what_the_page_holds(sale: Booking, finance: Browser, support: Browser) -> None:
    in_transaction(lambda: db.session.connection().exec_driver_sql(MANY.format(payment=payment_of(sale).id)))
    for path, count in (
        ("/admin/payments", 101), ("/admin/refunds", 100), ("/admin/cases", 100), ("/admin/disputes", 100)
    ):  # fmt: skip
        file = finance.get(f"{path}.csv?lang=en", buffered=True).data.decode("utf-8-sig")
        assert len(list(csv.DictReader(io.StringIO(file)))) == count
        assert finance.get(f"{path}.xlsx", buffered=True).data[:2] == b"PK"
        assert support.get(f"{path}.csv").status_code == 403
        assert f"{path}.csv" not in support.get(path).text
