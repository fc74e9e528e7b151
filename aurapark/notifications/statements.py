"""Messages about statements: one is ready, a line of one is disputed, and what came of that."""

from datetime import date
from urllib.parse import urlsplit

from babel.dates import format_skeleton
from flask_babel import force_locale

from aurapark.accounts.models import User
from aurapark.agencies.models import Agency
from aurapark.agencies.statement_messages import StatementMessage
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.notifications.gsm import ONE_SMS, gsm_length, to_gsm
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import Channel
from aurapark.notifications.render import render
from aurapark.notifications.sms import Sms
from aurapark.outbox import Work

TO_PLATFORM = (StatementMessage.DISPUTED, StatementMessage.DISPUTE_WITHDRAWN)


def write_about_statement(work: Work, settings: Settings) -> Sms | Letter | None:
    """Return what to send, None when nobody is there to read it any more."""
    user, agency = db.session.get(User, work.payload["user"]), db.session.get(Agency, work.payload["of"])
    by_sms = work.kind == Channel.SMS
    to = (user.phone if by_sms else user.email) if user else None
    if user is None or agency is None or not to or user.disabled_at:
        return None
    message = StatementMessage(work.payload["statement"])
    name, link = f"{work.created_at:%Y%m%dT%H%M%S}-{message}-{work.id}", _link(message, work, settings)
    with force_locale(user.language):
        facts = {"message": message, "agency": agency, "language": user.language, **_facts(work, user.language)}
        if by_sms:
            short = link.removeprefix(f"{urlsplit(link).scheme}://")
            text = to_gsm(render("statement/sms.txt", link=short, **facts).strip())
            if gsm_length(text) > ONE_SMS:
                raise ValueError(f"the SMS {message} is longer than {ONE_SMS} characters")
            return Sms(name, work.id, to, text, message.value, "")
        subject, _, text = render("statement/mail.txt", link=link, **facts).strip().partition("\n")
        html = render("statement/mail.html", link=link, **facts)
    return Letter(
        name=name,
        reference="",
        to=to,
        subject=subject,
        text=text.strip() + "\n",
        html=html,
        language=user.language,
        written_at=work.created_at,
        message_id=f"<{name}@{urlsplit(settings.site_url).hostname}>",
    )


def _link(message: StatementMessage, work: Work, settings: Settings) -> str:
    where = "admin" if message in TO_PLATFORM else "agency"
    line = f"/lines/{work.payload['line']}" if "line" in work.payload else ""
    return f"{settings.site_url}/{where}/settlements/{work.payload['settlement']}{line}"


def _facts(work: Work, language: str) -> dict[str, object]:
    year, number = map(int, work.payload["month"].split("-"))
    month = format_skeleton("yMMMM", date(year, number, 1), locale=language)
    return {"month": month, "net": work.payload.get("net"), "amount": work.payload.get("amount")}
