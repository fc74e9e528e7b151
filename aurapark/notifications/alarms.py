"""Mail to the people who run the platform: forged webhooks, at most once an hour; open cases about money, once a day.

The outbox's unique key is the limit. What a letter says is read when it is sent.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from flask_babel import force_locale
from sqlalchemy import func, select

from aurapark import outbox
from aurapark.cases.models import Case
from aurapark.cases.queries import list_cases
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import Channel
from aurapark.notifications.render import Draft, long_draft
from aurapark.notifications.words import SHIPPED, Words, find_words
from aurapark.outbox import OutboxRow, Work
from aurapark.payments.models import WebhookEvent

HOUR = timedelta(hours=1)
LOOK_BACK = timedelta(hours=24)
CASES_FROM = 6  # o'clock, UTC
MOST_CASES = 20


class Alarm(StrEnum):
    """Something the platform's people must know; also the name of its templates."""

    FORGED_EVENTS = "forged_events"
    OPEN_CASES = "open_cases"


def raise_alarms(settings: Settings, limit: int) -> int:
    """Write the alarms that are due and not yet written; returns how many. Nothing without OPERATOR_MAIL."""
    return in_transaction(lambda: _raise(limit)) if settings.operator_mail else 0


def _raise(limit: int) -> int:
    due = [*_hours_with_forged_events(), *_day_with_open_cases()]
    keys = [key for key, _ in due]
    known = set(db.session.scalars(select(OutboxRow.dedupe_key).where(OutboxRow.dedupe_key.in_(keys))))
    new = [(Channel.MAIL.value, key, payload) for key, payload in due if key not in known][:limit]
    outbox.publish(new)
    return len(new)


def _hours_with_forged_events() -> list[tuple[str, dict[str, Any]]]:
    """Return the whole hours (UTC) of the last day in which somebody sent us a webhook without the secret."""
    hour = func.date_trunc("hour", func.timezone("UTC", WebhookEvent.received_at))
    this_hour = func.timezone("UTC", func.date_trunc("hour", func.timezone("UTC", func.now())))
    forged = select(hour).where(
        WebhookEvent.authentic.is_(False),
        WebhookEvent.received_at >= func.now() - LOOK_BACK,
        WebhookEvent.received_at < this_hour,
    )
    hours = db.session.scalars(forged.distinct().order_by(hour))
    return [_alarm(Alarm.FORGED_EVENTS, since.replace(tzinfo=UTC).isoformat(timespec="minutes")) for since in hours]


def _day_with_open_cases() -> list[tuple[str, dict[str, Any]]]:
    now = db.session.execute(select(func.now())).scalar_one().astimezone(UTC)
    some = now.hour >= CASES_FROM and list_cases()
    return [_alarm(Alarm.OPEN_CASES, now.date().isoformat())] if some else []


def _alarm(alarm: Alarm, since: str) -> tuple[str, dict[str, Any]]:
    return f"operator:{alarm}:{since}", {"alarm": alarm.value, "since": since}


def write_alarm(work: Work, settings: Settings) -> Letter | None:
    """Return the letter, None when there is nothing to report any more or nobody to report it to."""
    alarm, since = Alarm(work.payload["alarm"]), datetime.fromisoformat(work.payload["since"])
    events = _count_forged(since) if alarm == Alarm.FORGED_EVENTS else []
    cases = list(list_cases()) if alarm == Alarm.OPEN_CASES else []
    if not settings.operator_mail or not (events or cases):
        return None
    name = f"{work.created_at:%Y%m%dT%H%M%S}-{alarm}-{work.id}"
    words = find_words(Channel.MAIL, alarm, settings.operator_language)
    draft = draft_alarm(alarm, settings, since=since, events=events, cases=cases, words=words)
    return Letter(
        name=name,
        reference="",
        to=settings.operator_mail,
        subject=draft.subject,
        text=draft.text,
        html=draft.html,
        language=settings.operator_language,
        written_at=work.created_at,
        message_id=f"<{name}@{urlsplit(settings.site_url).hostname}>",
    )


def draft_alarm(
    alarm: Alarm,
    settings: Settings,
    *,
    since: datetime,
    events: list[tuple[str, int]],
    cases: list[Case],
    words: Words = SHIPPED,
) -> Draft:
    """Return what an alarm says: how many events per gateway since an hour began, or which cases."""
    kinds = sorted({case.kind.value for case in cases})
    counted = [(kind, sum(case.kind == kind for case in cases)) for kind in kinds]
    facts = {
        "alarm": alarm,
        "language": settings.operator_language,
        "since": since,
        "until": since + HOUR,
        "events": events,
        "total": sum(count for _, count in events) or len(cases),
        "cases": cases[:MOST_CASES],
        "counted": counted,
        "site": settings.site_url,
    }
    with force_locale(settings.operator_language):
        return long_draft("emails/alarm", words, **facts)


def _count_forged(since: datetime) -> list[tuple[str, int]]:
    when = WebhookEvent.received_at
    counted = select(WebhookEvent.provider, func.count()).where(WebhookEvent.authentic.is_(False))
    within = counted.where(when >= since, when < since + HOUR).group_by(WebhookEvent.provider)
    return sorted((str(row[0]), row[1]) for row in db.session.execute(within))
