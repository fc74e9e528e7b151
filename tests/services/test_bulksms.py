"""SMS by BulkSMS, against a local HTTP server that answers in the shapes of their documentation."""

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from aurapark.notifications.bulksms import BulkSms, deduplication_id
from aurapark.notifications.errors import NotSent, Refused, Silent, SinkDown
from aurapark.notifications.sms import Sms

SMS = Sms("20261218T063000-7K3QF9-ticket-41", 41, "+237671234516", "Siège 12 à 07:30", "ticket", "7K3QF9")
ENTRY = {"to": "+237671234516", "body": "Siège 12 à 07:30", "userSuppliedId": "7K3QF9-41"}
ERRORS = "https://developer.bulksms.com/json/v1/errors"


def taken(entry: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """Their answer to one accepted message."""
    status = {"id": "ACCEPTED.null", "type": "ACCEPTED", "subtype": None}
    submission = {"id": "1-00000000000522347562", "date": "2026-12-18T06:30:01Z"}
    to, body = entry["to"].lstrip("+"), entry["body"]
    return [
        {"id": "4023457654", "type": "SENT", "from": "AuraPark", "to": to, "body": body, "encoding": "TEXT"}
        | {"protocolId": 0, "messageClass": 0, "submission": submission, "status": status}
        | {"relatedSentMessageId": None, "userSuppliedId": entry["userSuppliedId"]}
        | changes
    ]


def problem(kind: str, status: int) -> dict[str, Any]:
    detail = "The number +237671234516 cannot be used"
    return {"type": f"{ERRORS}/{kind}", "title": kind, "status": status, "detail": detail}


class Provider:
    """Plays BulkSMS: remembers each new id and answers a known one as the first time, without sending."""

    def __init__(self) -> None:
        self.answer: tuple[int, Any] | None = None
        self.silent = False
        self.asked: list[dict[str, Any]] = []
        self.sent: dict[str, list[dict[str, Any]]] = {}
        self.go_on = threading.Event()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.serve(self, body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def serve(self, request: BaseHTTPRequestHandler, body: Any) -> None:
        query = parse_qs(urlsplit(request.path).query)
        key = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        self.asked.append({"path": urlsplit(request.path).path, "query": query, "key": key, "body": body})
        status, answer = self.answer or (201, self.sent.setdefault(query["deduplication-id"][0], taken(body[0])))
        if self.silent:
            self.go_on.wait(5)
            return
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Location", "/elsewhere")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def url(self, query: str = "") -> str:
        return f"bulksms+http://AB-01:s%21cret@127.0.0.1:{self.server.server_port}{query}"

    def stop(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture
def provider() -> Iterator[Provider]:
    playing = Provider()
    yield playing
    playing.stop()


def test_an_sms_is_posted_as_documented(provider: Provider) -> None:
    BulkSms.at(provider.url("?from=AuraPark")).send(SMS)
    (asked,) = provider.asked
    assert (asked["path"], asked["key"]) == ("/v1/messages", "AB-01:s!cret")
    assert asked["query"] == {"deduplication-id": [str(deduplication_id(SMS))], "auto-unicode": ["false"]}
    assert asked["body"] == [
        {
            "from": {"type": "ALPHANUMERIC", "address": "AuraPark"},
            "to": "+237671234516",
            "body": "Siège 12 à 07:30",
            "encoding": "TEXT",
            "longMessageMaxParts": 1,
            "userSuppliedId": "7K3QF9-41",
        }
    ]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((400, problem("bad-request", 400)), Refused, "bad-request"),
        ((201, taken(ENTRY, status={"type": "FAILED"})), Refused, "SMS: failed"),
        ((401, problem("unauthorized", 401)), SinkDown, "401"),
        ((403, problem("insufficient-credits", 403)), SinkDown, "insufficient-credits"),
        ((404, b"<html>not here</html>"), SinkDown, "404 no reason"),
        ((302, b""), SinkDown, "302"),
        ((429, problem("too-many-requests", 429)), SinkDown, "429"),
        ((500, problem("server-error", 500)), Silent, "500"),
        ((503, b"<html>busy</html>"), Silent, "503"),
        ((201, taken(ENTRY, to="237690000000")), NotSent, "known id"),
    ],
)
def test_what_they_say_is_understood(
    provider: Provider, answer: tuple[int, Any], error: type[Exception], words: str
) -> None:
    provider.answer = answer
    with pytest.raises(error, match=words) as told:
        BulkSms.at(provider.url()).send(SMS)
    assert type(told.value) is error
    assert "671234516" not in str(told.value)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("body", [b"", b"taken", b"[]", b"[1]", b"{}"])
def test_created_is_taken_whatever_else_they_write(provider: Provider, body: bytes) -> None:
    provider.answer = (201, body)
    BulkSms.at(provider.url()).send(SMS)


def test_a_timeout_after_they_acted_sends_nothing_twice(provider: Provider) -> None:
    sender = BulkSms(f"http://127.0.0.1:{provider.server.server_port}/v1", ("a", "b"), timeouts=(1.0, 0.2))
    provider.silent = True
    with pytest.raises(Silent):
        sender.send(SMS)
    assert len(provider.sent) == 1
    provider.silent = False
    sender.send(SMS)
    assert (len(provider.asked), len(provider.sent)) == (2, 1)


def test_nobody_there_is_down_for_all(provider: Provider) -> None:
    sender = BulkSms.at(provider.url())
    provider.stop()
    with pytest.raises(SinkDown, match="no connection"):
        sender.send(SMS)


def test_every_row_has_an_id_of_its_own_for_65536_messages() -> None:
    numbers = {
        deduplication_id(Sms("n", number, "", "", "", "")) & 0xFFFF for number in range(100_000, 100_000 + 65_536)
    }
    assert len(numbers) == 65_536
    again = Sms(SMS.name.replace("20261218", "20261219"), SMS.number, "", "", "", "")
    assert deduplication_id(again) != deduplication_id(SMS)
    assert 0 <= deduplication_id(SMS) < 2**31
