"""The JSON API's shell: the envelope, the error object, bodies, query parameters and bearer tokens.

Under /api no cookie is read or set: a caller is whoever holds a booking's token. The language of a sentence is
that of Accept-Language. Fields nobody knows are ignored; fields of the wrong type are refused by name.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, jsonify, request
from flask_babel import gettext
from werkzeug.exceptions import HTTPException, InternalServerError, UnsupportedMediaType
from wtforms import Form

from aurapark.errors import N_, DomainError, Invalid
from aurapark.log import log_event
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.errors import API_ERRORS, with_retry_after
from aurapark.web.fields import messages_of
from aurapark.web.language import sentence_of
from aurapark.web.watch import request_id

PREFIX = "/api"
MAX_ITEMS = 20  # of a list in a body; no booking has as many seats

HTTP_ERRORS = {
    404: ("NOT_FOUND", N_("There is nothing at this address.")),
    405: ("METHOD_NOT_ALLOWED", N_("This address does not take this method.")),
    413: ("VALIDATION_ERROR", N_("The body is too large: 64 KB at most.")),
    415: ("VALIDATION_ERROR", N_("Send the body as JSON, with Content-Type: application/json.")),
    429: ("RATE_LIMIT_EXCEEDED", N_("Too many requests. Please wait a moment.")),
}
UNREADABLE = ("VALIDATION_ERROR", N_("We could not read this request."))
FAILED = N_("Something went wrong on our side. Please tell us this number: %(reference)s.")

Shape = Any  # a type, [shape of the items], or {name: shape}


class InvalidInput(Invalid):
    """Input that means nothing; `messages` per field are in the reader's language already."""

    def __init__(self, messages: Mapping[str, Sequence[str]]) -> None:
        super().__init__(details={name: list(said) for name, said in messages.items()})


class Malformed(Invalid):
    sentence = N_("The body is no valid JSON object.")


class TokenRequired(DomainError):
    status, code = 401, "AUTHENTICATION_REQUIRED"
    sentence = N_("Send the booking’s token: Authorization: Bearer …")


def init_app(app: Flask) -> None:
    """Answer every error under /api with the error object."""
    app.extensions[API_ERRORS] = answer_error


def blueprint(name: str, import_name: str) -> AudienceBlueprint:
    """Return a blueprint under /api whose query parameters are each given once."""
    made = AudienceBlueprint(name, import_name, audience=Audience.API, url_prefix=PREFIX)
    made.before_request(refuse_repeated)
    return made


def refuse_repeated() -> None:
    """Raise InvalidInput for a query parameter given twice: which one would count?"""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidInput({name: [gettext("Give one answer only.")] for name in repeated})


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `{"data": value}`; answers are kept by no cache unless the route says so."""
    response = jsonify(data=value)
    response.status_code = status
    response.headers.update(headers or {})
    return response


def answer_error(error: Exception) -> Response:
    """Return the error object for a domain error or an HTTP error; a failure of ours has only a number to tell."""
    if isinstance(error, DomainError):
        response = error_object(error.status, error.code, sentence_of(error), _details(error))
        if isinstance(error, TokenRequired):
            response.headers["WWW-Authenticate"] = "Bearer"
        return with_retry_after(response, error)
    if isinstance(error, HTTPException) and not isinstance(error, InternalServerError):
        status = error.code or 400
        code, sentence = HTTP_ERRORS.get(status, UNREADABLE)
        response = error_object(status, code, gettext(sentence), {})
        response.headers.update({k: v for k, v in error.get_headers() if k in ("Allow", "Retry-After")})
        return response
    reference = request_id()
    log_event("api_failed", level=logging.ERROR, reference=reference, endpoint=request.endpoint)
    return error_object(500, "INTERNAL_ERROR", gettext(FAILED) % {"reference": reference}, {"reference": reference})


def error_object(status: int, code: str, sentence: str, details: Mapping[str, Any]) -> Response:
    """Return the API's error object."""
    response = jsonify(error=sentence, code=code, statusCode=status, details=details)
    response.status_code = status
    return response


def read_body(shape: dict[str, Shape]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the body's JSON object twice: as it was sent, and with the fields of the shape only. Null is absent.

    Raises UnsupportedMediaType, RequestEntityTooLarge, Malformed, and InvalidInput that names every misfit.
    """
    sent = _read_json()
    messages: dict[str, list[str]] = {}
    fields = _fit(sent, shape, "", messages)
    if messages:
        raise InvalidInput(messages)
    return sent, fields


def bearer_token() -> str:
    """Return the token of the Authorization header. Raises TokenRequired when there is none."""
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise TokenRequired
    return given.token


def require_valid(form: Form, names: Mapping[str, str] | None = None) -> None:
    """Raise InvalidInput with the form's messages; `names` are the API's names of its fields where they differ."""
    if not form.validate():
        names = names or {}
        raise InvalidInput({names.get(name, name): said for name, said in messages_of(form).items()})


def moment(at: datetime, zone: str) -> str:
    """Return a time as ISO 8601 with the offset of the zone, to the second."""
    return at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


def _details(error: DomainError) -> Mapping[str, Any]:
    """The details of an invalid answer are messages per field; of a conflict, what is in the way."""
    if isinstance(error, Invalid) and not isinstance(error, InvalidInput):
        return {name: [sentence_of(error)] for name in error.details}
    return error.details


def _read_json() -> dict[str, Any]:
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        sent = json.loads(request.get_data(cache=False), parse_constant=_refuse, object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError) as error:
        raise Malformed from error
    if not isinstance(sent, dict):
        raise Malformed
    return sent


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field given twice")
    return found


def _fit(value: Any, shape: Shape, path: str, messages: dict[str, list[str]]) -> Any:
    """Return the part of a value that the shape knows; what does not fit is named in `messages`."""
    if isinstance(shape, dict):
        if isinstance(value, dict):
            known = {name: value[name] for name in shape if value.get(name) is not None}
            return {name: _fit(part, shape[name], f"{path}{name}.", messages) for name, part in known.items()}
        wrong = gettext("This must be an object.")
    elif isinstance(shape, list):
        if isinstance(value, list) and len(value) <= MAX_ITEMS:
            return [_fit(item, shape[0], f"{path}{place}.", messages) for place, item in enumerate(value)]
        wrong = gettext("This must be a list of at most %(max)d items.", max=MAX_ITEMS)
    elif shape is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        wrong = gettext("This must be a whole number.")
    else:
        if isinstance(value, str) and _is_storable(value):
            return value
        wrong = gettext("This must be text.")
    messages[path.removesuffix(".")] = [wrong]
    return None


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
