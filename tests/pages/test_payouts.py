"""The pages of payouts: prepared on one screen, approved on another; every refusal says what and changes nothing."""

import csv
import io
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook

from aurapark.accounts.models import PlatformRole
from aurapark.config import Settings
from aurapark.payouts.sweep import transfers_for
from tests.accounts import Browser
from tests.factories import Network
from tests.office import WHY, forget_factor, logged, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.paying import NET, Desk, FakeTransfers, make_desk, payouts, states

PREPARE = {"amount": "90 000", "left": str(NET), "how": "transfer", "proof": "", "reason": WHY}


@pytest.fixture
def desk(network: Network, settings: Settings) -> Desk:
    return make_desk(network, settings)


@pytest.fixture
def finance(app: Flask, desk: Desk) -> Browser:
    return staff_browser(app, PlatformRole.FINANCE, email="fin1@example.cm", name="Fin One")[1]


@pytest.fixture
def second(app: Flask, desk: Desk) -> Browser:
    return staff_browser(app, PlatformRole.FINANCE, email="fin2@example.cm", name="Fin Two")[1]


@pytest.fixture
def admin(app: Flask, desk: Desk) -> Browser:
    return staff_browser(app, PlatformRole.ADMIN, email="adm@example.cm", name="Adm")[1]


def path_of(desk: Desk) -> str:
    return f"/admin/settlements/{desk.settlement_id}/payouts"


def newest() -> int:
    return payouts()[-1].id


def test_one_prepares_another_approves_and_the_page_tells_it(desk: Desk, finance: Browser, admin: Browser) -> None:
    page = finance.get(path_of(desk)).text
    assert 'name="left" type="hidden" value="90000"' in page
    answer = finance.send(path_of(desk), PREPARE)
    assert answer.location == f"/admin/payouts/{newest()}?done=prepared"
    address = f"/admin/payouts/{newest()}"
    mine = finance.get(f"{address}?lang=en").text
    assert "A second person has to approve it" in mine
    assert f'formaction="{address}/reject"' in mine
    assert f'action="{address}/approve"' not in mine
    assert f'action="{address}/approve"' in admin.get(address).text
    assert admin.send(f"{address}/approve", {"reason": WHY}).status_code == 303
    assert states() == ["approved"]
    told = admin.get(f"{address}?lang=en&done=approved").text
    for words in ("Prepared", "Fin One", "Approved", "Adm", WHY, "Ask the gateway again", "0000"):
        assert words in told
    assert "670000000" not in told


def test_nobody_approves_their_own_by_any_order_of_clicks(desk: Desk, finance: Browser, second: Browser) -> None:
    finance.send(path_of(desk), PREPARE)
    address = f"/admin/payouts/{newest()}"
    for _tab in range(2):
        refused = finance.send(f"{address}/approve", {"reason": WHY})
        assert refused.status_code == 409
    assert second.send(f"{address}/reject", {"reason": WHY}).status_code == 303
    assert second.send(f"{address}/approve", {"reason": WHY}).status_code == 409
    assert finance.send(f"{address}/approve", {"reason": WHY}).status_code == 409
    assert (states(), logged("payout.approve")) == (["draft"], [])


def test_an_old_second_factor_is_asked_for_again(desk: Desk, finance: Browser, second: Browser) -> None:
    finance.send(path_of(desk), PREPARE)
    forget_factor(second)
    second.send(f"/admin/payouts/{newest()}/approve", {"reason": WHY})
    assert states() == ["draft"]


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"amount": "90001"}, 409, "more than what is left"),
        ({"amount": "0"}, 409, "more than what is left"),
        ({"amount": "many"}, 422, "Enter a whole amount"),
        ({"amount": ""}, 422, "Enter a whole amount"),
        ({"left": "80000"}, 409, "has changed meanwhile"),
        ({"left": "x"}, 409, "has changed meanwhile"),
        ({"how": "cash"}, 422, "Choose one of the list"),
        ({"how": "outside"}, 422, "where the proof is"),
        ({"reason": ""}, 422, "Say why"),
    ],
)
def test_what_cannot_be_prepared_says_why(
    desk: Desk, finance: Browser, changes: dict[str, str], status: int, says: str
) -> None:
    finance.get("/admin/payouts?lang=en")
    refused = finance.send(path_of(desk), {**PREPARE, **changes})
    assert (refused.status_code, states()) == (status, [])
    assert says in refused.text
    assert 'name="left" type="hidden" value="90000"' in refused.text


def test_a_form_sent_twice_prepares_once(desk: Desk, finance: Browser) -> None:
    part = {**PREPARE, "amount": "40000"}
    assert [finance.send(path_of(desk), part).status_code for _ in range(2)] == [303, 409]
    assert states() == ["draft"]


