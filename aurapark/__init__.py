"""AuraPark: seats on intercity buses. `create_app()` is the only place that assembles the application.

Flask is imported only there: the supervisor and the sandbox start sooner without it.
"""

from typing import TYPE_CHECKING

from aurapark.config import ROOT, Settings, load_settings

if TYPE_CHECKING:
    from flask import Flask

CONNECT_ARGS = {
    "connect_timeout": 3,
    "options": "-c timezone=UTC -c statement_timeout=15s -c lock_timeout=3s -c idle_in_transaction_session_timeout=60s",
}


def create_app(settings: Settings | None = None) -> "Flask":
    """Return the application. Raises SettingsError when a setting is wrong."""
    from flask import Flask

    from aurapark import models  # noqa: F401  the metadata needs all of them
    from aurapark.extensions import babel, compress, csrf, db, migrate
    from aurapark.web import shell

    settings = settings or load_settings()
    app = Flask(
        "aurapark", template_folder=str(ROOT / "templates"), static_folder=None, root_path=str(ROOT / "aurapark")
    )
    app.config.update(
        AURAPARK=settings,
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": settings.web_threads,
            "max_overflow": 2,
            "pool_timeout": 3,
            "pool_pre_ping": True,
            "hide_parameters": True,  # names and phones stay out of error texts, which are logged
            "isolation_level": "READ COMMITTED",
            "connect_args": CONNECT_ARGS,
        },
    )
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "aurapark" / "migrations"))
    shell.init_app(app, settings, babel=babel, csrf=csrf, compress=compress)
    return app
