"""Messages about an account: codes, links, and what changed. A secret is made when its message is written, not kept."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask_babel import force_locale

from aurapark import clock
from aurapark.accounts.messages import AccountMessage
from aurapark.accounts.models import OneTimeToken, User
from aurapark.accounts.one_time import code_of, secret_of
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import Channel
from aurapark.notifications.render import Draft, fitting, long_draft, short_draft
from aurapark.notifications.sms import Sms
from aurapark.notifications.words import SHIPPED, Words, find_words
from aurapark.outbox import Work

WITH_SECRET = (AccountMessage.CODE, AccountMessage.RESET)


@dataclass(frozen=True, slots=True)
class Telling:
    """One message, ready to be put into words."""

    message: AccountMessage
    to: str
    language: str
    code: str = ""
    link: str = ""


def write_about_account(work: Work, settings: Settings) -> Sms | Letter | None:
    """Return what to send, None when its time is over or nobody is there to read it."""
    telling = _read(work, settings)
    if telling is None or not telling.to:
        return None
    name = f"{work.created_at:%Y%m%dT%H%M%S}-{telling.message}-{work.id}"
    channel = Channel(work.kind)
    words = find_words(channel, telling.message, telling.language)
    if channel == Channel.SMS:
        text = fitting(draft_telling(telling, channel, chosen).text for chosen in (words, SHIPPED))
        return Sms(name, work.id, telling.to, text, telling.message.value, "")
    draft = draft_telling(telling, channel, words)
    return Letter(
        name=name,
        reference="",
        to=telling.to,
        subject=draft.subject,
        text=draft.text,
        html=draft.html,
        language=telling.language,
        written_at=work.created_at,
        message_id=f"<{name}@{urlsplit(settings.site_url).hostname}>",
    )


def draft_telling(telling: Telling, channel: Channel, words: Words) -> Draft:
    """Return what a message about an account says by a channel."""
    facts = {"message": telling.message, "code": telling.code, "language": telling.language, "link": telling.link}
    with force_locale(telling.language):
        draft = short_draft("account/sms.txt", words, **facts) if channel == Channel.SMS else None
        return draft or long_draft("account/mail", words, **facts)


def _read(work: Work, settings: Settings) -> Telling | None:
    message = AccountMessage(work.payload["account"])
    if "user" in work.payload:
        user = db.session.get(User, work.payload["user"])
        to = (user.phone if work.kind == Channel.SMS else user.email) if user else None
        return Telling(message, to or "", user.language, link=f"{settings.site_url}/login/reset") if user else None
    token = db.session.get(OneTimeToken, work.payload["token"])
    return _of_token(message, token, settings) if token else None


def _of_token(message: AccountMessage, token: OneTimeToken, settings: Settings) -> Telling | None:
    user = db.session.get(User, token.user_id) if token.user_id else None
    language = user.language if user else token.details.get("language", "fr")
    page = f"{settings.site_url}/login/reset"
    if message == AccountMessage.ADDRESS_CHANGED:
        return Telling(message, token.details.get("old", ""), language, link=page)
    if message not in WITH_SECRET:
        return Telling(message, token.sent_to, language, link=page)
    secret = secret_of(token, (settings.secret_key, *settings.secret_key_fallbacks))
    if secret is None or token.used_at is not None or token.expires_at <= clock.now():
        return None
    return Telling(message, token.sent_to, language, code_of(secret), f"{page}/{secret}")
