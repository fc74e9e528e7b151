"""Entry for gunicorn (`gunicorn app:app`)."""

from aurapark import create_app
from aurapark.config import load_settings
from aurapark.process import begin

settings = load_settings()
begin("web", settings)
app = create_app(settings)
