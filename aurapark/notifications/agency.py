"""Messages to the people of an agency: invitations, and changes of where its money goes. No secret is kept for them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask_babel import force_locale

from aurapark import clock
from aurapark.accounts.models import AgencyRole, OneTimeToken, User
from aurapark.accounts.one_time import secret_of
from aurapark.agencies.messages import AgencyMessage
from aurapark.agencies.models import Agency
from aurapark.agencies.payout_accounts import number_of, sealer_for
from aurapark.agencies.payout_models import PayoutAccount
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.money import Money
from aurapark.notifications.mail import Letter
from aurapark.notifications.messages import Channel
from aurapark.notifications.render import Draft, fitting, long_draft, short_draft
from aurapark.notifications.sms import Sms
from aurapark.notifications.words import SHIPPED, Words, find_words
from aurapark.outbox import Work
from aurapark.phones import PhoneError, read_phone


@dataclass(frozen=True, slots=True)
class Note:
    """One message, ready to be put into words."""

    message: AgencyMessage
    to: str
    language: str
    agency: Agency
    link: str
    role: AgencyRole | None = None
    ending: str = ""
    paid: Money | None = None
    month: str = ""


def write_about_agency(work: Work, settings: Settings) -> Sms | Letter | None:
    """Return what to send, None when its time is over or nobody is there to read it."""
    note = _read(work, settings)
    if note is None or not note.to:
        return None
    name = f"{work.created_at:%Y%m%dT%H%M%S}-{note.message}-{work.id}"
    channel = Channel(work.kind)
    words = find_words(channel, note.message, note.language)
    if channel == Channel.SMS:
        text = fitting(draft_note(note, channel, chosen).text for chosen in (words, SHIPPED))
        return Sms(name, work.id, note.to, text, note.message.value, "")
    draft = draft_note(note, channel, words)
    return Letter(
        name=name,
        reference="",
        to=note.to,
        subject=draft.subject,
        text=draft.text,
        html=draft.html,
        language=note.language,
        written_at=work.created_at,
        message_id=f"<{name}@{urlsplit(settings.site_url).hostname}>",
    )


def draft_note(note: Note, channel: Channel, words: Words) -> Draft:
    """Return what a message to the people of an agency says by a channel."""
    facts: dict[str, Any] = {
        "message": note.message,
        "agency": note.agency,
        "role": note.role,
        "ending": note.ending,
        "paid": note.paid,
        "month": note.month,
        "language": note.language,
        "link": note.link,
    }
    with force_locale(note.language):
        draft = short_draft("agency/sms.txt", words, **facts) if channel == Channel.SMS else None
        return draft or long_draft("agency/mail", words, **facts)


def _read(work: Work, settings: Settings) -> Note | None:
    if "payout" in work.payload:
        return _about_payout(work, settings)
    if "payout_account" in work.payload:
        return _about_account(work, settings)
    return _invitation(work, settings)


def _about_account(work: Work, settings: Settings) -> Note | None:
    account = db.session.get(PayoutAccount, work.payload["payout_account"])
    agency = db.session.get(Agency, account.agency_id) if account else None
    if account is None or agency is None:
        return None
    to, language = _reader(work, agency, settings)
    link = f"{settings.site_url}/agency/payout-account"
    return Note(AgencyMessage(work.payload["agency"]), to, language, agency, link, ending=account.ending)


def _about_payout(work: Work, settings: Settings) -> Note | None:
    """What was paid does not change any more: it stands in the row."""
    known = work.payload
    agency = db.session.get(Agency, known["agency_id"])
    if agency is None:
        return None
    to, language = _reader(work, agency, settings)
    return Note(
        AgencyMessage.PAID,
        to,
        language,
        agency,
        f"{settings.site_url}/agency/settlements/{known['settlement']}",
        ending=known["ending"],
        paid=Money(known["amount"], known["currency"]),
        month=known["month"],
    )


def _reader(work: Work, agency: Agency, settings: Settings) -> tuple[str, str]:
    """Whom this row is for: an owner, the phone of the account that counted so far, or the agency's own contact."""
    by_sms, language = work.kind == Channel.SMS, agency.languages[0] if agency.languages else "fr"
    if "user" in work.payload:
        user = db.session.get(User, work.payload["user"])
        return ((user.phone if by_sms else user.email) or "", user.language) if user else ("", language)
    if "old" in work.payload:
        old = db.session.get_one(PayoutAccount, work.payload["old"])
        return number_of(old, sealer_for((settings.secret_key, *settings.secret_key_fallbacks))), language
    try:
        return read_phone(agency.phone or ""), language
    except PhoneError:  # a landline, or none
        return "", language


def _invitation(work: Work, settings: Settings) -> Note | None:
    token = db.session.get(OneTimeToken, work.payload["token"])
    if token is None or token.used_at is not None or token.expires_at <= clock.now():
        return None
    secret = secret_of(token, (settings.secret_key, *settings.secret_key_fallbacks))
    agency = db.session.get(Agency, token.details["agency"])
    if secret is None or agency is None:
        return None
    link = f"{settings.site_url}/login/invitation/{secret}"
    role = AgencyRole(token.details["role"])
    return Note(AgencyMessage.INVITATION, token.sent_to, token.details["language"], agency, link, role)
