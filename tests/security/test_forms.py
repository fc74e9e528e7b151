"""What every form does with secrets: hidden while typed, pasted as people like, and known to password managers."""

import re

from flask import Flask

from aurapark.config import ROOT
from tests.security.cast import Cast, Once, ask
from tests.security.doors import routes_of

PASSWORD = re.compile(r'<input[^>]*name="[^"]*password[^"]*"[^>]*>')


def test_every_password_is_hidden_and_may_be_pasted(app: Flask, cast: Cast, once: Once) -> None:
    found = set()
    for method, rule in routes_of(app):
        if method != "GET" or rule.rule.startswith(("/api/", "/admin/", "/agency/", "/styleguide")):
            continue
        for name in ("An", "Tr"):
            answer = once(lambda: ask(app, cast.people[name], "GET", cast.address(rule, cast.people[name])))  # noqa: B023
            for field in PASSWORD.findall(answer.get_data(as_text=True)):
                found.add(rule.rule)
                assert 'type="password"' in field, (rule.rule, field)
                assert re.search(r'autocomplete="(current|new)-password"', field), (rule.rule, field)
                assert " on" not in field, (rule.rule, field)
    assert {"/login", "/register", "/account/password", "/login/reset/<secret>"} <= found


def test_no_script_of_ours_looks_at_what_is_pasted() -> None:
    scripts = list((ROOT / "static").rglob("*.js"))
    assert scripts
    assert [one.name for one in scripts if re.search(r"paste|clipboard", one.read_text(), re.IGNORECASE)] == []


def test_nothing_takes_a_file() -> None:
    """The day something does, `security.md` section 6 wants its set of tests, and `docs/asvs.csv` its chapter 5."""
    takes = re.compile(r"request\.files|FileField|multipart/form-data|type=\"file\"")
    sources = [*(ROOT / "aurapark").rglob("*.py"), *(ROOT / "templates").rglob("*.html")]
    assert [one.name for one in sources if "sandbox" not in one.parts and takes.search(one.read_text())] == []


def test_one_script_alone_keeps_something_in_the_browser() -> None:
    """Names of passengers, where somebody has ticked the box for it; nothing of a session or a booking."""
    keeps = re.compile(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.")
    scripts = {one.name for one in (ROOT / "static").rglob("*.js") if keeps.search(one.read_text())}
    assert scripts == {"people.js"}


def test_no_script_writes_under_a_name_that_comes_from_elsewhere() -> None:
    """`object[name] = …` is where a prototype is polluted: what there is uses constants of the script."""
    writes = re.compile(r"(\w+\[[^\]'\"\d][^\]]*\])\s*=[^=>]")
    found = {match for one in (ROOT / "static").rglob("*.js") for match in writes.findall(one.read_text())}
    assert found <= {"localStorage[KEY]", "response[name]"}
