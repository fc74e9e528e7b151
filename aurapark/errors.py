"""What can go wrong in the business, named. Each kind has one status; edges translate and show it.

A sentence is an English msgid with %(name)s holes; `N_` marks it for the catalogues, the edge translates it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def N_(sentence: str) -> str:
    """Mark a sentence for translation; the edge that shows it looks it up."""
    return sentence


class DomainError(Exception):
    """Something a person can be told. `details` goes to the API's error object, `params` into the sentence."""

    status = 400
    code = "VALIDATION_ERROR"
    sentence = N_("This is not possible.")

    def __init__(self, sentence: str | None = None, *, details: Mapping[str, Any] | None = None, **params: Any) -> None:
        self.sentence = sentence or type(self).sentence
        self.details = dict(details or {})
        self.params = params
        super().__init__(self.sentence % params if params else self.sentence)


class NotFound(DomainError):
    status, code = 404, "NOT_FOUND"
    sentence = N_("We did not find this.")


class NotAllowed(DomainError):
    status, code = 403, "FORBIDDEN"
    sentence = N_("You may not do this.")


class Invalid(DomainError):
    """Input that means nothing; `details` is a list of messages per field."""

    status, code = 400, "VALIDATION_ERROR"
    sentence = N_("Some of the answers need another look.")


class Conflict(DomainError):
    status, code = 409, "CONFLICT"
    sentence = N_("Something changed in the meantime.")


class Gone(DomainError):
    status, code = 410, "GONE"
    sentence = N_("This is no longer available.")


class TooMany(DomainError):
    """A limit was reached; `until` is when it is worth trying again, `%(at)s` in the sentence."""

    status, code = 429, "RATE_LIMIT_EXCEEDED"
    sentence = N_("There were too many tries. Please try again from %(at)s.")

    def __init__(self, until: datetime, **params: Any) -> None:
        self.until = until
        super().__init__(details={"retryAt": until.isoformat(timespec="seconds")}, at=until, **params)


class PaymentFailed(DomainError):
    status, code = 502, "GATEWAY_UNAVAILABLE"
    sentence = N_("The payment service does not answer at the moment. Nothing was charged by us; your seats are kept.")


class Unavailable(DomainError):
    status, code = 503, "UNAVAILABLE"
    sentence = N_("The service is busy. Please try again in a moment.")
