"""/styleguide: every component with its states. For development only; the figures on it are examples."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import segno
from flask import abort, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, DateField, Form, IntegerField, RadioField, SelectField, StringField, TelField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional

from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.charts import Figure, Series
from aurapark.web.formats import day, day_of_month, language
from aurapark.web.nav import NavLink
from aurapark.web.problems import Problem, problems_of
from aurapark.web.views import (
    CellKind,
    HoldClock,
    Position,
    PriceLine,
    RouteLink,
    SeatCell,
    SeatMap,
    SeatState,
    SummaryRow,
    TicketView,
    TripCard,
    TripLine,
)

bp = AudienceBlueprint("styleguide", __name__, url_prefix="/styleguide", audience=Audience.DEVELOPER)

LAYOUTS = {
    "coach": ["X...SD", *["SSS.SS"] * 6, "SSS.DD", *["SSS.SS"] * 6, "SSSSSS"],
    "vip": ["X..DD", *["SS.SS"] * 11, "SSSSS"],
    "vvip": ["X..D", *["SS.S"] * 11],
    "coaster": ["XSSD", *["SSJS"] * 6, "SSSS"],
    "hiace": ["XSS.", "SSSD", "SSJS", "SSJS", "SS.S", "SS.S"],
}
KINDS: dict[str, CellKind] = {"X": "driver", "D": "door", ".": "aisle"}
TAKEN = [str(number) for number in range(1, 71) if number * number % 13 in (1, 3, 9, 10)]
LEAVES = datetime(2026, 12, 18, 6, 30, tzinfo=UTC)
ARRIVES = datetime(2026, 12, 18, 11, 30, tzinfo=UTC)
TRIP = TripLine("Douala (Bonabéri)", "Bafoussam", LEAVES, "Classique", bus="70", agency="Étoile du Wouri Voyages")


class ExampleForm(Form):  # type: ignore[misc]
    """One field of each kind."""

    departure = SelectField(
        _l("Departure"),
        choices=[SelectChoice("DLA", "Douala"), SelectChoice("YAO", "Yaoundé")],
        validators=[DataRequired()],
        default="DLA",
    )
    arrival = SelectField(
        _l("Arrival"),
        choices=[SelectChoice("YAO", "Yaoundé"), SelectChoice("DLA", "Douala")],
        validators=[DataRequired()],
        default="YAO",
    )
    day = DateField(_l("Date"), default=date(2026, 12, 18), validators=[DataRequired()])
    passengers = IntegerField(_l("Passengers"), default=2, validators=[DataRequired()])
    name = StringField(_l("Full name"), validators=[InputRequired(_l("Enter the full name, as on the ID card."))])
    phone = TelField(_l("Phone"), validators=[InputRequired(_l("Enter a phone number, such as 6 71 23 45 67."))])
    email = StringField(_l("E-mail"), validators=[Optional()])
    pay = RadioField(
        _l("How do you pay?"),
        choices=[SelectChoice("online", _l("Mobile money or card")), SelectChoice("counter", _l("At the counter"))],
        default="online",
    )
    rules = BooleanField(_l("I have read the refund rule"))


@bp.get("/")
def show() -> str:
    """Show everything, in the visitor's language and colours."""
    wrong = ExampleForm(prefix="wrong-")
    wrong.validate()
    return render_template(
        "styleguide.html",
        form=ExampleForm(),
        wrong=wrong,
        errors=[*problems_of(wrong), Problem(_("Seat 12 was just taken. Here are the nearest free ones."))],
        map=seat_map("coach", {"7": "lost", "8": "chosen"}),
        layouts=LAYOUTS,
        trips=list(example_trips()),
        tickets=list(example_tickets()),
        desk=[NavLink(_("Bookings"), "#bookings", True), NavLink(_("Team"), "#team", False)],
        **example_figures(),
        **example_sale(),
    )


@bp.get("/home")
def home() -> str:
    """Show the home page's frame."""
    return render_template("styleguide_home.html", form=ExampleForm(), **example_sale())


@bp.get("/seats/<layout>/<int:passengers>")
def seats(layout: str, passengers: int) -> str:
    """Show one seat page as a traveller meets it, to look at its size, its keys and its width."""
    if layout not in LAYOUTS:
        abort(404)
    return render_template("styleguide_seats.html", map=seat_map(layout, {}), passengers=passengers, trip=TRIP)


def seat_map(layout: str, states: dict[str, SeatState]) -> SeatMap:
    """Return an example bus, half sold; `states` are further seats by their number."""
    rows, numbers = LAYOUTS[layout], iter(range(1, 100))
    known: dict[str, SeatState] = {**dict.fromkeys(TAKEN, "taken"), **states}
    cells = [[_cell(rows, row, column, known, numbers) for column in range(len(rows[0]))] for row in range(len(rows))]
    return SeatMap(42, "DLA-BONABERI", "BFS-NDIANGDAM", "118", 4000, cells)


