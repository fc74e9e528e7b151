"""Every template of a message: what it says with made-up facts, and the sentences that people may change in it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from flask_babel import force_locale, get_translations

from aurapark.accounts.messages import AccountMessage
from aurapark.accounts.models import AgencyRole
from aurapark.agencies.messages import AgencyMessage
from aurapark.agencies.models import Agency
from aurapark.cases.models import Case, CaseKind
from aurapark.config import Settings
from aurapark.errors import N_, NotFound
from aurapark.money import XAF, Money
from aurapark.notifications import account, agency, alarms
from aurapark.notifications.gsm import ONE_SMS, gsm_length, to_gsm
from aurapark.notifications.messages import CHANNELS, Channel, Message
from aurapark.notifications.models import LANGUAGES
from aurapark.notifications.render import SHORTER, Draft, draft_letter, draft_sms
from aurapark.notifications.specimen import ASKED, PEOPLE, TOKEN, lengthened, list_variants
from aurapark.notifications.word_rules import as_shown, says_something
from aurapark.notifications.words import Sentence, Words

Kind = Message | AccountMessage | AgencyMessage | alarms.Alarm
TO_PEOPLE = (Channel.SMS, Channel.MAIL)
ALWAYS = N_("Always")
WITH_LINK = 5  # the first so many of SHORTER still say the link
PICTURES = {f"8H4KW{seat}MX": "specimen" for seat, _ in PEOPLE}
FORGED = [("flutterwave", 3)]
OPEN = [CaseKind.REVIEW, CaseKind.REFUND_FAILED]


class TemplateNotFound(NotFound):
    sentence = N_("There is no such message.")


@dataclass(frozen=True, slots=True)
class Template:
    """What one message says by one channel."""

    channel: Channel
    message: Kind

    @property
    def name(self) -> str:
        """Return its name: `sms/ticket`."""
        return f"{self.channel}/{self.message}"


@dataclass(frozen=True, slots=True)
class Told:
    """A specimen: in which case it is sent, and what it says then."""

    name: str
    draft: Draft

    @property
    def length(self) -> int:
        """Return how many characters of an SMS it takes."""
        return gsm_length(self.draft.text)


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence that can be changed: its name, which is the English that was shipped, and that in each language."""

    key: str
    shipped: dict[str, str]


def list_templates() -> Iterator[Template]:
    """Yield every template, in the order in which messages can happen."""
    for message in Message:
        yield from (Template(channel, message) for channel in CHANNELS[message])
    for kind in (AccountMessage, AgencyMessage):
        yield from (Template(channel, message) for message in kind for channel in TO_PEOPLE)
    yield from (Template(Channel.MAIL, alarm) for alarm in alarms.Alarm)


def get_template(channel: str, message: str) -> Template:
    """Return a template by its name. Raises TemplateNotFound."""
    found = next((one for one in list_templates() if one.name == f"{channel}/{message}"), None)
    if found is None:
        raise TemplateNotFound
    return found


def list_cases(template: Template, language: str, words: Words, settings: Settings) -> list[Told]:
    """Return what a template says with made-up facts, case by case, an SMS shortened until it fits."""
    return [
        Told(name, next((one for one in drafts if gsm_length(one.text) <= ONE_SMS), drafts[-1]) if short else drafts[0])
        for short in [template.channel == Channel.SMS]
        for name, drafts in _drafts(template, language, words, settings)
    ]


def longest_sms(template: Template, language: str, words: Words, settings: Settings) -> int:
    """Return the length of the longest SMS: with long names, shortened as far as its link allows."""
    if template.channel != Channel.SMS:
        return 0
    return max(
        min(gsm_length(one.text) for one in drafts[:WITH_LINK])
        for _, drafts in _drafts(template, language, words, settings, long=True)
    )


@cache
def list_lines(template: Template, settings: Settings) -> tuple[Line, ...]:
    """Return the sentences of a template that can be changed, in the order in which they are said."""
    told: dict[Sentence, None] = {}
    for _ in _drafts(template, LANGUAGES[0], Words(told=told), settings):
        pass
    lines = [line for sentence in told for line in _lines_of(sentence, template.channel == Channel.SMS)]
    return tuple(line for line in lines if all(map(says_something, line.shipped.values())))


def _lines_of(sentence: Sentence, by_sms: bool) -> Iterator[Line]:
    forms = [(sentence.english, 1), (sentence.plural, 2)] if sentence.plural else [(sentence.english, 0)]
    for key, number in forms:
        shipped = {}
        for language in LANGUAGES:
            with force_locale(language):
                said = get_translations()
                text = said.ungettext(*forms[0][:1], sentence.plural, number) if number else said.ugettext(key)
            shipped[language] = to_gsm(as_shown(text)) if by_sms else as_shown(text)
        yield Line(key, shipped)


def _drafts(
    template: Template, language: str, words: Words, settings: Settings, *, long: bool = False
) -> Iterator[tuple[str, list[Draft]]]:
    """Yield each case by name, with an SMS at every length it may have, longest first."""
    message, channel, site = template.message, template.channel, settings.site_url
    if isinstance(message, Message):
        yield from _about_booking(message, channel, language, words, f"{site}/t/{TOKEN}", long)
    elif isinstance(message, AccountMessage):
        link = f"{site}/login/reset/{'s' * 43}" if long else f"{site}/login/reset"
        telling = account.Telling(message, "", language, "482913", link)
        yield ALWAYS, [account.draft_telling(telling, channel, words)]
    elif isinstance(message, AgencyMessage):
        name = "W" * 30 if long else "Étoile du Wouri"
        owner = Agency(name=f"{name} Voyages", short_name=name)
        link = f"{site}/login/invitation/{'s' * 43}"
        paid = Money(88_000_000 if long else 245_000, XAF)
        note = agency.Note(message, "", language, owner, link, AgencyRole.OWNER, "4516", paid, "11/2026")
        yield ALWAYS, [agency.draft_note(note, channel, words)]
        if message == AgencyMessage.PAID:
            yield N_("Paid outside of the gateway"), [agency.draft_note(replace(note, ending=""), channel, words)]
    else:
        yield ALWAYS, [_alarm(message, language, words, settings)]


def _about_booking(
    message: Message, channel: Channel, language: str, words: Words, link: str, long: bool
) -> Iterator[tuple[str, list[Draft]]]:
    for name, view, about in list_variants(message, language):
        if channel == Channel.SMS:
            facts = lengthened(view, about) if long else (view, about)
            yield name, [draft_sms(message, *facts, link=link, words=words, says=says) for says in SHORTER]
        else:
            yield name, [draft_letter(message, view, about, link=link, content_ids=PICTURES, words=words)]


def _alarm(alarm: alarms.Alarm, language: str, words: Words, settings: Settings) -> Draft:
    forged = alarm == alarms.Alarm.FORGED_EVENTS
    cases = [] if forged else [_case(number, kind) for number, kind in enumerate(OPEN, start=7)]
    spoken = replace(settings, operator_language=language)
    return alarms.draft_alarm(alarm, spoken, since=ASKED, events=FORGED if forged else [], cases=cases, words=words)


def _case(number: int, kind: CaseKind) -> Case:
    return Case(id=number, kind=kind, entity="payment", entity_id="17", opened_at=ASKED)
