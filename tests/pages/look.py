"""The application for tests of the look: no page of the style guide touches a database."""

from pathlib import Path

from flask import Flask

from aurapark import create_app
from tests.conftest import make_settings


def look_app(var: Path) -> Flask:
    """The real application, with databases that do not exist."""
    app = create_app(make_settings("postgresql+psycopg://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0", var))
    app.testing = True
    return app