def _cell(rows: list[str], row: int, column: int, states: dict[str, SeatState], numbers: Iterator[int]) -> SeatCell:
    mark = rows[row][column]
    if mark in KINDS:
        return SeatCell(KINDS[mark])
    seat = str(next(numbers))
    around = [line[max(column - 1, 0) : column + 2] for line in rows[max(row - 1, 0) : row + 2]]
    return SeatCell(
        "seat",
        seat,
        state=states.get(seat, "free"),
        position=_position(rows[row], column),
        side="left" if column < len(rows[row]) / 2 else "right",
        near_door=any("D" in line for line in around),
        amount=4000,
    )


def _position(row: str, column: int) -> Position:
    if row[column] == "J":
        return "folding"
    if set(row) == {"S"}:
        return "back_bench"
    if column in (0, len(row) - 1):
        return "window"
    return "aisle" if {".", "J"} & set(row[column - 1 : column + 2]) else "middle"


def example_trips() -> Iterator[TripCard]:
    """One trip in each state that the results page knows."""
    first = TripCard(
        trip_id=1,
        href="#1",
        departs_at=LEAVES,
        arrives_at=ARRIVES,
        from_place="Douala Bonabéri",
        to_place="Bafoussam Ndiangdam",
        agency="Étoile du Wouri Voyages",
        licence="DEMO-0001",
        service_class="VIP",
        passengers=2,
        amount=13000,
        seats_free=23,
        included=[_("Air conditioning"), _("20 kg of luggage")],
    )
    yield first
    yield replace(first, trip_id=2, href="#2", service_class="Classique", amount=8000, seats_free=2, included=[])
    sold_out = replace(first, trip_id=3, seats_free=0, on_sale=False, note=_("Sold out"))
    yield replace(sold_out, departs_at=LEAVES.replace(hour=21), arrives_at=ARRIVES.replace(day=19, hour=3))


def example_sale() -> dict[str, object]:
    """A hold, its price and its facts."""
    return {
        "trip": TRIP,
        "hold": HoldClock(["12", "13"], datetime(2026, 12, 18, 13, 45, tzinfo=UTC), 884, "#extend", "#release"),
        "lines": [PriceLine(_("Seat 12, adult"), 4000), PriceLine(_("Seat 13, child"), 2500)],
        "facts": [SummaryRow(_("Phone"), "6 71 23 45 67", "#phone"), SummaryRow(_("Departure"), "Douala Bonabéri")],
        "routes": [RouteLink("Douala – Yaoundé", "#r1", 4000), RouteLink("Douala – Bafoussam", "#r2", 4000)],
    }


def example_figures() -> dict[str, list[Figure]]:
    """Charts: days of one series and of four, stacked and side by side; names; values below 0; one value; none."""
    days = [date(2026, 11, 1) + timedelta(days=number) for number in range(30)]
    web = [number * number * 37_000 % 410_000 for number in range(30)]
    counter = [number * 23_000 % 190_000 for number in range(30)]
    in_words = [day(one, locale=language()) for one in days], [day_of_month(one, locale=language()) for one in days]
    by_channel = Series(_("Website"), web), Series(_("Counter"), counter)
    four = [Series(f"{_('Route')} {number}", [number * 7, 90 - number * 20, number]) for number in range(1, 5)]
    places = ["Douala – Yaoundé", "Douala – Bafoussam", "Yaoundé – Ngaoundéré – Garoua – Maroua"]
    sales = Figure("g-days", _("Sales"), _("Day"), in_words[0], by_channel, "money", stacked=True, brief=in_words[1])
    return {
        "column_figures": [
            sales,
            Figure("g-four", _("Seats"), _("Day"), in_words[0][:3], four),
            Figure("g-net", _("Net"), _("Day"), in_words[0][:4], [Series(_("Net"), [-25_000, 0, 1, 10**12])], "money"),
            replace(sales, key="g-none", series=[Series(_("Website"), [0] * 30)]),
        ],
        "bar_figures": [
            Figure("g-routes", _("Routes"), _("Route"), places, four[:2], stacked=True),
            Figure("g-one", _("Routes"), _("Route"), places[:1], [Series(_("Sales"), [2_000_000_000])], "money"),
            Figure("g-owed", _("Net"), _("Agency"), places, [Series(_("Net"), [125_000, -40_000, 1])], "money"),
        ],
    }


def example_tickets() -> Iterator[TicketView]:
    """A valid ticket, one that has been used, and one that no longer counts."""
    qr = segno.make("AP1.example.7K3QF9", error="m", micro=False).svg_inline(
        omitsize=True, svgclass=None, lineclass=None
    )
    valid = TicketView(
        agency="Étoile du Wouri Voyages",
        licence="DEMO-0001",
        from_place="Douala Bonabéri",
        to_place="Bafoussam Ndiangdam",
        departs_at=LEAVES,
        be_there_at=LEAVES.replace(minute=0),
        seat="12",
        passenger="Aïssatou Ngo Bell",
        category=_("Adult"),
        bus="Wouri 7, LT 482 KA",
        code="7K3QF9",
        qr=Markup(qr),  # nosec B704  # noqa: S704  drawn by segno from a constant
        rule=_("100% back until 24 h before departure, 50% until 2 h, then nothing."),
    )
    yield valid
    yield replace(valid, code="7K3QFA", seat="13", state="boarded")
    yield replace(valid, code="7K3QFB", seat="14", state="void")
