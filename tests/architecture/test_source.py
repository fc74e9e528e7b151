"""Habits of the source: one commit site, states only by move(), a docstring everywhere, nothing inline in pages."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from aurapark.cli import group
from aurapark.config import ROOT
from aurapark.web.audience import list_routes

SANDBOX = ROOT / "aurapark" / "devstack"  # shares nothing with the application, its own store included
COMMITS = {("aurapark/database.py", "session"), ("aurapark/migrations/env.py", "connection")}
SAVEPOINT = "savepoint"
INLINE = re.compile(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", re.IGNORECASE)
SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE)
UNSAFE = re.compile(r"\|\s*safe\b|autoescape\s+false", re.IGNORECASE)


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Every module of these folders, by its path in the project."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def ours() -> list[tuple[str, ast.Module]]:
    """The application without the sandbox and the rest of the development stack."""
    prefix = str(SANDBOX.relative_to(ROOT))
    return [(path, tree) for path, tree in sources("aurapark", "workers") if not path.startswith(prefix)]


def pages() -> Iterator[tuple[str, str]]:
    """Every page template; mails carry their style within them, as mails must."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        name = str(path.relative_to(ROOT / "templates"))
        if not name.startswith("emails/"):
            yield name, path.read_text()


def test_one_place_commits() -> None:
    found = set()
    for path, tree in ours():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "commit":
                receiver = ast.unparse(node.value).rpartition(".")[2]
                if receiver != SAVEPOINT:
                    found.add((path, receiver))
    assert found == COMMITS


def test_states_change_by_move_only() -> None:
    found = []
    for path, tree in ours():
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                found += [path for t in targets if isinstance(t, ast.Attribute) and t.attr == "state"]
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
                found += [path for a in node.args[1:2] if not (isinstance(a, ast.Constant) and a.value != "state")]
    assert set(found) == {"aurapark/states.py"}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path for path, tree in sources("aurapark", "workers", "tests") if tree.body and not ast.get_docstring(tree)
    ]
    assert silent == []


def test_only_the_clock_reads_the_clock() -> None:
    readers = {
        path
        for path, tree in ours()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time")
    }
    assert readers == {"aurapark/clock.py"}


def test_nothing_in_a_page_is_unescaped_or_inline() -> None:
    for name, text in pages():
        assert not UNSAFE.search(text), name
        assert not INLINE.search(text), (name, INLINE.search(text))
        assert not SCRIPT.search(text), name


def test_catalogues_are_complete() -> None:
    checked = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "translations"), "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_route_says_who_it_is_for(app: Flask) -> None:
    assert [route["rule"] for route in list_routes(app) if route["audience"] is None] == []


def test_routes_are_listed_by_the_command(app: Flask) -> None:
    listed = app.test_cli_runner().invoke(group.commands["routes"], ["--json"])
    assert json.loads(listed.output) == list_routes(app)
    seats = next(route for route in json.loads(listed.output) if route["endpoint"] == "search_api.seats")
    assert seats == {
        "rule": "/api/trips/<int:trip_id>/seats",
        "methods": ["GET", "HEAD", "OPTIONS"],
        "endpoint": "search_api.seats",
        "audience": "api",
        "roles": [],
        "step_up": False,
    }


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX"])
def test_nothing_is_left_for_later(word: str) -> None:
    left = [
        str(path.relative_to(ROOT))
        for folder in ("aurapark", "workers", "templates", "static/css", "static/js")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".py", ".html", ".css", ".js") and re.search(rf"\b{word}\b", path.read_text())
    ]
    assert left == []


def test_no_file_outgrows_a_reader() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("aurapark", "workers")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_paths_named_here_exist() -> None:
    assert all((ROOT / path).exists() for path, _ in COMMITS)
    assert Path(SANDBOX).is_dir()
