"""A statement as a document to file and to pay by: who owes whom, the sums, a row for each trip, what was carried.

A month of very many trips has a row for each day instead; the lines themselves are in the CSV and XLSX, and the
document says so. The same settlement gives the same bytes. DejaVu Sans is embedded, reduced to the letters used:
the fonts every PDF reader has know neither ŋ nor ɛ.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_babel import gettext
from fpdf import FPDF, FontFace, ViewerPreferences
from fpdf.enums import XPos, YPos
from fpdf.output import OutputProducer

from aurapark.agencies.models import Agency
from aurapark.extensions import db
from aurapark.settlements.lines import PATIENCE, LineSearch, count_trips, each_day, each_trip, list_lines
from aurapark.settlements.models import SettlementState
from aurapark.settlements.queries import get_progress
from aurapark.web.formats import clock_time, day, day_and_time, language, money, phone, reference, short_day
from aurapark.web.statement_pages import Statement
from aurapark.web.statement_words import month_name, statement_word

FONTS = Path(__file__).parent / "fonts"
FAMILY = "DejaVu"
MOST_TRIPS = 1000  # more are summed up by day
MOST_CARRIED = 200
MARGIN = 12
LINE = 4.6
SUM_WIDTHS = (19, 20, 29, 19, 20)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whoever issues statements, as the law wants it named; what is not known is empty."""

    name: str
    address: str
    rccm: str
    niu: str


class _Still(OutputProducer):
    """Writes a document that does nothing when it is opened; the library would have it zoom."""

    def _finalize_catalog(self, catalog_obj: Any, *given: Any, **named: Any) -> None:
        super()._finalize_catalog(catalog_obj, *given, **named)
        catalog_obj.open_action = None


