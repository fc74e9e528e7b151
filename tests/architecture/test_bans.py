"""What is banned because it went wrong elsewhere: markup made of data, SQL of strings, objects of bytes, chance.

Each list names the places that may, with why; a new place must argue its way in.
"""

import ast
import re

from tests.architecture.test_source import ours, sources

MARKUP = {
    "aurapark/notifications/words.py",  # our own sentences, and changed ones with everything in them escaped
    "aurapark/qr_code.py",  # the drawing of a QR code, made by segno from our own text
    "aurapark/web/assets.py",  # the stylesheet of the page
    "aurapark/web/styleguide.py",  # development only
}
BUILT_SQL = {
    "aurapark/demo/bulk.py",  # names of tables and columns of the models
    "aurapark/reconciliation/doctor.py",  # counts the rows of our own statements
    "aurapark/search/queries.py",  # joins constants
    "aurapark/timetable/generate.py",  # joins constants
}
CHANCE = {
    "aurapark/notifications/relay.py",  # jitter of the next try
    "aurapark/outbox.py",  # jitter of the next try
    "aurapark/payments/calls.py",  # jitter of the next try
    "aurapark/payments/rules.py",  # jitter of the next check
    "aurapark/refunds/rules.py",  # jitter of the next check
}
BANNED_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "yaml", "xml", "telnetlib", "ftplib"}
BANNED_CALLS = {"eval", "exec", "compile", "__import__", "render_template_string", "os.system", "os.popen"}
SQL_CALLS = ("text", "execute", "exec_driver_sql", "scalar", "scalars")
STATEMENT = re.compile(r"\b(select|insert|update|delete|with|where|truncate|create)\b", re.IGNORECASE)


def calls() -> list[tuple[str, str, ast.Call]]:
    """Every call of the application: where, the name called, the call."""
    return [
        (path, ast.unparse(node.func), node)
        for path, tree in ours()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def imports() -> list[tuple[str, str]]:
    """Every module that the application and its workers import: where, and the first part of its name."""
    found = []
    for path, tree in sources("aurapark", "workers"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [(path, alias.name.partition(".")[0]) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.append((path, (node.module or "").partition(".")[0]))
    return found


def _is_built(argument: ast.expr) -> bool:
    """Say whether a text was put together at run time and looks like SQL."""
    built = isinstance(argument, ast.JoinedStr) and any(isinstance(v, ast.FormattedValue) for v in argument.values)
    added = isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Add | ast.Mod)
    formatted = isinstance(argument, ast.Call) and ast.unparse(argument.func).endswith(".format")
    return (built or added or formatted) and bool(STATEMENT.search(ast.unparse(argument)))


def test_no_markup_is_made_of_data() -> None:
    assert {path for path, name, _ in calls() if name.rpartition(".")[2] == "Markup"} <= MARKUP


def test_sql_is_never_put_together() -> None:
    built = {
        path
        for path, name, call in calls()
        if name.rpartition(".")[2] in SQL_CALLS and call.args and _is_built(call.args[0])
    }
    migrations = {path for path in built if path.startswith("aurapark/migrations/")}  # constants of their own
    assert built - migrations <= BUILT_SQL


def test_bytes_never_become_objects_and_text_never_code() -> None:
    assert [(path, name) for path, name in imports() if name in BANNED_MODULES] == []
    assert [(path, name) for path, name, _ in calls() if name in BANNED_CALLS] == []


def test_chance_decides_nothing_that_must_not_be_guessed() -> None:
    users = {path for path, name in imports() if name == "random"}
    assert {p for p in users if not p.startswith(("aurapark/demo/", "aurapark/devstack/"))} <= CHANCE


def test_no_shell_is_started() -> None:
    shells = [
        path
        for path, _, call in calls()
        for word in call.keywords
        if word.arg == "shell" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
    ]
    assert shells == []
