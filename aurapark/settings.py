"""The running application's settings, for edges. Stories and features get what they need as arguments."""

from flask import current_app

from aurapark.config import Settings


def current_settings() -> Settings:
    """Return the typed settings of the application that is running."""
    settings: Settings = current_app.config["AURAPARK"]
    return settings
