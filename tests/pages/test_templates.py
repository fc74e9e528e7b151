"""Words of messages: read by the platform, changed by an admin with a reason, checked whole, undone; used at once."""

import email
import email.policy
import html
import re
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.accounts.models import PlatformRole
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.notifications.catalogue import get_template, list_lines, list_templates
from aurapark.notifications.changing_words import change_words
from aurapark.notifications.models import MessageWords
from aurapark.platform.message_names import NAMES
from aurapark.platform.template_forms import field_name
from tests.accounts import Browser
from tests.factories import Network
from tests.office import WHY, forget_factor, logged, post_of, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.stories import confirm, race

SENT = "AuraPark: ticket %(reference)s. %(start)s-%(end)s %(day)s %(time)s, %(seats)s."
PATH = "/admin/templates/sms/ticket"


@pytest.fixture
def admin(app: Flask) -> Browser:
    browser = staff_browser(app, PlatformRole.ADMIN)[1]
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def fields_of(browser: Browser, path: str = PATH) -> dict[str, str]:
    """What the form on the page would send."""
    page = browser.get(path).text
    areas = re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', page, re.DOTALL)
    hidden = re.findall(r'<input id="\w\w-version" name="(\w\w-version)" type="hidden" value="(\d+)">', page)
    return {name: html.unescape(value) for name, value in (*areas, *hidden)}


def named(settings: Settings, language: str, english: str = SENT, template: str = "sms/ticket") -> str:
    """The name of a sentence's field."""
    lines = list_lines(get_template(*template.split("/")), settings)
    return field_name(language, next(line for line in lines if line.key == english))


def versions() -> list[MessageWords]:
    db.session.rollback()
    return list(db.session.query(MessageWords).order_by(MessageWords.id))


def test_new_words_go_out_with_the_next_message_and_go_back(
    app: Flask, network: Network, settings: Settings, admin: Browser
) -> None:
    post, fields = post_of(settings), fields_of(admin)
    confirm(network, "12")
    assert post()[0][1].startswith("AuraPark : billet")
    new = "Bon voyage {seats}! {reference} {start}>{end} {day} {time} {{7*7}} {a.__class__} %s %(day)s ${}"
    name = named(settings, "fr")
    shown = admin.send(f"{PATH}/preview", {**fields, name: new})
    assert "Nothing is kept yet" in shown.text
    assert "Bon voyage" in shown.text
    assert versions() == []
    answer = admin.send(PATH, {**fields, name: new, "reason": WHY})
    assert answer.headers["Location"].endswith("?done=changed")
    [version] = versions()
    assert (version.template, version.language, version.number, version.words) == ("sms/ticket", "fr", 1, {SENT: new})
    entry = logged("words.change")[0]
    assert (entry.entity_id, entry.reason, entry.before["version"], entry.after["version"]) == (
        "sms/ticket:fr",
        WHY,
        0,
        1,
    )
    confirm(network, "14")
    [told] = [said for _, said in post() if said.startswith("Bon")]
    filled = r"Bon voyage (1 siège|siège 14)! \w{6} Douala[^>]*>\w+ .* {{7\*7}} {a.__class__} %s %\(day\)s \${}"
    assert re.match(filled, told)
    back = admin.send(f"{PATH}/back", {"back-version": "fr:0", "back-reason": WHY})
    assert back.headers["Location"].endswith("?done=back")
    assert [one.words for one in versions()] == [{SENT: new}, {}]
    assert admin.send(f"{PATH}/back", {"back-version": "fr:1", "back-reason": WHY}).status_code == 303
    assert versions()[-1].words == {SENT: new}
    for wrong in ("fr:1", "fr:9", "de:0", "fr:x", ""):
        answer = admin.send(f"{PATH}/back", {"back-version": wrong, "back-reason": WHY})
        assert answer.status_code == (400 if wrong == "fr:1" else 422), wrong
    assert len(versions()) == 3