def test_paid_outside_is_booked_with_its_proof(desk: Desk, finance: Browser, admin: Browser) -> None:
    finance.send(path_of(desk), {**PREPARE, "how": "outside", "proof": "Afriland transfer 77"})
    address = f"/admin/payouts/{newest()}"
    answer = admin.send(f"{address}/approve", {"reason": WHY})
    assert answer.location.endswith("done=outside")
    assert "Afriland transfer 77" in admin.get(address).text
    assert (states(), desk.settlement().state) == (["succeeded"], "paid")
    assert "Left to pay" not in finance.get(f"{path_of(desk)}?lang=en").text.partition("</dl>")[2]


def test_asking_again_needs_something_under_way(desk: Desk, finance: Browser, second: Browser) -> None:
    finance.send(path_of(desk), PREPARE)
    address = f"/admin/payouts/{newest()}"
    assert finance.send(f"{address}/ask", {}).status_code == 409
    second.send(f"{address}/approve", {"reason": WHY})
    assert finance.send(f"{address}/ask", {}).status_code == 303


def test_a_failed_one_leads_to_another(desk: Desk, finance: Browser, second: Browser) -> None:
    gateway = FakeTransfers()
    desk.approved()
    from aurapark.payments.gateway import GatewayRefused

    gateway.sending = GatewayRefused("HTTP 400: Please enable IP Whitelisting to access this service")
    desk.drain(gateway)
    page = finance.get(f"/admin/payouts/{newest()}?lang=en").text
    assert "IP Whitelisting" in page
    assert "Another one can be prepared" in page
    assert finance.send(path_of(desk), PREPARE).status_code == 303


class TestTheList:
    @pytest.fixture
    def some(self, desk: Desk) -> list[int]:
        """A draft, one that is rejected, one that is approved."""
        from aurapark.payouts.decide import reject_payout

        first = desk.prepare(10_000)
        reject_payout(first, by=desk.second, reason=WHY)
        return [first, desk.approved(20_000), desk.prepare(30_000, left=70_000)]

    def shown(self, browser: Browser, query: str) -> list[int]:
        page = browser.get(f"/admin/payouts?{query}").text
        return [one.id for one in payouts() if f'href="/admin/payouts/{one.id}"' in page]

    def test_it_is_narrowed_by_state_agency_and_month(self, desk: Desk, finance: Browser, some: list[int]) -> None:
        month = f"{desk.settlement().period_end:%Y-%m}"
        rejected, approved, draft = some
        assert self.shown(finance, "") == some
        assert self.shown(finance, "state=draft") == [draft]
        assert self.shown(finance, "state=rejected") == [rejected]
        assert self.shown(finance, f"state=approved&agency={desk.network.agency.code}") == [approved]
        assert self.shown(finance, "month=2020-01") == []
        assert self.shown(finance, f"after={draft}") == [rejected, approved]
        assert month

    @pytest.mark.parametrize(
        "query", ["state=nonsense", "agency=nobody", "month=13", "month=2026-13", "after=x", "state=draft&state=sent"]
    )
    def test_nonsense_is_said_at_its_field(self, finance: Browser, some: list[int], query: str) -> None:
        for path in ("/admin/payouts", "/admin/payouts.csv"):
            answer = finance.get(f"{path}?{query}")
            assert answer.status_code == 422
            assert 'class="problems' in answer.text or "error-summary" in answer.text
            assert not any(f'href="/admin/payouts/{number}"' in answer.text for number in some)

    def test_files_hold_the_same(self, finance: Browser, some: list[int]) -> None:
        with finance.get("/admin/payouts.csv?lang=en") as file:
            rows: list[Any] = list(csv.reader(io.StringIO(file.get_data().decode("utf-8-sig"))))
        with finance.get("/admin/payouts.xlsx") as file:
            sheet = load_workbook(io.BytesIO(file.get_data())).active
        assert sheet is not None
        assert [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] == some[::-1]
        assert [int(row[0]) for row in rows[1:]] == some[::-1]
        assert [int(row[4]) for row in rows[1:]] == [30_000, 20_000, 10_000]

    def test_pages_are_small_and_take_few_questions(
        self, app: Flask, desk: Desk, finance: Browser, some: list[int]
    ) -> None:
        for path in ("/admin/payouts", f"/admin/payouts/{some[1]}", path_of(desk)):
            with counted(app) as statements:
                answer = finance.get(path)
            assert answer.status_code == 200
            assert len(answer.get_data()) <= 25 * KILOBYTE
            assert len(statements) <= 8, statements


def test_numbers_that_are_not_there_are_not_found(desk: Desk, finance: Browser) -> None:
    for path in ("/admin/payouts/999", f"/admin/payouts/{2**70}", "/admin/settlements/999/payouts"):
        assert finance.get(path).status_code == 404
    for path in ("/admin/payouts/999/approve", "/admin/payouts/999/reject", "/admin/payouts/999/ask"):
        assert finance.send(path, {"reason": WHY}).status_code == 404


def test_the_sandbox_sends_in_development(settings: Settings) -> None:
    assert transfers_for(settings) is not None
