"""SMS by BulkSMS (JSON API, version 1: `POST /messages`).

Every try of one message carries the same `deduplication-id`. They keep it for about twelve hours and answer a known
one as if it were new, without sending again: an answer that got lost, or a sender that died, sends nothing twice.
"""

import re
import time
import zlib
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import requests

from aurapark.log import log_event
from aurapark.notifications.errors import NotSent, Refused, Silent, SinkDown
from aurapark.notifications.sms import Sms

TIMEOUTS = (5.0, 20.0)  # connect, read
SENDER = "AuraPark"  # shown instead of a number; at most 11 letters, and registered with the carriers
VERSION = "/v1"
CREATED, BAD_REQUEST = 201, 400
KIND = re.compile(r"[a-z0-9_-]{1,40}\Z")


class BulkSms:
    """The SMS port over HTTP. One object per process: it keeps a connection."""

    def __init__(
        self,
        base_url: str,
        token: tuple[str, str],
        *,
        sender: str = SENDER,
        timeouts: tuple[float, float] = TIMEOUTS,
    ) -> None:
        self._base_url, self._sender, self._timeouts = base_url, sender, timeouts
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc may stand between us and them unseen
        self._session.auth = token

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the provider that `bulksms://token-id:token-secret@host?from=NAME` names."""
        parts = urlsplit(url)
        scheme = "http" if parts.scheme == "bulksms+http" else "https"
        host = parts.netloc.rpartition("@")[2]
        token = (unquote(parts.username or ""), unquote(parts.password or ""))
        sender = parse_qs(parts.query).get("from", [SENDER])[0]
        return cls(f"{scheme}://{host}{parts.path.rstrip('/') or VERSION}", token, sender=sender)

    def send(self, sms: Sms) -> None:
        """Send it. Raises SinkDown when nothing can go out now; Silent, NotSent, Refused when this message does not."""
        started = time.monotonic()
        response = self._post(sms)
        status = response.status_code
        log_event("sms_call", status=status, ms=round((time.monotonic() - started) * 1000))
        if status == BAD_REQUEST:
            raise Refused(f"SMS: {_kind(response)}")
        if status >= 500:  # perhaps about this message, perhaps about all: it waits its turn, and the breaker counts
            raise Silent(f"SMS provider: {status}")
        if status != CREATED:  # a key, a balance, a limit (401, 403, 429): about all of them
            raise SinkDown(f"SMS provider: {status} {_kind(response)}")
        _require_taken(sms, _read(response))

    def _post(self, sms: Sms) -> requests.Response:
        entry = {
            "from": {"type": "ALPHANUMERIC", "address": self._sender},
            "to": sms.to,
            "body": sms.text,
            "encoding": "TEXT",
            "longMessageMaxParts": 1,
            "userSuppliedId": f"{sms.reference}-{sms.number}"[:20],
        }
        try:
            return self._session.post(
                f"{self._base_url}/messages",
                params={"deduplication-id": str(deduplication_id(sms)), "auto-unicode": "false"},
                json=[entry],
                timeout=self._timeouts,
                allow_redirects=False,
            )
        except requests.ConnectionError as error:
            raise SinkDown("SMS provider: no connection") from error
        except requests.RequestException as error:
            raise Silent("SMS provider fell silent") from error


def deduplication_id(sms: Sms) -> int:
    """Return a number of 31 bits that is this message's own for the twelve hours they keep it.

    16 bits of the row's number never repeat within 65,536 messages; 15 bits of the message's name keep apart what a
    restored backup or a second site on the same account sends under the same row number.
    """
    return (zlib.crc32(sms.name.encode()) & 0x7FFF) << 16 | sms.number & 0xFFFF


def _require_taken(sms: Sms, answer: Any) -> None:
    """Their answer to a known id is the first one. When that was another message, ours waits for the id to expire."""
    first = answer[0] if isinstance(answer, list) and answer and isinstance(answer[0], dict) else {}
    to, status = first.get("to"), first.get("status")
    if isinstance(to, str) and _digits(to) != _digits(sms.to):
        raise NotSent("SMS provider: known id")
    if isinstance(status, dict) and status.get("type") == "FAILED":
        raise Refused("SMS: failed")


def _read(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _kind(response: requests.Response) -> str:
    """Return the last word of their error's `type`, an address of their documentation; never its text."""
    body = _read(response)
    word = str(body.get("type", "")).rpartition("/")[2].lower() if isinstance(body, dict) else ""
    return word if KIND.match(word) else "no reason"


def _digits(phone: str) -> str:
    return re.sub(r"\D", "", phone)
