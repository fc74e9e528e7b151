"""My trips: to come and past, and bringing guest bookings into the account."""

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.errors import N_
from aurapark.travellers.bring import bring_guest_bookings, count_guest_bookings
from aurapark.travellers.trips import MOST_PAGES, list_own_trips
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words

bp = AudienceBlueprint("trips", __name__, audience=Audience.ACCOUNT, url_prefix="/account/trips")

DONE = {"brought": N_("Your bookings are in your account now."), "none": N_("There was nothing to bring.")}


@bp.get("")
def mine() -> str:
    """Show the trips to come, or with `?when=past` those that were."""
    who = require_identity()
    past = request.args.get("when") == "past"
    found = list_own_trips(who.user_id, past=past, page=_page())
    offered = 0 if past or who.is_staff else count_guest_bookings(who.user_id)
    return render_template(
        "traveller/trips.html",
        found=found,
        past=past,
        offered=offered,
        done=done_words(DONE),
        page_url=lambda number: url_for(".mine", page=number, when="past" if past else None),
    )


@bp.post("/bring")
def bring() -> Response:
    """Bring the guest bookings paid with this person's proved phone or e-mail. Staff book as guests."""
    who = require_identity()
    if who.is_staff:
        abort(403)
    brought = bring_guest_bookings(who.user_id)
    return redirect(f"/account/trips?done={'brought' if brought else 'none'}", 303)


def _page() -> int:
    asked = request.args.get("page", "1")
    return min(max(int(asked), 1), MOST_PAGES) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1
