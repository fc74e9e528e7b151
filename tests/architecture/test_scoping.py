"""Habits of pages for an agency's staff: nothing is looked up but through the agency, and foreign is like missing."""

import ast
import re

from flask import Flask

from aurapark.accounts.models import AgencyRole
from aurapark.config import ROOT
from aurapark.web.audience import list_routes
from tests.factories import make_agency
from tests.office import staff_browser

BANNED = {"db", "select", "text", "get_agency"}
MISSING = 987_654


def test_pages_for_staff_reach_things_through_their_agency_only() -> None:
    found = []
    for path in sorted((ROOT / "aurapark" / "office").glob("*_routes.py")):
        tree = ast.parse(path.read_text())
        agency_pages = "Audience.AGENCY" in path.read_text()
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        asks = "current_staff" in names or not agency_pages
        found += [(path.name, name) for name in sorted(names & BANNED) if agency_pages]
        found += [] if asks else [(path.name, "asks not whose agency")]
    assert found == []


def test_every_page_about_a_thing_of_an_agency_answers_alike_for_none(app: Flask) -> None:
    """Generated from the routes: whatever is named in the address of a page for staff and is not there is a 404."""
    owner = staff_browser(app, AgencyRole.OWNER, make_agency())[1]
    routes = [one for one in list_routes(app) if one["audience"] == "agency" and "<" in one["rule"]]
    assert routes
    answers = {}
    for route in routes:
        path = re.sub(r"<int:\w+>", str(MISSING), route["rule"]).replace("<reference>", "ZZZZZ2")
        fields = {"reason": "left the company", "role": "clerk"}
        answer = owner.send(path, fields) if "POST" in route["methods"] else owner.get(path)
        answers[path] = (answer.status_code, re.sub(r'value="[^"]*"', "", answer.text.replace(path, "")))
    assert {status for status, _ in answers.values()} == {404}, answers
    assert len({page for _, page in answers.values()}) == 1
