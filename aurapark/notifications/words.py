"""The words of a message while it is written: those that were shipped, or what people have put in their place.

Templates say their sentences through `_` and `ngettext`; words that were changed take the place of these two while one
message is rendered. `{{7*7}}` in them is never a template: they are filled by `word_rules.fill` alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import get_locale, get_translations
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape
from sqlalchemy import select

from aurapark.extensions import db
from aurapark.notifications.models import MessageWords
from aurapark.notifications.word_rules import fill


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a template, named by the English that was shipped; `plural` where it has two forms."""

    english: str
    plural: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in the place of shipped sentences, by their English. `told` takes down what a message says."""

    changed: Mapping[str, str] = field(default_factory=dict)
    told: dict[Sentence, None] | None = None

    def functions(self) -> dict[str, Callable[..., str]]:
        """Return what a template says its sentences through; nothing where the shipped words are all there is."""
        if not self.changed and self.told is None:
            return {}
        return {"_": self._one, "gettext": self._one, "ngettext": self._some}

    @pass_eval_context
    def _one(self, context: EvalContext, english: str, /, **values: Any) -> str:
        self._take_down(Sentence(english))
        return self._say(context, english, get_translations().ugettext(english), values)

    @pass_eval_context
    def _some(self, context: EvalContext, english: str, plural: str, num: int, /, **values: Any) -> str:
        self._take_down(Sentence(english, plural))
        locale = get_locale()
        form = english if locale is None or locale.plural_form(num) == "one" else plural
        shipped = get_translations().ungettext(english, plural, num)
        return self._say(context, form, shipped, {"num": num, **values})

    def _say(self, context: EvalContext, key: str, shipped: str, values: dict[str, Any]) -> str:
        text = self.changed.get(key)
        if text is None:
            return (Markup(shipped) if context.autoescape else shipped) % values  # nosec B704  # noqa: S704  our own
        if context.autoescape:
            return Markup(fill(str(escape(text)), values, lambda value: str(escape(value))))  # nosec B704  # noqa: S704  escaped
        return fill(text, values)

    def _take_down(self, sentence: Sentence) -> None:
        if self.told is not None:
            self.told[sentence] = None


SHIPPED = Words()


def find_words(channel: str, message: str, language: str) -> Words:
    """Return the words that count now for a message by a channel (one statement)."""
    newest = select(MessageWords.words).where(
        MessageWords.template == f"{channel}/{message}", MessageWords.language == language
    )
    changed = db.session.scalar(newest.order_by(MessageWords.number.desc()).limit(1))
    return Words(changed) if changed else SHIPPED
