"""Where the platform's people begin: the money at one glance, what waits, and the way to everything; the accounts."""

from flask import current_app, make_response, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.agencies.queries import list_all_agencies
from aurapark.platform.desk_forms import LedgerForm
from aurapark.platform.overview import get_overview, list_accounts
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.charts import Figure, Series
from aurapark.web.formats import day, day_of_month, language
from aurapark.web.problems import problems_of

bp = AudienceBlueprint("platform", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)


@bp.get("/", roles=EVERYBODY)
def home() -> str:
    """Show the platform's numbers as of now, each with the list behind it, and where a role leads."""
    view = get_overview()
    days = [one.day for one in view.days]
    chart = Figure(
        key="days",
        title=gettext("Paid in and back, by day"),
        heading=gettext("Day"),
        labels=[day(one, locale=language()) for one in days],
        brief=[day_of_month(one, locale=language()) for one in days],
        series=[
            Series(gettext("Paid in"), [one.paid for one in view.days]),
            Series(gettext("Back to payers"), [one.back for one in view.days]),
        ],
        unit="money",
        total=False,
    )
    return render_template("admin/home.html", who=require_identity(), view=view, chart=chart, pages=_pages())


def _pages() -> dict[str, str]:
    """Where work that was given up and doctor's findings are shown, where these pages exist."""
    places = current_app.url_map.bind("")
    return {name: f"/admin/{name}" for name in ("outbox", "doctor") if places.test(f"/admin/{name}", "GET")}


@bp.get("/ledger", roles=EVERYBODY)
def ledger() -> Response:
    """Show what stands on each account of the books."""
    form = LedgerForm(request.args)
    valid = form.validate()
    names = {str(one.id): one.name for one in list_all_agencies()} if valid else {}
    balances = list_accounts(form.kind.data or "") if valid else []
    values = {"form": form, "balances": balances, "names": names, "problems": problems_of(form)}
    return make_response(render_template("admin/ledger.html", **values), 200 if valid else 422)
