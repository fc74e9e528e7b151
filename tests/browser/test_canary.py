"""A canary in every field that people fill and pages show: every page, mail, SMS and file is read, and nothing sings.

An identity is a name and the cookies of its browser. Each walks every link it is shown, and every page of its own that
needs no number; a link to a file is fetched and read by whoever knows that kind (`files.py`).
"""

import email
import email.policy
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import openpyxl
import pypdf
import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage
from pypdf.generic import DictionaryObject, NameObject
from sqlalchemy import text

from aurapark import audit, clock, create_app
from aurapark.accounts.models import AgencyRole, PlatformRole, User
from aurapark.agencies.payout_models import AccountKind, PayoutAccount
from aurapark.database import in_transaction
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from aurapark.notifications.relay import send_due
from aurapark.references import booking_token
from tests.accounts import browser_of, make_staff, make_user
from tests.browser.files import ending_of, faults_of
from tests.conftest import admin_connection, make_settings, url_of
from tests.factories import Network
from tests.office import give_factor
from tests.running import running_site
from tests.stories import HOLD_TERMS, confirm, hold

NAME = "aurapark_canary"
CANARY = "=1+1\"'><img src=x onerror=sing()><script>sing()</script>{{7*7}}{a.__class__}%s${7*7}"
FIELDS = {
    "agency": ("name", "short_name", "licence", "phone"),
    "vehicle": ("name", "plate"),
    "seat_map": ("name_fr", "name_en"),
    "city": ("name",),
    "stop": ("name",),
    "passenger": ("name", "former_name"),
    "booking": ("payer_name",),
    "payment": ("failure",),
    "user_account": ("name",),
    "login_session": ("device",),
    "passkey": ("name",),
    "trip": ("delay_reason",),
}
DEPARTURES = f"/agency/departures?day={clock.today() + timedelta(days=1)}"
START = {  # where each begins, and where the canary must be found in the page, as text
    "guest": (),
    "traveller": ("/account", "/account/data"),
    "owner": (
        *("/agency/", DEPARTURES, "/agency/bookings", "/agency/reports", "/agency/team", "/agency/audit"),
        "/agency/payout-account",
    ),
    "admin": ("/admin/agencies", "/admin/audit", "/admin/payments", "/admin/payments/1"),
}
FILES = {  # which files must have been met at least
    "guest": {".ics"},
    "traveller": {".json"},
    "owner": {".csv", ".xlsx"},
    "admin": {".csv", ".xlsx"},
}
OTHERS = ("clerk", "boarding", "manager", "accountant", "support", "finance")  # in the long form
Walk = Callable[[str], tuple[list[str], set[str], set[str]]]
MOST_PAGES = int(os.environ.get("CRAWL_PAGES", "22"))  # beside those it begins with; `make security` walks further


@dataclass
class Sung:
    """A running site full of canaries, its addresses to begin with, and the cookies of each identity."""

    url: str
    reference: str
    seeds: list[str]
    own: dict[str, list[str]]
    identities: dict[str, dict[str, str]]
    folder: Path


@pytest.fixture(scope="module")
def sung(servers: EmbeddedServers, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sung]:
    """A sold booking, a held one, people of every role; then every field is overwritten with the canary."""
    folder = tmp_path_factory.mktemp("canary")
    with admin_connection(servers) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME} TEMPLATE {template_database} STRATEGY FILE_COPY")
    url = url_of(servers, NAME)
    with running_site(url, servers.redis_url, folder, processes=(), RATE_LIMITS="off") as site:
        var = Path(site.environment["AURAPARK_VAR"])
        app = create_app(make_settings(url, servers.redis_url, var, SITE_URL=site.url))
        with app.app_context():
            network = Network.make()
            sold, held = confirm(network), hold(network, "14")
            people = {"traveller": make_user()}
            people |= {str(role): make_staff(role, network.agency) for role in AgencyRole}
            people |= {str(role): make_staff(role) for role in PlatformRole}
            identities: dict[str, dict[str, str]] = {"guest": {}}
            for name, user in people.items():
                if name != "traveller":
                    give_factor(user)  # without one staff would see its set-up page and nothing else
                browser = browser_of(app, user, second_factor=True)
                cookie = browser.get_cookie("session")
                assert cookie is not None
                identities[name] = {"session": cookie.value}
            in_transaction(lambda: _write_with_reasons(network.agency.id, people))
            in_transaction(_poison)
            while send_due(app.config["AURAPARK"], 100):
                pass
            day = network.trip.service_date
            links = [f"/t/{booking_token(HOLD_TERMS.token_key, one.reference, 1)}" for one in (sold, held)]
            seeds = [
                *links,
                f"/trips?from=DLA&to=YAO&date={day}&passengers=1",
                f"/trips/{network.trip.id}/seats?from=DLA&to=YAO&passengers=1",
                f"/bookings/{sold.reference}/cancel",
                f"/bookings/{held.reference}/checkout",
                "/account",
                f"/admin/agencies/{network.agency.id}",
                f"/admin/bookings/{sold.reference}",
                f"/agency/bookings/{sold.reference}",
                f"/agency/bookings/{sold.reference}/cancel",
                f"/admin/users/{people['owner'].id}",
                f"/find?x={CANARY}",
                f"/trips?from={CANARY}&to={CANARY}",
            ]
            reference = sold.reference
            own = {str(role): _pages_of(app, "/agency/") for role in AgencyRole}
            own |= {str(role): _pages_of(app, "/admin/") for role in PlatformRole}
            db.session.remove()
            db.engine.dispose()
        yield Sung(site.url, reference, seeds, own, identities, var)


