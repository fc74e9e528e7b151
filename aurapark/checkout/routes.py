"""Choosing seats: the map, "choose for me", holding, and what to do when somebody was faster."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from aurapark.booking.access import KeptSeats, OwnHold, find_own_hold, list_own_holds
from aurapark.booking.best_available import PREFERENCES, Preference, choose_seats, nearest_seats
from aurapark.booking.errors import NetworkShareTooBig, NoSuchSeat, SeatsTaken, WrongSeatCount
from aurapark.booking.seats import SeatsForSale, get_seats
from aurapark.checkout import seat_page
from aurapark.checkout.asker import this_asker, this_holder
from aurapark.checkout.forms import HoldForm
from aurapark.checkout.gateways import hold_terms_for
from aurapark.checkout.visitor_hold import Wish, hold_for_visitor, keep_the_rest
from aurapark.errors import DomainError, TooMany
from aurapark.settings import current_settings
from aurapark.timetable.errors import TripNotFound
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.errors import with_retry_after
from aurapark.web.fields import is_code
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of
from aurapark.web.switches import stay_at
from aurapark.web.visitor import ensure_visitor

ON_MAP = "map"  # the id of the map's heading; and the answer "choose on the map" of the conflict page

TRIP_ID = f"<int(max={2**63 - 1}):trip_id>"  # what the database can hold

bp = AudienceBlueprint("checkout", __name__, audience=Audience.GUEST)


@bp.get(f"/trips/{TRIP_ID}/seats")
def seats(trip_id: int) -> Response:
    """Show the seats of one leg; `seat` in the address ticks seats beforehand."""
    wish, party = _read(trip_id, request.args)
    ensure_visitor()
    found, own = _look(wish)
    ticked = wish.seats or (own.seats if own and not own.paying else ())
    return _show(found, own, party, ticked)


@bp.post(f"/trips/{TRIP_ID}/seats")
def choose(trip_id: int) -> AnyResponse:
    """Hold the chosen seats and go on; or choose for the traveller, or look again, which hold nothing."""
    wish, party = _read(trip_id, request.form)
    holder = this_holder()
    terms = hold_terms_for(current_settings())
    if request.form.get("auto"):
        return _choose_for_me(wish, party)
    if request.form.get("refresh") or request.form.get("instead") == ON_MAP:
        return _look_again(wish, party)
    if problems := _problems(wish, party):
        return _show(*_look(wish), party, wish.seats, problems=problems, status=422)
    try:
        reference = hold_for_visitor(wish, holder=holder, terms=terms)
    except SeatsTaken as taken:
        return answer_conflict(wish, party, taken)
    except (NoSuchSeat, WrongSeatCount) as error:
        return _show(*_look(wish), party, wish.seats, problems=[Problem(sentence_of(error), ON_MAP)], status=422)
    except (TooMany, NetworkShareTooBig) as error:
        return _refuse(wish, party, error)
    return redirect(url_for("payment.checkout", reference=reference), 303)


def answer_conflict(wish: Wish, party: int, taken: SeatsTaken) -> Response:
    """Keep those of the wanted seats that are still free, and offer the nearest ones for the others."""
    holder = this_holder()
    lost = keep_the_rest(wish, taken.seats, holder=holder, terms=hold_terms_for(current_settings()))
    found, own = _look(wish)
    loss = seat_page.describe_loss(found, own, wish.seats, lost)
    return _show(found, own, party, loss.kept, loss=loss, status=409)


def _read(trip_id: int, values: Any) -> tuple[Wish, int]:
    """Return what somebody wants and for how many. Raises TripNotFound, WrongSeatCount."""
    start, end = (values.get(name, "").strip().upper() for name in ("from", "to"))
    if not (is_code(start) and is_code(end)):
        raise TripNotFound
    limit, people = current_settings().max_seats, values.get("passengers", "1")
    if not (people.isdecimal() and len(people) <= 2 and 1 <= int(people) <= limit):
        raise WrongSeatCount(max=limit)
    instead = [] if values.get("instead") == ON_MAP else values.get("instead", "").split()
    return Wish(trip_id, start, end, (*values.getlist("seat"), *instead)), int(people)


def _look(wish: Wish) -> tuple[SeatsForSale, OwnHold | None]:
    """Return the seats for sale and this visitor's hold on the trip, whose seats count as free."""
    own = find_own_hold(this_asker(), wish.trip_id)
    mine = own.booking_id if own and not own.paying else None
    return get_seats(wish.trip_id, wish.from_code, wish.to_code, except_booking_id=mine), own


