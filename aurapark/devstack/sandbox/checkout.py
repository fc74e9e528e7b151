"""The hosted payment page: the payer chooses how to pay, and the tester decides what the payer does."""

import json
from functools import partial
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from aurapark.devstack.sandbox import charges, links, payer
from aurapark.devstack.sandbox.bench import Bench, get_bench
from aurapark.devstack.sandbox.pages import render_page
from aurapark.devstack.sandbox.store import Row
from aurapark.devstack.sandbox.test_values import CARDS, USUAL_CARD, read_card, read_phone

checkout = Blueprint("checkout", __name__, url_prefix=links.LINK_PATH.rstrip("/"))

DELAYS = ("30", "300", "1200", "after")
AFTER_SESSION = 60  # sandbox seconds after the end of the session
CLOSED = {"failed": 410, "cancelled": 410, "disabled": 410}


@checkout.get("/<link_id>")
def show(link_id: str) -> AnyResponse:
    """Show the page as the link stands, or send the payer back."""
    bench = get_bench()
    link = _see(bench, link_id)
    if link is None:
        return _closed_page(None, "unknown", 404)
    if link["state"] == "paid" or (link["state"] == "failed" and link["seen"]):
        return _send_back(bench, link) or _closed_page(link, "paid", 200)
    if link["state"] in CLOSED:
        return _closed_page(link, link["state"], CLOSED[link["state"]])
    with bench.store.transaction() as db:
        pending = charges.is_pending(db, link_id)
    if pending and "method" not in request.args:
        return _wait_page(bench, link)
    return _choice_page(bench, link)


@checkout.post("/<link_id>")
def act(link_id: str) -> AnyResponse:
    """Do what the tester chose: approve, refuse, late, never, or cancel."""
    bench = get_bench()
    link = _see(bench, link_id)
    if link is None or link["state"] != "open":
        return redirect(_here(link_id), 303)
    if request.form.get("outcome") == "cancel":
        payer.cancel(bench, link_id)
        cancelled = _see(bench, link_id)
        return (cancelled and _send_back(bench, cancelled)) or redirect(_here(link_id), 303)
    attempt, error = _read_try(bench, link)
    if attempt is None:
        return _choice_page(bench, link, error=error, status=422)
    payer.try_to_pay(bench, link, attempt)
    payer.wait_for_webhook(bench, link)
    return redirect(_here(link_id, method=attempt.method if attempt.outcome == "refuse" else None), 303)


@checkout.get("/<link_id>/state")
def state(link_id: str) -> dict[str, Any]:
    """Say how the link stands, for the script of the waiting page."""
    bench = get_bench()
    with bench.store.transaction() as db:
        link = links.find_link(db, link_id)
        waiting = link is not None and link["state"] == "open" and charges.is_pending(db, link_id)
    return {"waiting": waiting}


def _see(bench: Bench, link_id: str) -> Row | None:
    """Return the link and remember that the payer saw it open; who did is sent back when the session ends."""
    with bench.store.transaction() as db:
        link = links.find_link(db, link_id)
        if link and link["state"] == "open":
            over = link["ends_at"] <= bench.clock.now()
            if over:
                charges.end_session(bench, db, link)
            else:
                db.execute("UPDATE link SET seen = 1 WHERE link_id = ?", (link_id,))
            link = links.find_link(db, link_id)
    return link


def _send_back(bench: Bench, link: Row) -> AnyResponse | None:
    with bench.store.transaction() as db:
        target = links.way_back(db, link)
    return redirect(target, 303) if target else None


def _here(link_id: str, *, method: str | None = None) -> str:
    return url_for("checkout.show", link_id=link_id, lang=request.args.get("lang"), method=method)


def _read_try(bench: Bench, link: Row) -> tuple[payer.Try | None, str]:
    """Read the form; without a usable phone or card return the name of the text that says so."""
    form = request.form
    method = form.get("method", "")
    outcome = form.get("outcome", "")
    if method not in json.loads(link["methods"]) or outcome not in ("approve", "refuse", "late", "never"):
        return None, ""
    prepared = partial(
        payer.Try,
        method=method,
        outcome="approve" if outcome == "late" else outcome,  # type: ignore[arg-type]
        seconds=_seconds(bench, link, method, outcome),
    )
    if method == "card":
        card = read_card(form.get("card_number", ""))
        return (prepared(card=card, otp=form.get("otp", "").strip()), "") if card else (None, "card_error")
    phone = read_phone(form.get("phone", ""))
    return (prepared(phone=phone), "") if phone else (None, "phone_error")


def _seconds(bench: Bench, link: Row, method: str, outcome: str) -> float:
    delay = request.form.get("delay", DELAYS[0])
    if outcome == "late" and delay == "after":
        left = (link["ends_at"] - bench.clock.now()) * bench.clock.scale
        return float(left + AFTER_SESSION)
    if outcome == "late":
        return float(delay if delay in DELAYS else DELAYS[0])
    return bench.settings.prompt_seconds if outcome == "approve" and method != "card" else 0


def _choice_page(bench: Bench, link: Row, *, error: str = "", status: int = 200) -> AnyResponse:
    methods = json.loads(link["methods"])
    chosen = request.values.get("method")
    with bench.store.transaction() as db:
        failed = db.execute(
            "SELECT processor_response FROM charge WHERE link_id = ? AND status = 'failed' ORDER BY charge_id DESC",
            (link["link_id"],),
        ).fetchall()
    return _page(
        "choice.html",
        link,
        status,
        methods=methods,
        chosen=chosen if chosen in methods else None,
        error=error,
        failure=failed[0]["processor_response"] if failed else None,
        tries_left=link["max_attempts"] - len(failed) if link["max_attempts"] else None,
        minutes_left=max(1, round((link["ends_at"] - bench.clock.now()) * bench.clock.scale / 60)),
        phone=request.form.get("phone") or json.loads(link["customer"])["phone_number"] or payer.USUAL_PHONE,
        card_number=request.form.get("card_number") or USUAL_CARD.number,
        cards=list(CARDS.values()),
        usual_card=USUAL_CARD,
        delays=DELAYS,
    )


def _wait_page(bench: Bench, link: Row) -> AnyResponse:
    with bench.store.transaction() as db:
        charge = db.execute(
            "SELECT * FROM charge WHERE link_id = ? AND status = 'pending' ORDER BY charge_id DESC", (link["link_id"],)
        ).fetchone()
    if charge is None:
        return redirect(_here(link["link_id"]), 303)
    return _page("wait.html", link, 200, method=charge["method"], phone=json.loads(charge["customer"])["phone_number"])


def _closed_page(link: Row | None, word: str, status: int) -> AnyResponse:
    back = None
    if link is not None and word in ("failed", "cancelled"):
        with get_bench().store.transaction() as db:
            back = links.way_back(db, link)
    return _page("closed.html", link, status, word=word, back=back)


def _page(template: str, link: Row | None, status: int, **values: Any) -> AnyResponse:
    shown: dict[str, Any] = {"link": link, **values}
    if link is not None:
        shown |= {"here": partial(_here, link["link_id"]), "asked": json.loads(link["amount"])}
        shown["back_to"] = link["redirect_url"]
    return render_page(f"sandbox/{template}", status=status, **shown)
