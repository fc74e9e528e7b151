"""Where we may send a payer: only to a checkout page on a host of the settings."""

import ipaddress
import re
from urllib.parse import urlsplit

FRAGMENT = re.compile(r"[A-Za-z0-9%._~+/=-]*", re.ASCII)


def page_id(link: str, hosts: frozenset[str], *, fragment: bool = False) -> str | None:
    """Return the last part of the path when we may send somebody there, else None: https (http on a loopback
    host), a host of the settings, nothing but a path, and after it a fragment only where that is asked for."""
    if re.search(r"[\s\\\x00-\x1f]", link):
        return None
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "") + (f":{port}" if port else "")
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    bare = not (parts.username or parts.password or parts.query)
    quiet = bool(FRAGMENT.fullmatch(parts.fragment)) if fragment else not parts.fragment
    return parts.path.rpartition("/")[2] if secure and bare and quiet and host in hosts else None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
