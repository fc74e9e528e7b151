"""A statement as files: every line as CSV and XLSX, the sums by trip as PDF; equal to the page, in its language."""

from collections.abc import Iterator
from typing import Any

from flask import Response, make_response
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from aurapark.database import let_go
from aurapark.settings import current_settings
from aurapark.settlements.lines import LineSearch, each_line
from aurapark.web.exports import Column, Sheet, one_of_few, send_export
from aurapark.web.statement_pages import Statement
from aurapark.web.statement_pdf import Issuer, write_pdf
from aurapark.web.statement_words import month_name, statement_word

COLUMNS = (
    Column(_l("Line"), "number"),
    Column(_l("Time"), "time"),
    Column(_l("Kind")),
    Column(_l("Carried")),
    Column(_l("Amount"), "money"),
    Column(_l("Booking")),
    Column(_l("Trip"), "number"),
    Column(_l("Departure"), "time"),
    Column(_l("From")),
    Column(_l("To")),
    Column(_l("Event")),
    Column(_l("Number of the event")),
)
SUMS = (Column(_l("Statement")), Column("", "money"))


def send_lines(statement: Statement, search: LineSearch, ending: str) -> Response:
    """Return the lines that are wanted as a file; XLSX has a sheet with the sums beside it."""
    zone = statement.agency.timezone
    lines = Sheet(gettext("Lines"), COLUMNS, _lines(statement, search), zone=zone)
    sheets = [lines] if ending == "csv" else [lines, Sheet(gettext("Sums"), SUMS, _sums(statement), zone=zone)]
    return send_export(statement.number, ending, *sheets)


def send_pdf(statement: Statement) -> Response:
    """Return the statement as a document. Raises Unavailable when too many files are being made already."""
    settings = current_settings()
    issuer = Issuer(settings.legal_name, settings.legal_address, settings.legal_rccm, settings.legal_niu)
    with one_of_few():
        written = write_pdf(statement, issuer)
        let_go()
    response = make_response(written)
    response.content_type = "application/pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{statement.number}.pdf"'
    return response


def _lines(statement: Statement, search: LineSearch) -> Iterator[tuple[Any, ...]]:
    yes, no = gettext("yes"), gettext("no")
    for one in each_line(statement.settlement.id, search):
        line = one.ledger_entry_id, one.created_at, statement_word(one.kind), yes if one.carried else no, one.amount
        trip = one.reference, one.trip_id, one.departs_at, one.from_city, one.to_city
        yield *line, *trip, one.event_type.value, one.event_id


def _sums(statement: Statement) -> Iterator[tuple[Any, Any]]:
    one = statement.settlement
    yield f"{statement.number}, {statement.agency.name}, {month_name(statement.month)}", None
    yield gettext("Sales"), one.gross
    yield gettext("Commission"), -one.commission
    yield gettext("Refunds"), -one.refunds
    yield gettext("Cash you have"), -one.cash_kept
    yield gettext("Carried from earlier months"), one.carried
    yield gettext("Net"), one.net
