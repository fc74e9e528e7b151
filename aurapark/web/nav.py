"""The menu of people who work here: one list for an agency's staff, one for the platform's.

Which of it somebody sees is not said twice: a page stands in the menu of whoever its door lets in. A new page is one
line here, under the name of its endpoint; a line whose endpoint does not exist is not shown.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import Flask, current_app, request, url_for
from flask_babel import lazy_gettext as _l

from aurapark.accounts.access import current_identity
from aurapark.web.audience import Audience, door_of

AGENCY: Sequence[tuple[Any, str]] = (
    (_l("Today"), "office_desk.home"),
    (_l("Departures"), "office_desk.departures"),
    (_l("Bookings"), "office_bookings.bookings"),
    (_l("Reports"), "office_desk.reports"),
    (_l("Settlements"), "office_settlements.settlements"),
    (_l("Payout account"), "payout_account.account"),
    (_l("Team"), "office.team"),
    (_l("Audit log"), "office.audit_log"),
)
PLATFORM: Sequence[tuple[Any, str]] = (
    (_l("Overview"), "platform.home"),
    (_l("Agencies"), "platform_agency_list.agencies"),
    (_l("Payments"), "platform_payments.payments"),
    (_l("Refunds"), "platform_refunds.refunds"),
    (_l("Settlements"), "platform_settlements.settlements"),
    (_l("Payouts"), "platform_payouts.payouts"),
    (_l("Cases"), "platform_cases.cases"),
    (_l("Disputes"), "platform_disputes.disputes"),
    (_l("Books"), "platform.ledger"),
    (_l("Bookings"), "platform_bookings.ask"),
    (_l("Accounts"), "platform_users.ask"),
    (_l("Jobs"), "platform_jobs.jobs"),
    (_l("Outbox"), "platform_outbox.outbox"),
    (_l("Doctor"), "platform_doctor.doctor"),
    (_l("Holidays"), "platform_holidays.holidays"),
    (_l("Words of messages"), "platform_templates.templates"),
    (_l("Audit log"), "platform_audit.log"),
)


class NavLink(NamedTuple):
    """One line of the menu; `here` on its page and on those below it."""

    text: str
    url: str
    here: bool


def init_app(app: Flask) -> None:
    """Give templates `agency_nav()` and `platform_nav()`."""
    app.add_template_global(agency_nav)
    app.add_template_global(platform_nav)


def agency_nav() -> list[NavLink]:
    """Return the menu of whoever is asking, for an agency's pages."""
    who = current_identity()
    return _links(AGENCY, Audience.AGENCY, who.agency_role if who else None)


def platform_nav() -> list[NavLink]:
    """Return the menu of whoever is asking, for the platform's pages."""
    who = current_identity()
    return _links(PLATFORM, Audience.PLATFORM, who.platform_role if who else None)


def _links(lines: Sequence[tuple[Any, str]], audience: Audience, role: Any) -> list[NavLink]:
    found = []
    for text, endpoint in lines:
        door = door_of(current_app, endpoint)
        if door is not None and door.audience == audience and role in door.roles:
            url = url_for(endpoint)
            found.append(NavLink(str(text), url, _is_here(url)))
    return found


def _is_here(url: str) -> bool:
    """The start page is an address of its own; other pages have theirs below them."""
    return request.path == url or (not url.endswith("/") and request.path.startswith(f"{url}/"))