def _pages_of(app: Flask, beginning: str) -> list[str]:
    """Every page below an address that needs no number to be asked for."""
    rules = [one for one in app.url_map.iter_rules() if "GET" in (one.methods or ()) and not one.arguments]
    return sorted(one.rule for one in rules if one.rule.startswith(beginning))


def _write_with_reasons(agency_id: int, people: dict[str, User]) -> None:
    """What is never changed afterwards is written with the canary: an account for payouts, lines of the audit log."""
    soon = clock.now() + timedelta(days=3)
    words = {"holder": CANARY, "bank": CANARY, "kind": AccountKind.BANK, "ending": "0042", "sealed": b"sealed"}
    db.session.add(
        PayoutAccount(agency_id=agency_id, created_by=people["owner"].id, payable_from=soon, **words),
    )
    for user in (people["clerk"], people["owner"]):
        actor = f"user:{people['admin'].id}"
        audit.record("user.read", "user", str(user.id), actor=actor, reason=CANARY, before={"x": CANARY})
        audit.record(
            "role.change", "agency", str(agency_id), actor=f"user:{user.id}", reason=CANARY, after={"x": CANARY}
        )


def _poison() -> None:
    for table, columns in FIELDS.items():
        for column in columns:
            song = ":song || id" if column == "plate" else ":song"
            song = "left(:song, 40)" if table == "passkey" else song
            changed = db.session.execute(text(f"UPDATE {table} SET {column} = {song}"), {"song": CANARY})  # noqa: S608
            assert changed.rowcount, f"no {table} to put the canary into"  # type: ignore[attr-defined]


@pytest.fixture
def walk(browser: Browser, sung: Sung) -> Iterator[Walk]:
    contexts: list[BrowserContext] = []

    def go(identity: str) -> tuple[list[str], set[str], set[str]]:
        """Walk as somebody; returns what the browser complained about or where the canary sang, where it stood, and
        the kinds of files that were read."""
        context = browser.new_context(locale="en")
        contexts.append(context)
        cookies = sung.identities[identity]
        context.add_cookies([{"name": n, "value": v, "url": sung.url} for n, v in cookies.items()])
        said: list[str] = []
        context.expose_function("sing", lambda: said.append("the canary sang"))
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{page.url} {message.text}") if _matters(message) else None)
        page.on("dialog", lambda dialog: dialog.dismiss())
        waiting = [*START.get(identity, ()), *sung.own.get(identity, []), *sung.seeds]
        most = len(waiting) - len(sung.seeds) + MOST_PAGES
        seen: set[str] = set()
        stood: set[str] = set()
        kinds: set[str] = set()
        while waiting and len(seen) < most:  # files that pages lead to come first, and are not counted
            path = waiting.pop(0)
            ending = ending_of(path)
            known = urlsplit(path).path if ending else path  # a file once, whatever is filtered
            if known in seen:
                continue
            seen.add(known)
            if ending:
                most += 1
                file = context.request.get(sung.url + path)
                assert file.status < 500, path
                if file.ok:
                    said += [f"{path}: {fault}" for fault in faults_of(ending, file.headers, file.body())]
                    kinds.add(ending)
                continue
            answer = page.goto(sung.url + path, wait_until="load")
            assert answer is None or answer.status < 500, path
            foreign = page.locator("img[src='x'], [onerror]").count()
            if foreign:
                said.append(f"{path}: the canary became an element")
            if CANARY in page.locator("body").inner_text() or "{{7*7}}" in page.content():
                stood.add(urlsplit(path).path)
            links = [one for one in page.evaluate(LINKS) if _walks(one)]
            waiting = sorted([*waiting, *links], key=lambda one: not ending_of(one))
        return said, stood, kinds

    yield go
    for context in contexts:
        context.close()


