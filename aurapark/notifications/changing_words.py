"""Changing the words of messages: checked whole before anything is kept, every version kept with who and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from aurapark import audit
from aurapark.config import Settings
from aurapark.database import on_constraint
from aurapark.errors import N_, Conflict, Invalid, NotFound
from aurapark.extensions import db
from aurapark.notifications.catalogue import Template, get_template, list_lines, longest_sms
from aurapark.notifications.gsm import ONE_SMS
from aurapark.notifications.messages import Channel
from aurapark.notifications.models import LANGUAGES, MessageWords
from aurapark.notifications.word_rules import NO_ROOM, Fault, find_fault
from aurapark.notifications.words import SHIPPED, Words

CHANGED = "words.change"
VERSIONS_SHOWN = 20
BLANKS = re.compile(r"[ \t\r\n]+")

Typed = Mapping[tuple[str, str], str]  # by language and sentence


class WordsMoved(Conflict):
    sentence = N_("Somebody else has just changed these words. Look at theirs, then change them again.")


class NothingChanged(Invalid):
    sentence = N_("These are the words that count already.")


class VersionNotFound(NotFound):
    sentence = N_("There is no such version of these words.")


class VersionUnfit(Conflict):
    sentence = N_("These words do not fit this message any more.")


on_constraint("uq_message_words_template_language_number", WordsMoved)


@dataclass(slots=True)
class Checked:
    """Words that were typed: what differs from the shipped ones, by language, and what is wrong, by sentence."""

    changed: dict[str, dict[str, str]] = field(default_factory=lambda: {language: {} for language in LANGUAGES})
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)


def list_newest() -> Sequence[MessageWords]:
    """Return the newest version of every template in every language that somebody has changed (one statement)."""
    one = MessageWords
    newest = select(one).ext(distinct_on(one.template, one.language))
    return db.session.scalars(newest.order_by(one.template, one.language, one.number.desc())).all()


def list_versions(template: Template) -> Sequence[MessageWords]:
    """Return the versions of a template in both languages, newest first (one statement)."""
    of_it = select(MessageWords).where(MessageWords.template == template.name)
    return db.session.scalars(of_it.order_by(MessageWords.id.desc()).limit(VERSIONS_SHOWN)).all()


def newest_of(versions: Sequence[MessageWords], language: str) -> tuple[int, dict[str, str]]:
    """Return number and words of the newest version in a language; 0 and none where nobody has changed any."""
    found = next((one for one in versions if one.language == language), None)
    return (found.number, found.words) if found else (0, {})


def check_words(template: Template, typed: Typed, settings: Settings) -> Checked:
    """Say what of typed words differs from the shipped ones, and what is wrong with them; nothing is kept.

    An empty sentence means the shipped one.
    """
    checked = Checked()
    for line in list_lines(template, settings):
        for language, shipped in line.shipped.items():
            text = BLANKS.sub(" ", typed.get((language, line.key), "")).strip()
            if not text or text == BLANKS.sub(" ", shipped).strip():
                continue
            checked.changed[language][line.key] = text
            if fault := find_fault(text, shipped, by_sms=template.channel == Channel.SMS):
                checked.faults[language, line.key] = fault
    if not checked.faults and template.channel == Channel.SMS:
        _check_room(template, checked, settings)
    return checked


def change_words(
    template: Template, changed: Mapping[str, dict[str, str]], *, bases: Mapping[str, int], actor: str, reason: str
) -> None:
    """Keep words that were checked as new versions, in the transaction under way; `bases` are the numbers they are
    based on. Raises NothingChanged; WordsMoved when somebody was quicker."""
    versions = list_versions(template)
    kept = [
        _keep(template, language, words, bases[language], versions, actor, reason)
        for language, words in changed.items()
    ]
    if not any(kept):
        raise NothingChanged


def go_back(template_name: str, language: str, number: int, settings: Settings, *, actor: str, reason: str) -> None:
    """Let an older version count again, 0 for the shipped words, in the transaction under way; it is a version too.

    Raises VersionNotFound, NothingChanged, VersionUnfit when the message has changed since, WordsMoved.
    """
    template = get_template(*template_name.split("/"))
    versions = list_versions(template)
    words = (
        {}
        if number == 0
        else next((one.words for one in versions if (one.language, one.number) == (language, number)), None)
    )
    if words is None or language not in LANGUAGES:
        raise VersionNotFound
    known = {line.key for line in list_lines(template, settings)}
    if (
        not set(words) <= known
        or check_words(template, {(language, key): text for key, text in words.items()}, settings).faults
    ):
        raise VersionUnfit
    base, _ = newest_of(versions, language)
    if not _keep(template, language, words, base, versions, actor, reason):
        raise NothingChanged


def _keep(
    template: Template,
    language: str,
    words: dict[str, str],
    base: int,
    versions: Sequence[MessageWords],
    actor: str,
    reason: str,
) -> bool:
    number, present = newest_of(versions, language)
    if words == present:
        return False
    if number != base:
        raise WordsMoved
    version = {"template": template.name, "language": language, "number": number + 1}
    db.session.add(MessageWords(**version, words=words, written_by=actor, reason=reason))
    db.session.flush()
    before, after = {"version": number, "sentences": len(present)}, {"version": number + 1, "sentences": len(words)}
    entity_id = f"{template.name}:{language}"
    audit.record(CHANGED, "message", entity_id, actor=actor, reason=reason, before=before, after=after)
    return True


def _check_room(template: Template, checked: Checked, settings: Settings) -> None:
    """Find the changed sentences that make an SMS with long names too long, if it does."""
    for language, changed in checked.changed.items():
        if not changed:
            continue
        shipped = longest_sms(template, language, SHIPPED, settings)
        length = longest_sms(template, language, Words(changed), settings)
        if length <= max(ONE_SMS, shipped):
            continue
        for line in list_lines(template, settings):
            if len(changed.get(line.key, "")) > len(line.shipped[language]):
                fault = Fault(NO_ROOM, {"length": length, "most": ONE_SMS})
                checked.faults[language, line.key] = fault
