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
