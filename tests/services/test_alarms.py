"""Mail to the platform's people: forged webhooks once an hour, open cases once a day, nothing without an address."""

import email
from datetime import timedelta
from email import policy
from email.message import EmailMessage

import html5lib
import pytest
from sqlalchemy import text

from aurapark.cases.models import CaseKind
from aurapark.cases.service import open_case
from aurapark.checkout.webhooks import store_forged
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.notifications.alarms import raise_alarms
from aurapark.notifications.relay import send_due
from aurapark.payments.models import Provider
from tests.factories import Network

TO = "ops@aurapark.example"


@pytest.fixture(params=["fr", "en"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"OPERATOR_MAIL": TO, "OPERATOR_LANGUAGE": request.param}


def forge(settings: Settings, *bodies: bytes, ago: timedelta = timedelta(0)) -> None:
    """Somebody sent these without the secret, so long before the hour that is running now."""
    for body in bodies:
        store_forged(Provider.FLUTTERWAVE, body)
        run_sql(
            "UPDATE webhook_event SET received_at = date_trunc('hour', now()) - :ago WHERE received_at > now() - :soon",
            ago=ago,
            soon=timedelta(minutes=1),
        )


def run_sql(statement: str, **values: object) -> None:
    in_transaction(lambda: db.session.execute(text(statement), values))


def letters(settings: Settings) -> list[EmailMessage]:
    paths = sorted((settings.var / "mail").glob("*"))
    return [email.message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]


def test_forged_webhooks_of_an_hour_are_told_once(settings: Settings, network: Network) -> None:
    forge(settings, b"one", b"two", b"three", ago=timedelta(minutes=5))
    assert raise_alarms(settings, 10) == 1
    assert raise_alarms(settings, 10) == 0
    assert send_due(settings, 10) == 1
    (letter,) = letters(settings)
    assert letter["To"] == TO
    assert letter["Subject"].startswith({"fr": "AuraPark : 3 ", "en": "AuraPark: 3 "}[settings.operator_language])
    assert "flutterwave: 3" in letter.get_body(("plain",)).get_content()
    html = letter.get_body(("html",)).get_content()
    html5lib.HTMLParser(strict=True).parse(html)
    assert f'<html lang="{settings.operator_language}">' in html
    assert len(html.encode()) <= 15 * 1024


def test_the_hour_that_runs_is_told_when_it_is_over_and_old_ones_never(settings: Settings, network: Network) -> None:
    forge(settings, b"now", ago=timedelta(0))
    forge(settings, b"long ago", ago=timedelta(hours=30))
    assert raise_alarms(settings, 10) == 0


def test_open_cases_are_told_once_a_day_while_there_are_any(
    settings: Settings, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurapark.notifications.alarms.CASES_FROM", 0)
    in_transaction(lambda: open_case(CaseKind.CHARGE_MISSING, "payment", "17", {}))
    in_transaction(lambda: open_case(CaseKind.UNKNOWN_REFUND, "gateway_refund", "flutterwave:5", {}))
    assert [raise_alarms(settings, 10), raise_alarms(settings, 10)] == [1, 0]
    send_due(settings, 10)
    (letter,) = letters(settings)
    body = letter.get_body(("plain",)).get_content()
    assert "charge_missing: 1" in body
    assert "unknown_refund gateway_refund flutterwave:5" in body


def test_before_the_day_begins_nobody_is_told_of_cases(
    settings: Settings, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurapark.notifications.alarms.CASES_FROM", 24)
    in_transaction(lambda: open_case(CaseKind.CHARGE_MISSING, "payment", "17", {}))
    assert raise_alarms(settings, 10) == 0


def test_what_is_settled_by_the_time_of_sending_is_not_told(
    settings: Settings, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurapark.notifications.alarms.CASES_FROM", 0)
    in_transaction(lambda: open_case(CaseKind.CHARGE_MISSING, "payment", "17", {}))
    assert raise_alarms(settings, 10) == 1
    run_sql("DELETE FROM finance_case")
    assert send_due(settings, 10) == 1
    assert letters(settings) == []


class TestWithoutAnOperator:
    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {}

    @pytest.mark.usefixtures("network")
    def test_nothing_is_written(self, settings: Settings) -> None:
        forge(settings, b"one", ago=timedelta(minutes=5))
        assert raise_alarms(settings, 10) == 0
