"""Every route, asked by everybody: each answer is the one that `matrix.py` has written down, and what is somebody
else's looks like what does not exist.

One database: each request is taken back, so what one person deletes is there for the next.
"""

import re

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from aurapark.web.audience import audience_of
from aurapark.web.doors import CLOSED
from tests.security.cast import Cast, Once, ask
from tests.security.doors import FORBIDDEN, HIDDEN, IN, NO_FORM, letter_of, routes_of
from tests.security.matrix import MATRIX


@pytest.fixture
def environment() -> dict[str, str]:
    return {"JOBS_SECRET": "j" * 40}


def name_of(rule: Rule) -> str:
    """The rule with bare names: /agency/team/<member_id>."""
    return re.sub(r"<[^<>]*:(\w+)>", r"<\1>", rule.rule)


def expected() -> dict[tuple[str, str], str]:
    """The letters of each (method, rule)."""
    rows = [line.split() for line in MATRIX.strip().splitlines()[2:]]
    found = {(row[-2], row[-1]): "".join(row[:-2]) for row in rows}
    assert len(found) == len(rows), "a route has two lines in tests/security/matrix.py"
    return found


def test_every_route_has_a_line_and_every_line_a_route(app: Flask, cast: Cast) -> None:
    written = expected()
    there = {(method, name_of(rule)) for method, rule in routes_of(app) if method != "HEAD"}
    unlisted = "".join(f"\n  {method} {rule}" for method, rule in sorted(there - set(written)))
    assert not unlisted, (
        f"say in tests/security/matrix.py who gets to these, one letter for each of {' '.join(cast.people)}:{unlisted}"
    )
    assert not set(written) - there, "these routes are gone: take their lines out of tests/security/matrix.py"
    short = {line: len(letters) for line, letters in written.items() if len(letters) != len(cast.people)}
    assert not short, f"each line has {len(cast.people)} letters"


def test_everybody_gets_where_the_matrix_says_and_nowhere_else(app: Flask, cast: Cast, once: Once) -> None:
    written, wrong = expected(), []
    for method, rule in routes_of(app):
        letters = written.get(("GET" if method == "HEAD" else method, name_of(rule)), "")
        for person, letter in zip(cast.people.values(), letters, strict=False):
            if method == "HEAD" and letter == IN and person.name not in ("Gu", "Ow", "Ad"):
                continue  # whoever is let in by GET needs no second proof; whoever is not does
            answer = once(lambda: ask(app, person, method, cast.address(rule, person)))  # noqa: B023  done at once
            if letter_of(answer) != letter:
                wrong.append(f"{method} {name_of(rule)}: {person.name} has {letter_of(answer)}, {letter} is written")
    assert not wrong, "\n".join(wrong)


def test_asking_for_the_methods_of_an_address_opens_no_door(app: Flask, cast: Cast, once: Once) -> None:
    written, wrong = expected(), []
    by_rule: dict[str, list[str]] = {}
    for (_, listed), letters in written.items():
        by_rule.setdefault(listed, []).append(letters)
    for name, rule in {name_of(one): one for one in app.url_map.iter_rules()}.items():
        closed = audience_of(app, rule.endpoint) in [str(one) for one in CLOSED]
        for number, person in enumerate(cast.people.values()):
            if not closed and person.name != "An":
                continue  # an open door is the same for everybody
            allowed = {letters[number] for letters in by_rule[name]} - {NO_FORM}
            if person.name == "Ap" and closed:
                allowed.add(by_rule[name][0][0])  # to a page it is nobody
            if name.startswith("/account/") or ("<" in name and person.name in ("Fo", "Sc", "So")):
                # past the door, and nothing is told of what is inside
                allowed |= {IN} if allowed <= {HIDDEN, FORBIDDEN} else set()
            answer = once(lambda: ask(app, person, "OPTIONS", cast.address(rule, person)))  # noqa: B023  done at once
            letter = letter_of(answer)
            told = letter == IN and answer.get_data() != b""
            if told or (letter not in allowed and (closed or letter != IN)):
                wrong.append(f"{name}: {person.name} has {letter}, not one of {allowed}")
    assert not wrong, "\n".join(wrong)


