"""The web server: gunicorn with threads, on loopback; in production a proxy stands in front."""

import os
import sys
from typing import NoReturn

from aurapark.config import ROOT, Settings, load_settings

GRACE_SECONDS = 8  # for requests that are running when the server is told to stop
RECYCLE_REQUESTS = 10_000  # a worker is replaced after about so many, whatever it has leaked by then


def command(settings: Settings) -> list[str]:
    """Return the command line; it must be run in the project's folder, with the settings in its environment."""
    options = {
        "bind": f"127.0.0.1:{settings.port}",
        "worker-class": "gthread",
        "workers": settings.web_workers,
        "threads": settings.web_threads,
        "graceful-timeout": GRACE_SECONDS,
        "max-requests": RECYCLE_REQUESTS,
        "max-requests-jitter": RECYCLE_REQUESTS // 10,
        "forwarded-allow-ips": "",  # headers of proxies are the application's business (PROXY_COUNT)
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "gunicorn", "--no-control-socket", "--preload", *words, "app:app"]


def serve() -> NoReturn:
    """Become the web server."""
    words = command(load_settings())
    os.chdir(ROOT)
    os.execv(words[0], words)  # nosec B606  # noqa: S606
