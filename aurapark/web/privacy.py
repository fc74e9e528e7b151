"""The data-protection page: what is kept about people, what for, how long. Only what is true."""

from dataclasses import dataclass

from flask import Response, make_response, render_template
from flask_babel import gettext as _

from aurapark.settings import current_settings
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.headers import keep_for

SECONDS = 300

bp = AudienceBlueprint("privacy", __name__, audience=Audience.PUBLIC)


@dataclass(frozen=True)
class Kept:
    """One kind of data: what it is, what it is for, how long it stays."""

    what: str
    purpose: str
    stays: str


@bp.get("/privacy")
def show() -> Response:
    """Say what is kept about people."""
    page = render_template("privacy.html", kept=_kept(), processors=_processors())
    return keep_for(make_response(page), SECONDS)


def _kept() -> list[Kept]:
    no_end = _("No automatic deletion yet")
    booking = _("unpaid 30 days, paid 3 years; less when you erase your account")
    return [
        Kept(_("Passengers’ names"), _("The ticket, the list of the bus"), booking),
        Kept(
            _("Phone, e-mail and name of the payer"), _("Sending tickets and refunds, finding a booking again"), booking
        ),
        Kept(_("Network a booking was made from"), _("Looking into abuse"), _("30 days")),
        Kept(_("Reports of the payment service"), _("Knowing what was paid"), _("their text 90 days")),
        Kept(_("Payments and refunds, without card or PIN"), _("Paying, paying back, the books"), no_end),
        Kept(_("Messages we sent you"), _("Knowing that your ticket reached you"), _("400 days")),
        Kept(_("Account: e-mail, phone, name, hashed password"), _("Signing in, your trips"), _("until you erase it")),
        Kept(
            _("Your sessions: device, network, times"), _("Seeing and ending sign-ins that are not yours"), _("90 days")
        ),
        Kept(
            _("Cookies: session, language, colours"),
            _("Your unpaid seats, your choices; no advertising"),
            _("30 days; language and colours 1 year"),
        ),
        Kept(_("Network address, for limits"), _("Stopping robots from blocking seats"), _("1 day")),
        Kept(_("Repeated payment requests"), _("Never charging you twice"), _("72 hours")),
        Kept(
            _("Log of decisions about money and roles"),
            _("Proof of who decided what; ids, no names of travellers"),
            _("Always: nobody can change it"),
        ),
    ]


def _processors() -> list[str]:
    gateway = {"flutterwave": "Flutterwave", "stripe": "Stripe"}[current_settings().payment_gateway]
    return [
        _(
            "%(name)s: your payment; the payer’s name, phone and e-mail. Cards and PINs are typed there, never here.",
            name=gateway,
        ),
        _("The bus company of your trip: names and seats of its passengers."),
        _("The services that carry our e-mails and SMS: your address or number and the message."),
        _("Whoever hosts this site’s servers, on our behalf."),
    ]
