"""What every gunicorn that serves this site reads, however it is started; the command line goes before it."""

from aurapark.config import SettingsError, load_settings
from aurapark.process import begin

try:
    begin("web", load_settings())
except SettingsError as error:
    raise SystemExit("\n".join(f"aurapark: {line}" for line in str(error).splitlines())) from None

logger_class = "aurapark.web.gunicorn_log.GunicornLog"
