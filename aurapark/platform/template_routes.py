"""The words of our messages, French and English side by side: the platform reads, admins change; versions stay."""

from collections.abc import Sequence
from typing import Any

from flask import make_response, redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError
from aurapark.notifications import changing_words as changing
from aurapark.notifications.catalogue import Template, get_template, list_cases, list_lines, list_templates, longest_sms
from aurapark.notifications.gsm import ONE_SMS
from aurapark.notifications.models import LANGUAGES, MessageWords
from aurapark.notifications.words import Words
from aurapark.platform.message_names import CHANNEL_NAMES, LANGUAGE_NAMES, name_of
from aurapark.platform.template_forms import GoBackForm, WordsForm, field_name, go_back_form, words_form
from aurapark.settings import current_settings
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("platform_templates", __name__, audience=Audience.PLATFORM, url_prefix="/admin/templates")

EVERYBODY = frozenset(PlatformRole)
ADMIN = frozenset({PlatformRole.ADMIN})
DONE = {
    "changed": N_("The new words count from the next message on."),
    "back": N_("The words of that version count again from the next message on."),
}


@bp.get("", roles=EVERYBODY)
def templates() -> str:
    """Show every message, and which were changed."""
    changed: dict[str, list[MessageWords]] = {}
    for version in changing.list_newest():
        if version.words:
            changed.setdefault(version.template, []).append(version)
    names = {"name_of": name_of, "channels": CHANNEL_NAMES, "languages": LANGUAGE_NAMES}
    return render_template("admin/templates.html", templates=list(list_templates()), changed=changed, **names)


@bp.get("/<channel>/<message>", roles=EVERYBODY)
def template(channel: str, message: str) -> Response:
    """Show a message with made-up facts, and its sentences."""
    found = get_template(channel, message)
    versions = changing.list_versions(found)
    return _show(found, words_form(found, versions), versions)


@bp.post("/<channel>/<message>/preview", roles=ADMIN)
def preview(channel: str, message: str) -> Response:
    """Show a message in words that were typed; nothing is kept. A reason is not needed yet."""
    found = get_template(channel, message)
    versions = changing.list_versions(found)
    form = words_form(found, versions, request.form)
    form.validate()
    form.reason.errors = []
    checked = changing.check_words(found, form.typed, current_settings())
    form.show_faults(checked)
    wrong = bool(problems_of(form))
    return _show(found, form, versions, words=None if wrong else checked.changed, status=422 if wrong else 200)


@bp.post("/<channel>/<message>", roles=ADMIN, step_up=True)
def change(channel: str, message: str) -> Response:
    """Keep new words."""
    found, who = get_template(channel, message), require_identity()
    versions = changing.list_versions(found)
    form = words_form(found, versions, request.form)
    valid = form.validate()
    checked = changing.check_words(found, form.typed, current_settings())
    form.show_faults(checked)
    if not valid or checked.faults:
        return _show(found, form, versions, status=422)
    because = {"bases": form.based_on, "actor": who.actor, "reason": form.reason.data}
    try:
        in_transaction(lambda: changing.change_words(found, checked.changed, **because))
    except DomainError as error:
        return _show(found, form, changing.list_versions(found), status=error.status, problem=sentence_of(error))
    return redirect(f"/admin/templates/{found.name}?done=changed", 303)


@bp.post("/<channel>/<message>/back", roles=ADMIN, step_up=True)
def go_back(channel: str, message: str) -> Response:
    """Let an older version count again, or the words that were shipped."""
    found, who = get_template(channel, message), require_identity()
    versions = changing.list_versions(found)
    form = go_back_form(_choices(versions), request.form)
    if not form.validate():
        return _show(found, words_form(found, versions), versions, back=form, status=422)
    language, _, number = form.version.data.partition(":")
    because = {"actor": who.actor, "reason": form.reason.data}
    try:
        in_transaction(lambda: changing.go_back(found.name, language, int(number), current_settings(), **because))
    except DomainError as error:
        shown = words_form(found, versions)
        return _show(found, shown, versions, back=form, status=error.status, problem=sentence_of(error))
    return redirect(f"/admin/templates/{found.name}?done=back", 303)


def _show(
    found: Template,
    form: WordsForm,
    versions: Sequence[MessageWords],
    *,
    words: dict[str, dict[str, str]] | None = None,
    back: GoBackForm | None = None,
    status: int = 200,
    problem: str = "",
) -> Response:
    settings = current_settings()
    shown = words or {language: changing.newest_of(versions, language)[1] for language in LANGUAGES}
    spoken = {language: Words(shown[language]) for language in LANGUAGES}
    problems = [Problem(problem)] if problem else problems_of(back or form)
    page = render_template(
        "admin/template.html",
        template=found,
        name=name_of(found.message),
        channel=CHANNEL_NAMES[found.channel],
        languages=LANGUAGE_NAMES,
        cases={language: list_cases(found, language, spoken[language], settings) for language in LANGUAGES},
        longest={language: longest_sms(found, language, spoken[language], settings) for language in LANGUAGES},
        most=ONE_SMS,
        lines=list_lines(found, settings),
        field_name=field_name,
        preview=words is not None,
        form=form,
        back=back or go_back_form(_choices(versions)),
        versions=versions,
        may=require_identity().platform_role == PlatformRole.ADMIN,
        problems=problems,
        done=done_words(DONE),
    )
    return make_response(page, status)


def _choices(versions: Sequence[MessageWords]) -> list[tuple[str, Any]]:
    shipped = [
        (f"{language}:0", gettext("%(language)s, as shipped", language=LANGUAGE_NAMES[language]))
        for language in LANGUAGES
    ]
    kept = [
        (
            f"{one.language}:{one.number}",
            gettext("%(language)s, version %(number)s", language=LANGUAGE_NAMES[one.language], number=one.number),
        )
        for one in versions
    ]
    return [*shipped, *kept]
