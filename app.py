"""Entry for gunicorn (`gunicorn app:app`)."""

from aurapark import create_app, log

log.configure()
app = create_app()