# Objects that are somebody else's, by the variable of the address: who asks, and whose value they try.
FOREIGN = {
    "reference": ("Ot", None),
    "session_id": ("Ot", "Tr"),
    "passkey_id": ("Su", "Cl"),
    "member_id": ("Fo", None),
    "invitation_id": ("Fo", None),
    "passenger_id": ("Fo", None),
    "settlement_id": ("Fo", None),
    "entry_id": ("Fo", None),
}
MISSING = {"reference": "ZZZZZ2", "session_id": 10**9, "passkey_id": 10**9, "member_id": 10**9, "invitation_id": 10**9}
MISSING |= dict.fromkeys(("passenger_id", "settlement_id", "entry_id"), 10**9)
NOT_OBJECTS = {  # variables of addresses that name no object of anybody, and why
    "trip_id": "trips are public",
    **dict.fromkeys(
        ("payment_id", "event_id", "refund_id", "proposal_id", "case_id", "dispute_id"), "for the platform"
    ),
    "payout_id": "for the platform",
    "user_id": "for platform staff only, who see everybody",
    "agency_id": "for platform staff only, who see every agency",
    "kind": "email or phone",
    "ending": "csv or xlsx",
    "row_id": "for platform staff only, who see all work",
    "holiday_id": "for platform staff only, who keep the calendar",
    "channel": "sms or mail",
    "message": "a kind of message",
    "name": "a file of the site",
    "layout": "the styleguide",
    "passengers": "the styleguide",
    "job": "for the operator",
    "token": "a secret: whoever has it may",
    "secret": "a secret: whoever has it may",
    "tx_ref": "opens to the booking's token; see test_sale_api",
}


def test_what_is_somebody_elses_looks_like_what_does_not_exist(app: Flask, cast: Cast, once: Once) -> None:
    seen: set[str] = set()
    for method, rule in routes_of(app):
        unknown = set(rule.arguments) - set(FOREIGN) - set(NOT_OBJECTS)
        assert not unknown, f"{rule.rule}: say in FOREIGN whose {unknown} may not be seen, or in NOT_OBJECTS why not"
        for variable in set(rule.arguments) & set(FOREIGN):
            if rule.rule.startswith("/admin/"):
                continue
            person, of = cast.people[FOREIGN[variable][0]], FOREIGN[variable][1]
            theirs = cast.people[of].own[variable] if of else _value(cast, rule, variable)
            answers = [
                once(lambda value=value: ask(app, person, method, cast.address(rule, person, **{variable: value})))  # type: ignore[misc]  # noqa: B023  done at once
                for value in (theirs, MISSING[variable])
            ]
            foreign, missing = (
                _looks(one, str(value)) for one, value in zip(answers, (theirs, MISSING[variable]), strict=True)
            )
            for one, other in zip(foreign, missing, strict=True):
                assert one == other, f"{method} {rule.rule}"
            assert letter_of(answers[0]) in (HIDDEN, "k"), f"{method} {rule.rule}: {answers[0].status_code}"
            seen.add(variable)
    assert seen == set(FOREIGN)


def _value(cast: Cast, rule: Rule, variable: str) -> object:
    ticketed = cast.address(rule, cast.people["Gu"])
    if variable == "reference" and cast.values["ticketed"] in ticketed:
        return cast.values["ticketed"]
    return {**cast.values, **cast.by_endpoint.get(rule.endpoint, {})}[variable]


def _looks(answer: TestResponse, value: str) -> tuple[int, str, list[tuple[str, str]]]:
    """Status, body and headers, without what differs from one request to the next."""
    body = answer.get_data(as_text=True).replace(answer.request.path, "THIS")
    body = body if value.isdecimal() else body.replace(value, "THIS")
    for one in (r'value="[^"]+"', r"\b[0-9a-f]{8,32}\b"):
        body = re.sub(one, "THAT", body)
    changing = ("set-cookie", "x-request-id", "content-length", "date")
    return answer.status_code, body, sorted((k, v) for k, v in answer.headers if k.lower() not in changing)