def _problems(wish: Wish, party: int) -> list[Problem]:
    form = HoldForm(request.form, max_seats=current_settings().max_seats)
    form.seats.data = list(wish.seats)
    if not form.validate():
        return [Problem(problem.text, ON_MAP) for problem in problems_of(form)]
    if len(wish.seats) == party:
        return []
    chosen = ngettext("%(num)d seat", "%(num)d seats", len(wish.seats))
    people = ngettext("%(num)d passenger", "%(num)d passengers", party)
    next_step = (
        _("Choose the others, or let us choose them for you.") if len(wish.seats) < party else _("Take some away.")
    )
    return [Problem(_("You chose %(seats)s for %(people)s.", seats=chosen, people=people) + " " + next_step, ON_MAP)]


def _refuse(wish: Wish, party: int, error: DomainError) -> Response:
    """Say why no more seats are kept and until when, beside what this visitor keeps already."""
    others = list_own_holds(this_asker())
    problems = [Problem(sentence_of(error))]
    page = _show(*_look(wish), party, wish.seats, problems=problems, others=others, status=error.status)
    return with_retry_after(page, error)


def _look_again(wish: Wish, party: int) -> Response:
    found, own = _look(wish)
    gone = [seat for seat in wish.seats if seat in found.taken]
    return _show(found, own, party, wish.seats, lost=gone)


def _choose_for_me(wish: Wish, party: int) -> Response:
    """Tick the best seats for the party; with some ticked already, those beside them for the rest."""
    found, own = _look(wish)
    layout = found.trip.layout
    kept = [seat for seat in dict.fromkeys(wish.seats) if seat in found.free][:party]
    preference: Preference = next((word for word in PREFERENCES if word == request.form.get("preference")), "front")
    if 0 < len(kept) < party:
        picked = [*kept, *nearest_seats(layout, found.free, kept, kept, party - len(kept))]
    else:
        picked = choose_seats(layout, found.free, party, preference) or []
    if len(picked) < party:
        problems = [Problem(seat_page.few_left(found), ON_MAP)]
        return _show(found, own, party, kept, problems=problems, status=409)
    return _show(found, own, party, picked, preference=preference)


def _show(
    found: SeatsForSale,
    own: OwnHold | None,
    party: int,
    ticked: Sequence[str] = (),
    *,
    lost: Sequence[str] = (),
    loss: seat_page.Loss | None = None,
    problems: Sequence[Problem] = (),
    others: Sequence[KeptSeats] = (),
    preference: str = "front",
    status: int = 200,
) -> Response:
    trip = found.trip
    leg: Mapping[str, Any] = {"from": trip.board.code, "to": trip.alight.code, "passengers": party}
    stay_at(url_for("checkout.seats", trip_id=trip.trip_id, seat=[*ticked], **leg))
    page = render_template(
        "checkout/seats.html",
        trip=trip,
        line=seat_page.trip_line(trip),
        map=seat_page.draw_map(found, chosen=found.free.intersection(ticked), lost=loss.seats if loss else lost),
        passengers=party,
        own=None if loss else own,
        loss=loss,
        problems=list(problems),
        others=others,
        preference=preference,
        action=url_for("checkout.choose", trip_id=trip.trip_id, **leg),
        results_url=url_for("search.results", date=trip.service_date.isoformat(), **leg),
    )
    response = make_response(page, status)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