class _Document(FPDF):
    """A4 with the number of the statement and of the page at the foot of each."""

    def __init__(self, footer: str) -> None:
        super().__init__(format="A4")
        self.footer_text = footer
        self.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
        self.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, margin=18)
        self.set_font(FAMILY, size=9)

    def footer(self) -> None:
        """Write the foot of a page."""
        self.set_y(-13)
        self.set_font(FAMILY, size=7.5)
        page = gettext("page %(page)s of %(pages)s", page=self.page_no(), pages="{nb}")
        self.cell(0, 5, f"{self.footer_text} – {page}", align="C")

    def say(self, text: str, size: float = 9, *, bold: bool = False, width: float = 0) -> None:
        """Write a paragraph."""
        self.set_font(FAMILY, "B" if bold else "", size)
        self.multi_cell(width, size * 0.55, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font(FAMILY, size=9)


def write_pdf(statement: Statement, issuer: Issuer) -> bytes:
    """Return the document, in the language of the request. Reads in a transaction under way."""
    db.session.execute(PATIENCE)
    settlement, agency = statement.settlement, statement.agency
    title = gettext("Statement %(number)s", number=statement.number)
    document = _Document(f"{issuer.name} – {statement.number}")
    document.set_title(f"{title} – {agency.name}")
    document.set_author(issuer.name)
    document.set_lang(language())
    document.set_creation_date(settlement.closed_at or get_progress(agency.id).filled_to or settlement.created_at)
    document.viewer_preferences = ViewerPreferences(display_doc_title=True)
    document.add_page()
    _write_head(document, statement, issuer, title)
    _write_sums(document, statement)
    _write_trips(document, statement)
    _write_carried(document, statement)
    return bytes(document.output(output_producer_class=_Still))


def _write_head(document: _Document, statement: Statement, issuer: Issuer, title: str) -> None:
    settlement, zone = statement.settlement, statement.agency.timezone
    document.say(title, 16, bold=True)
    document.ln(3)
    half, top = document.epw / 2, document.get_y()
    bottom = top
    for place, lines in enumerate((_named_issuer(issuer), _named_agency(statement.agency))):
        document.set_xy(MARGIN + place * half, top)
        for number, text in enumerate(lines):
            document.set_x(MARGIN + place * half)
            document.set_font(FAMILY, "B" if number == 1 else "", 9)
            document.multi_cell(half - 4, LINE, text, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)
        bottom = max(bottom, document.get_y())
    document.set_y(bottom + 4)
    last = settlement.period_end.astimezone(settlement.period_start.tzinfo)
    period = gettext(
        "Trips of %(month)s: from %(start)s to before %(end)s, times of %(zone)s.",
        month=month_name(statement.month),
        start=day(settlement.period_start, zone, locale=language()),
        end=day(last, zone, locale=language()),
        zone=zone,
    )
    document.say(period)
    document.say(_state(statement), bold=settlement.state == SettlementState.OPEN)
    document.ln(3)


def _named_issuer(issuer: Issuer) -> list[str]:
    known = [issuer.address, issuer.rccm and f"RCCM {issuer.rccm}", issuer.niu and f"NIU {issuer.niu}"]
    return [gettext("Issued by"), issuer.name, *(text for text in known if text)]


def _named_agency(agency: Agency) -> list[str]:
    known = [
        agency.name if agency.legal_name else "",
        agency.legal_address,
        gettext("Licence %(licence)s", licence=agency.licence),
        agency.rccm and f"RCCM {agency.rccm}",
        agency.niu and f"NIU {agency.niu}",
        phone(agency.phone) if agency.phone else "",
    ]
    return [gettext("For"), agency.legal_name or agency.name, *(text for text in known if text)]


def _state(statement: Statement) -> str:
    settlement, zone = statement.settlement, statement.agency.timezone
    if settlement.closed_at is None:
        filled = get_progress(statement.agency.id).filled_to
        at = day_and_time(filled, zone, locale=language()) if filled else "–"
        return str(gettext("Not closed yet: filled up to %(time)s, and it changes with every sale.", time=at))
    closed = day(settlement.closed_at, zone, locale=language())
    if settlement.paid_at is None:
        return str(gettext("Closed on %(day)s.", day=closed))
    paid = day(settlement.paid_at, zone, locale=language())
    return str(gettext("Closed on %(day)s, paid on %(paid)s.", day=closed, paid=paid))


def _write_sums(document: _Document, statement: Statement) -> None:
    one = statement.settlement
    rows = [
        (gettext("Sales"), one.gross),
        (gettext("Commission"), -one.commission),
        (gettext("Refunds"), -one.refunds),
        (gettext("Cash you have"), -one.cash_kept),
        (gettext("Carried from earlier months"), one.carried),
        (gettext("Net"), one.net),
    ]
    with document.table(
        width=110, align="L", col_widths=(70, 40), text_align=("LEFT", "RIGHT"), first_row_as_headings=False,
        borders_layout="HORIZONTAL_LINES", line_height=LINE * 1.3,
    ) as table:  # fmt: skip
        for name, amount in rows:
            style = FontFace(emphasis="BOLD") if name == rows[-1][0] else None
            table.row([name, money(amount, locale=language())], style=style)
    document.ln(3)


def _write_trips(document: _Document, statement: Statement) -> None:
    settlement, zone = statement.settlement, statement.agency.timezone
    by_trip = count_trips(settlement, MOST_TRIPS) <= MOST_TRIPS
    document.say(gettext("Trips of the month") if by_trip else gettext("Days of the month"), 11, bold=True)
    document.say(gettext("Amounts in FCFA. Every single line is in the CSV and the XLSX of this statement."), 8)
    if not by_trip:
        document.say(gettext("There are more than %(most)s trips, so each row is a day.", most=MOST_TRIPS), 8)
    document.ln(1)
    first = gettext("Trip") if by_trip else gettext("Day")
    sums = [gettext("Sales"), gettext("Commission"), gettext("Refunds"), gettext("Cash"), gettext("Net")]
    rows = _trip_rows(statement) if by_trip else _day_rows(statement, zone)
    widths = (document.epw - sum(SUM_WIDTHS), *SUM_WIDTHS)
    _write_table(document, [first, *sums], widths, rows, "L" + "R" * 5)


def _trip_rows(statement: Statement) -> Iterator[list[str]]:
    zone, locale = statement.agency.timezone, language()
    for one in each_trip(statement.settlement):
        left = f"{short_day(one.departs_at, zone, locale=locale)} {clock_time(one.departs_at, zone, locale=locale)}"
        yield [f"{left} {one.from_city} – {one.to_city} ({one.bookings})", *_amounts(one)]


def _day_rows(statement: Statement, zone: str) -> Iterator[list[str]]:
    for one in each_day(statement.settlement, zone):
        yield [f"{day(one.day, locale=language())} ({one.bookings})", *_amounts(one)]


def _amounts(one: Any) -> list[str]:
    return [_plain(amount) for amount in (one.gross, -one.commission, -one.refunds, -one.cash_kept, one.net)]


def _write_carried(document: _Document, statement: Statement) -> None:
    carried = list_lines(statement.settlement.id, LineSearch(carried=True), size=MOST_CARRIED)
    if not carried.rows:
        return
    zone = statement.agency.timezone
    document.ln(3)
    document.say(gettext("Carried from earlier months"), 11, bold=True)
    if carried.behind:
        document.say(
            gettext("The first %(most)s lines; all of them are in the CSV and the XLSX.", most=MOST_CARRIED), 8
        )
    document.ln(1)
    rows = (
        [
            day_and_time(one.created_at, zone, locale=language()),
            statement_word(one.kind),
            reference(one.reference) if one.reference else "",
            day(one.departs_at, zone, locale=language()) if one.departs_at else "",
            _plain(one.amount),
        ]
        for one in carried.rows
    )
    heads = [gettext("Time"), gettext("Kind"), gettext("Booking"), gettext("Departure"), gettext("Amount")]
    _write_table(document, heads, (46, 54, 24, document.epw - 148, 24), rows, "LLLLR")


def _write_table(
    document: _Document, heads: Sequence[str], widths: Sequence[float], rows: Iterable[list[str]], align: str
) -> None:
    """Write a table whose head is repeated on each page."""
    document.set_font(FAMILY, size=7.5)
    with document.table(
        col_widths=tuple(widths),
        text_align=tuple("LEFT" if one == "L" else "RIGHT" for one in align),
        headings_style=FontFace(emphasis="BOLD"),
        borders_layout="HORIZONTAL_LINES",
        line_height=LINE,
        padding=(0.4, 0.6),
    ) as table:
        table.row(list(heads))
        for row in rows:
            table.row(row)
    document.set_font(FAMILY, size=9)


def _plain(amount: int) -> str:
    """An amount without its currency, which stands above the table."""
    return money(amount, locale=language()).rpartition("\u00a0")[0]