def test_html_in_words_and_names_stays_text(app: Flask, network: Network, settings: Settings, admin: Browser) -> None:
    path = "/admin/templates/mail/ticket"
    name = named(settings, "fr", "Your booking, with the QR codes, on any device:", "mail/ticket")
    luggage = named(settings, "fr", "Luggage up to %(kg)d kg is free.", "mail/ticket")
    words = {name: "<script>alert(1)</script>", luggage: "<b>{kg}</b> & {{kg}}"}
    assert admin.send(path, {**fields_of(admin, path), **words, "reason": WHY}).status_code == 303
    page = admin.get(path).text
    assert "<script>alert" not in page
    assert "<b>15</b>" not in page
    confirm(network, "12")
    post_of(settings)()
    [mail] = list((settings.var / "mail").glob("*.eml"))
    letter = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    assert "<b>15</b> & {15}" in letter.get_body(("plain",)).get_content()
    body = letter.get_body(("html",)).get_content()
    assert "&lt;b&gt;15&lt;/b&gt; &amp; {15}" in body


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("{reference} {start} {end} {day} {time} {seats} {price}", "{price} is not known here"),
        ("{reference} {start} {end} {day} {seats}", "{time} is missing"),
        ("{reference} {start} {end} {day} {time} {seats} ê", "at character 48"),
        ("{reference} {start} {end} {day} {time} {seats} " + "x" * 120, "does not fit into one SMS"),
        ("x" * 500, "at most 400"),
    ],
)
def test_bad_words_are_refused_where_they_stand(settings: Settings, admin: Browser, typed: str, said: str) -> None:
    fields, name, other = fields_of(admin), named(settings, "fr"), named(settings, "en")
    for path in (PATH, f"{PATH}/preview"):
        answer = admin.send(path, {**fields, name: typed, other: fields[other] + " More.", "reason": WHY})
        assert answer.status_code == 422
        wrong = re.search(rf'<p class="wrong" id="{name}-error">(.*?)</p>', answer.text, re.DOTALL)
        assert wrong is not None
        assert said in html.unescape(wrong[1])
        assert f'id="{other}-error"' not in answer.text
    assert versions() == []


def test_what_is_missing_or_stale_is_refused(settings: Settings, admin: Browser) -> None:
    fields, name = fields_of(admin), named(settings, "en")
    new = {**fields, name: fields[name] + " Thanks."}
    assert admin.send(PATH, {**new, "reason": ""}).status_code == 422
    assert admin.send(PATH, {**fields, "reason": WHY}).status_code == 400  # nothing is new
    assert admin.send(PATH, {**new, "en-version": "x", "reason": WHY}).status_code == 422
    assert admin.send(PATH, {**new, "en-version": "7", "reason": WHY}).status_code == 409
    assert versions() == []
    assert admin.send(PATH, {**new, "reason": WHY}).status_code == 303
    again = admin.send(PATH, {**new, name: fields[name] + " Again.", "reason": WHY})
    assert again.status_code == 409
    assert "Again." in again.text  # what was typed is not lost
    for missing in ("sms/nothing", "fax/ticket", "sms/open_cases"):
        assert admin.get(f"/admin/templates/{missing}").status_code == 404


def test_of_two_who_change_at_once_one_is_told(app: Flask, network: Network, settings: Settings) -> None:
    template = get_template("sms", "ticket")

    def change(number: int) -> str:
        words = {"fr": {SENT: f"{number}"}, "en": {}}
        because = {"bases": {"fr": 0, "en": 0}, "actor": "user:1", "reason": WHY}
        in_transaction(lambda: change_words(template, words, **because))
        return "kept"

    outcomes = race(app, *(partial(change, number) for number in range(4)))
    assert sorted("kept" if one == "kept" else type(one).__name__ for one in outcomes) == ["WordsMoved"] * 3 + ["kept"]
    assert len(versions()) == 1


def test_who_may_read_and_who_may_change(app: Flask, admin: Browser) -> None:
    for role in PlatformRole:
        browser = staff_browser(app, role)[1]
        assert browser.get("/admin/templates").status_code == browser.get(PATH).status_code == 200
        assert ("<textarea" in browser.get(PATH).text) == (role == PlatformRole.ADMIN)
        if role != PlatformRole.ADMIN:
            assert {browser.send(path).status_code for path in (PATH, f"{PATH}/preview", f"{PATH}/back")} == {403}
    forget_factor(admin)
    assert admin.send(PATH, {"reason": WHY}).status_code == 403


def test_words_the_message_no_longer_has_do_no_harm(network: Network, settings: Settings) -> None:
    stale = "INSERT INTO message_words (template, language, number, words, written_by, reason) VALUES"
    stale += " ('sms/ticket', 'fr', 1, :words, 'user:1', 'old')"
    words = '{"A sentence of long ago": "x", "' + SENT + '": "{reference} {gone} ' + "y" * 200 + '"}'
    in_transaction(lambda: db.session.execute(text(stale), {"words": words}))
    confirm(network, "12")
    assert post_of(settings)()[0][1].startswith("AuraPark : billet")  # too long: the shipped words go out


def test_every_template_has_a_name_and_sentences(app: Flask, settings: Settings) -> None:
    templates = list(list_templates())
    assert len({one.name for one in templates}) == len(templates)
    assert {one.message for one in templates} <= set(NAMES)
    assert all(list_lines(one, settings) for one in templates)


def test_pages_are_light(app: Flask, admin: Browser, settings: Settings) -> None:
    name = named(settings, "fr", template="sms/ticket")
    fields = fields_of(admin)
    assert admin.send(PATH, {**fields, name: fields[name] + " Merci.", "reason": WHY}).status_code == 303
    for path in ("/admin/templates", PATH, "/admin/templates/mail/ticket"):
        with counted(app) as statements:
            page: Any = admin.get(path, headers={"Accept-Encoding": "gzip"})
        assert len(statements) <= 8, statements
        assert len(page.data) <= 25 * KILOBYTE
