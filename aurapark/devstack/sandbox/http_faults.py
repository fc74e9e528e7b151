"""What can go wrong between a call and its answer. Seconds here are real seconds, for they meet real timeouts."""

import json
import socket
from collections.abc import Callable
from typing import Any, TypeAlias

from flask import Response, request

from aurapark.devstack.sandbox.answers import Answer, failure
from aurapark.devstack.sandbox.bench import Bench
from aurapark.devstack.sandbox.faults import Fault

TIMED_OUT = failure("An error occurred. Please contact support", 503)
HTML = "<!doctype html><html><head><title>502</title></head><body><h1>Internal Server Error</h1></body></html>"
CUT_OFF = 0

Do: TypeAlias = Callable[[], Answer]
Params: TypeAlias = dict[str, Any]


def respond(answer: Answer) -> Response:
    """Turn an answer into an HTTP response."""
    return Response(answer.text, answer.status, content_type="application/json; charset=utf-8")


def apply(bench: Bench, fault: Fault, do: Do) -> Response:
    """Answer a call the way its fault wants it; `do` does what the call asked for."""
    return KINDS[fault.name](bench, do, fault.params)


def hang_up() -> Response:
    """Close the connection under the server; the response returned is never read by anybody."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    response = Response(b"")
    response.status_code = CUT_OFF
    return response


def _request_lost(_bench: Bench, _do: Do, _params: Params) -> Response:
    return hang_up()


def _response_lost(_bench: Bench, do: Do, _params: Params) -> Response:
    do()
    return hang_up()


def _timeout_after_doing(bench: Bench, do: Do, params: Params) -> Response:
    do()
    bench.stopping.wait(float(params.get("seconds", 28)))
    return respond(TIMED_OUT)


def _unavailable(_bench: Bench, _do: Do, _params: Params) -> Response:
    return respond(TIMED_OUT)


def _server_error(_bench: Bench, do: Do, params: Params) -> Response:
    if params.get("done"):
        do()
    return Response(params.get("body", HTML), 500, content_type="text/html; charset=utf-8")


def _rate_limited(_bench: Bench, _do: Do, _params: Params) -> Response:
    return respond(failure("Too many requests", 429))


def _truncated(_bench: Bench, do: Do, _params: Params) -> Response:
    whole = respond(do())
    whole.set_data(whole.get_data()[: len(whole.get_data()) // 2])
    return whole


def _null_data(_bench: Bench, do: Do, _params: Params) -> Response:
    answer = do()
    return respond(Answer(200, {**answer.body, "status": "success", "data": None}))


def _slow(bench: Bench, do: Do, params: Params) -> Response:
    answer = do()
    bench.stopping.wait(float(params.get("seconds", 20)))
    return respond(answer)


def _refuse(_bench: Bench, _do: Do, params: Params) -> Response:
    return respond(failure(str(params.get("message", "Request refused")), int(params.get("status", 400))))


def _answer(_bench: Bench, do: Do, params: Params) -> Response:
    do()
    body = params.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    return Response(text, int(params.get("status", 200)), content_type="application/json; charset=utf-8")


def _redirect(_bench: Bench, _do: Do, params: Params) -> Response:
    return Response("", 302, headers={"Location": str(params.get("to", "http://localhost:9/"))})


KINDS: dict[str, Callable[[Bench, Do, Params], Response]] = {
    "request_lost": _request_lost,
    "response_lost": _response_lost,
    "timeout_after_doing": _timeout_after_doing,
    "unavailable": _unavailable,
    "server_error": _server_error,
    "rate_limited": _rate_limited,
    "truncated": _truncated,
    "null_data": _null_data,
    "slow": _slow,
    "refuse": _refuse,
    "answer": _answer,
    "redirect": _redirect,
}
