"""What each of our processes does first: say where its log goes and where its figures are kept."""

from aurapark import log, metrics
from aurapark.config import Settings


def begin(name: str, settings: Settings) -> None:
    """Make this process `name` (web, worker, …) for logs and figures; safe to call twice."""
    log.configure(name, settings.log_format)
    metrics.keep_in(settings.var / "metrics")