LINKS = """() => [...document.querySelectorAll("a[href]")].filter(a => a.origin === location.origin)
    .map(a => a.pathname + a.search)"""


def _walks(path: str) -> bool:
    return "theme=" not in path and "lang=" not in path


def _matters(message: ConsoleMessage) -> bool:
    """A violation of the policy is an error; advice of the browser and our own 404 are not."""
    return message.type == "error" and "status of 4" not in message.text


@pytest.mark.parametrize("identity", [*START, *(OTHERS if MOST_PAGES > 50 else ())])
def test_no_canary_sings_on_any_page(sung: Sung, walk: Walk, identity: str) -> None:
    said, stood, kinds = walk(identity)
    assert said == []
    assert FILES.get(identity, set()) <= kinds
    assert {urlsplit(page).path for page in START.get(identity, ())} <= stood, "the canary was not even there"


def test_the_canary_sings_where_nothing_holds_it(browser: Browser) -> None:
    """The control: put into a page without escaping and without a policy, it is heard."""
    page = browser.new_page()
    heard: list[int] = []
    page.expose_function("sing", lambda: heard.append(1))
    page.set_content(f'<input value="{CANARY}">')
    page.wait_for_timeout(200)
    page.close()
    assert len(heard) == 2


RISKY = {
    ".csv": b"name,amount\n=1+1,-500\n",
    ".ics": b"BEGIN:VCALENDAR\r\nhttp://evil.example\r\nEND:VCALENDAR\r\n",
}


@pytest.mark.parametrize("ending", [".csv", ".ics", ".xlsx", ".pdf"])
def test_a_file_that_would_run_is_found(ending: str) -> None:
    """The control for files."""
    file = io.BytesIO()
    if ending == ".xlsx":
        book = openpyxl.Workbook()
        book.active["A1"] = "=1+1"
        book.save(file)
    elif ending == ".pdf":
        paper = pypdf.PdfWriter()
        paper.add_blank_page(9, 9)
        paper.root_object[NameObject("/OpenAction")] = DictionaryObject({NameObject("/S"): NameObject("/JavaScript")})
        paper.write(file)
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": f'attachment; filename="a{ending}"'}
    found = faults_of(ending, headers, RISKY.get(ending) or file.getvalue())
    assert found
    assert not [one for one in found if "name" in one or "sniffed" in one or "500" in one]


def test_templates_in_fields_stay_text(sung: Sung) -> None:
    client = requests.Session()
    pages = [client.get(sung.url + seed, timeout=10, headers={"Accept-Language": "en"}).text for seed in sung.seeds]
    shown = [page for page in pages if "{{7*7}}" in page]
    assert len(shown) >= 3
    for page in pages:
        assert "<script>sing()" not in page
        assert "<img src=x" not in page


def test_mails_and_texts_carry_it_as_text(sung: Sung) -> None:
    mails = [email.message_from_bytes(one.read_bytes(), policy=email.policy.default) for one in _files(sung, "mail")]
    assert mails
    for mail in mails:
        for part in mail.walk():
            if part.get_content_type() == "text/html":
                assert "<script>sing()" not in part.get_content()
                assert "<img src=x" not in part.get_content()
    assert any("{{7*7}}" in one.read_text(errors="replace") for one in _files(sung, "sms")) or mails


def _files(sung: Sung, kind: str) -> list[Path]:
    return [one for one in (sung.folder / kind).rglob("*") if one.is_file()]


def test_the_calendar_file_has_one_event_whatever_the_names_say(sung: Sung) -> None:
    client = requests.Session()
    client.get(sung.url + sung.seeds[0], timeout=10)
    file = client.get(f"{sung.url}/bookings/{sung.reference}/calendar.ics", timeout=10)
    assert file.status_code == 200
    assert file.text.count("\nBEGIN:VEVENT") == 1
    assert file.headers["Content-Disposition"] == f'attachment; filename="aurapark-{sung.reference}.ics"'
