"""Assemble the sandbox's Flask application."""

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from aurapark.devstack.sandbox import admin_deeds, admin_records, transfer_api  # noqa: F401 - they add their routes
from aurapark.devstack.sandbox.admin import admin
from aurapark.devstack.sandbox.answers import failure
from aurapark.devstack.sandbox.api import api
from aurapark.devstack.sandbox.bench import Bench
from aurapark.devstack.sandbox.checkout import checkout
from aurapark.devstack.sandbox.front import front
from aurapark.devstack.sandbox.http_faults import respond
from aurapark.devstack.sandbox.settings import Settings

LARGEST_CALL = 1024 * 1024
LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def create_sandbox(settings: Settings) -> Flask:
    """Return the sandbox over its state folder; nothing that is due happens until a Ticker is started on it.

    Raises FolderInUse when another sandbox works in the folder.
    """
    app = Flask(__name__, static_url_path="/v3/hosted/assets")
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_CALL,
        TRUSTED_HOSTS=[*LOOPBACK, settings.public_host],  # no foreign name may be pointed at this port
    )
    app.jinja_env.trim_blocks = True
    app.extensions["sandbox"] = Bench(settings)
    for blueprint in (api, checkout, front, admin):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _answer_error)
    return app


def _answer_error(error: HTTPException) -> Response:
    if request.path.startswith("/_sandbox"):
        response: Response = jsonify(error=error.description)
        response.status_code = error.code or 500
        return response
    return respond(failure(error.description or error.name, error.code or 500))
