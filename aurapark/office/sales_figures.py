"""The sales of an agency as charts: by day or week, by channel, by route."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from aurapark.booking.models import Channel
from aurapark.office.periods import Period
from aurapark.office.sales import Sales
from aurapark.web.charts import Figure, Series
from aurapark.web.formats import day, day_of_month, language

CHANNELS: dict[Channel, Any] = {
    Channel.WEB: _l("Website"),
    Channel.API: _l("Partners"),
    Channel.COUNTER: _l("Counter"),
}
MOST_ROUTES = 10


def by_time(sales: Sales) -> Figure:
    """Return what was sold each day, or each week of a long period, one part for each channel that sold."""
    pieces = list(sales.period.pieces())
    sold_by = [channel for channel in Channel if channel in sales.channels] or [Channel.WEB]
    series = [Series(str(CHANNELS[one]), [sales.piece(piece, one).gross for piece in pieces]) for one in sold_by]
    title = gettext("Sales by week") if sales.period.in_weeks else gettext("Sales by day")
    brief = [day_of_month(piece.first, locale=language()) for piece in pieces]
    heading = gettext("Week") if sales.period.in_weeks else gettext("Day")
    names = [_name(piece) for piece in pieces]
    return Figure("by-day", title, heading, names, series, "money", stacked=True, brief=brief)


def by_channel(sales: Sales) -> Figure:
    """Return what was sold by each channel."""
    channels = [channel for channel in Channel if channel in sales.channels]
    values = [sales.channels[channel].gross for channel in channels]
    names = [str(CHANNELS[channel]) for channel in channels]
    return _named("by-channel", gettext("Sales by channel"), gettext("Channel"), names, values)


def by_route(sales: Sales) -> Figure:
    """Return what was sold on each route, most first; what is beyond ten is one line."""
    routes = sorted(sales.routes.items(), key=lambda route: (-route[1].gross, route[0]))
    names = [name for name, _sums in routes[:MOST_ROUTES]]
    values = [sums.gross for _name, sums in routes[:MOST_ROUTES]]
    if len(routes) > MOST_ROUTES:
        names.append(gettext("Other routes"))
        values.append(sum(sums.gross for _name, sums in routes[MOST_ROUTES:]))
    return _named("by-route", gettext("Sales by route"), gettext("Route"), names, values)


def _named(key: str, title: str, heading: str, names: Sequence[str], values: Sequence[int]) -> Figure:
    return Figure(key, title, heading, names, [Series(gettext("Sales"), values)], "money")


def _name(piece: Period) -> str:
    first = day(piece.first, locale=language())
    if piece.days == 1:
        return first
    return f"{day_of_month(piece.first, locale=language())} – {day(piece.last, locale=language())}"
