"""Entry for gunicorn (`gunicorn app:app`)."""

from aurapark import create_app

app = create_app()
