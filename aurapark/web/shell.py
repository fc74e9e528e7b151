"""Assembles the shell of the site: what the application is made of, cookies, hosts, headers, errors."""

from flask import Blueprint, Flask
from flask_babel import Babel
from flask_compress import Compress
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from aurapark.accounts import access
from aurapark.config import Settings
from aurapark.web import (
    api,
    assets,
    doors,
    drawings,
    errors,
    floods,
    formats,
    gate,
    headers,
    health,
    language,
    metrics,
    nav,
    payout_names,
    problems,
    role_names,
    state_names,
    statement_words,
    switches,
    watch,
)
from aurapark.web.visitor import LIFETIME

LOOPBACK_NAMES = ("localhost", "127.0.0.1")


def blueprints(settings: Settings) -> list[Blueprint]:
    """Return every blueprint of the site, in the order of the traveller's way."""
    from aurapark.accounts import account_routes, factor_routes, prove_routes
    from aurapark.accounts import routes as sign_in
    from aurapark.checkout import api_routes as checkout_api
    from aurapark.checkout import booking_routes as booking
    from aurapark.checkout import cancel_routes as cancel
    from aurapark.checkout import payment_routes as payment
    from aurapark.checkout import routes as seats
    from aurapark.checkout import webhook_routes as webhooks
    from aurapark.jobs import api_routes as jobs_api
    from aurapark.office import booking_deed_routes as office_deeds
    from aurapark.office import booking_routes as office_bookings
    from aurapark.office import desk_routes as office_desk
    from aurapark.office import join_routes, payout_routes, team_routes
    from aurapark.office import settlement_routes as office_settlements
    from aurapark.platform import agency_list_routes as platform_agency_list
    from aurapark.platform import agency_routes as platform_agencies
    from aurapark.platform import audit_routes as platform_audit
    from aurapark.platform import booking_routes as platform_bookings
    from aurapark.platform import case_routes as platform_cases
    from aurapark.platform import dispute_routes as platform_disputes
    from aurapark.platform import doctor_routes as platform_doctor
    from aurapark.platform import holiday_routes as platform_holidays
    from aurapark.platform import job_routes as platform_jobs
    from aurapark.platform import legal_routes as platform_legal
    from aurapark.platform import outbox_routes as platform_outbox
    from aurapark.platform import payment_routes as platform_payments
    from aurapark.platform import payout_routes as platform_payouts
    from aurapark.platform import refund_routes as platform_refunds
    from aurapark.platform import routes as platform
    from aurapark.platform import settlement_routes as platform_settlements
    from aurapark.platform import template_routes as platform_templates
    from aurapark.platform import user_routes as platform_users
    from aurapark.search import api_routes as search_api
    from aurapark.search import routes as search
    from aurapark.travellers import data_routes as own_data
    from aurapark.travellers import trip_routes as trips
    from aurapark.web import openapi, privacy, styleguide

    pages: list[Blueprint] = [search.bp, seats.bp, payment.bp, booking.bp, cancel.bp, sign_in.bp, account_routes.bp]
    pages += [prove_routes.bp, factor_routes.bp, privacy.bp]
    pages += [trips.bp, own_data.bp]
    pages += [office_desk.bp, join_routes.bp, team_routes.bp, payout_routes.bp, platform.bp, platform_agencies.bp]
    pages += [office_bookings.bp, office_deeds.bp]
    pages += [platform_users.bp, platform_bookings.bp, platform_audit.bp]
    pages += [platform_payouts.bp]
    pages += [platform_payments.bp, platform_refunds.bp, platform_cases.bp, platform_disputes.bp]
    pages += [platform_templates.bp, platform_jobs.bp, platform_outbox.bp, platform_doctor.bp]
    pages += [platform_holidays.bp, platform_agency_list.bp]
    pages += [office_settlements.bp, platform_settlements.bp, platform_legal.bp]
    shown = [*pages, search_api.bp, checkout_api.bp, webhooks.bp, jobs_api.bp, health.bp, metrics.bp, openapi.bp]
    return shown if settings.production else [*shown, styleguide.bp]


def init_app(app: Flask, settings: Settings, *, babel: Babel, csrf: CSRFProtect, compress: Compress) -> None:
    """Set cookies, hosts, language, headers, error pages and blueprints on the application."""
    app.config.update(
        TRUSTED_HOSTS=[settings.site_host, *([] if settings.production else LOOPBACK_NAMES)],
        MAX_CONTENT_LENGTH=64 * 1024,
        SESSION_COOKIE_NAME="__Host-session" if settings.https else "session",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=5,
        COMPRESS_STREAMS=False,
    )
    watch.init_app(app, settings)  # before anything can be refused
    metrics.init_app(app, settings)
    app.wsgi_app = health.answering_by_any_name(app.wsgi_app, settings.site_host)  # type: ignore[assignment, method-assign]
    if settings.proxy_count:
        count = settings.proxy_count
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    headers.init_app(app, settings)  # first in, last to run: it sees the finished answer
    compress.init_app(app)
    language.init_app(app, babel)
    csrf.init_app(app)
    floods.init_app(app, settings)  # before a request costs anything
    gate.init_app(app, csrf)
    access.init_app(app)
    doors.init_app(app)
    errors.init_app(app)
    api.init_app(app)
    for part in (
        assets,
        drawings,
        formats,
        nav,
        payout_names,
        problems,
        role_names,
        state_names,
        statement_words,
        switches,
    ):
        part.init_app(app)
    for blueprint in blueprints(settings):
        app.register_blueprint(blueprint)
