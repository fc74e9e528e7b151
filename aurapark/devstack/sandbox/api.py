"""The v3 API: a route per call of the contract, each a few lines over the module that knows."""

from flask import Blueprint, Response, request

from aurapark.devstack.sandbox import (
    balances,
    bodies,
    charges,
    faults,
    links,
    lists,
    payer,
    refunds,
    settlements,
    webhooks,
)
from aurapark.devstack.sandbox.answers import Answer, Refused, success
from aurapark.devstack.sandbox.bench import Bench, get_bench, stamp
from aurapark.devstack.sandbox.calls import answer_call, json_body
from aurapark.devstack.sandbox.money import fee, number, read_amount
from aurapark.devstack.sandbox.store import Database, Row

api = Blueprint("api", __name__, url_prefix="/v3")


@api.post("/payments")
def open_payment() -> Response:
    """Open a hosted link; the fault `paid_before_answer` has it paid and announced before the answer leaves."""
    opened: list[str] = []

    def work(bench: Bench, db: Database) -> Answer:
        link_id = links.open_link(bench, db, json_body())
        opened.append(link_id)
        return success("Hosted Link", {"link": links.address(bench, link_id)})

    response = answer_call("payments", work)
    if opened:
        payer.pay_before_answer(get_bench(), opened[0])
    return response


@api.post("/payments/link/disable")
def disable_link() -> Response:
    """Close a link."""

    def work(_bench: Bench, db: Database) -> Answer:
        body = json_body()
        links.disable(db, body.get("link") if isinstance(body, dict) else None)
        return Answer(200, {"status": "success", "message": "Payment link has been disabled successfully"})

    return answer_call("link_disable", work)


@api.get("/transactions/<charge_id>/verify")
def verify(charge_id: str) -> Response:
    """Show one charge by its id."""

    def work(bench: Bench, db: Database) -> Answer:
        return _verified(bench, db, _visible_charge(bench, db, charge_id))

    return answer_call("verify", work, charge_id=charge_id)


@api.get("/transactions/verify_by_reference")
def verify_by_reference() -> Response:
    """Show one attempt of a tx_ref: the latest, or the first under the fault `first_attempt`."""

    def work(bench: Bench, db: Database) -> Answer:
        tx_ref = request.args.get("tx_ref", "")
        rows = db.execute(
            "SELECT * FROM charge WHERE tx_ref = ? AND visible_at <= ? ORDER BY charge_id", (tx_ref, bench.clock.now())
        ).fetchall()
        if not rows:
            raise _not_found(db, tx_ref)
        first = faults.take(db, ("first_attempt",), tx_ref=tx_ref)
        return _verified(bench, db, rows[0 if first else -1])

    return answer_call("verify_by_reference", work)


@api.get("/transactions")
def list_transactions() -> Response:
    """List charges, newest first, ten a page."""

    def work(bench: Bench, db: Database) -> Answer:
        rows, page_info = lists.list_charges(bench, db, request.args)
        return success("Transactions fetched", [bodies.listed(row) for row in rows], page_info=page_info)

    return answer_call("transactions", work)


@api.get("/transactions/fee")
def transaction_fee() -> Response:
    """Say what a charge of this amount would cost."""

    def work(_bench: Bench, _db: Database) -> Answer:
        amount = read_amount(request.args.get("amount"))
        if amount is None:
            raise Refused("amount must be a number greater than 0")
        cost = number(fee(amount, request.args.get("payment_type", "card")))
        return success(
            "Charged fee",
            {
                "charge_amount": number(amount),
                "fee": cost,
                "merchant_fee": 0,
                "flutterwave_fee": cost,
                "stamp_duty_fee": 0,
                "currency": request.args.get("currency", "NGN"),
            },
        )

    return answer_call("fee", work)


@api.get("/transactions/<charge_id>/events")
def transaction_events(charge_id: str) -> Response:
    """Tell the story of one charge."""

    def work(bench: Bench, db: Database) -> Answer:
        charge = _visible_charge(bench, db, charge_id)
        events = [_event(f"Tried to pay with {charge['payment_type']}", "tried", charge["created_at"])]
        if charge["finished_at"]:
            events.append(_event(f"Attempt ended as {charge['status']}", charge["status"], charge["finished_at"]))
        return success("Transaction events fetched", events)

    return answer_call("transaction_events", work, charge_id=charge_id)


@api.post("/transactions/<charge_id>/resend-hook")
def resend_hook(charge_id: str) -> Response:
    """Send the webhook of a charge again; `?wait=1` returns what our endpoint answered."""
    sent: list[int] = []

    def work(bench: Bench, db: Database) -> Answer:
        charge = _visible_charge(bench, db, charge_id)
        sent.extend(webhooks.announce_charge(bench, db, charge["charge_id"]))
        return success("hook sent successfully", "hook sent")

    response = answer_call("resend_hook", work, charge_id=charge_id)
    if sent and request.args.get("wait") == "1":
        answered = webhooks.answer_to(get_bench(), sent[0])
        response.set_data(success("hook sent successfully", answered).text)
    return response


@api.post("/transactions/<charge_id>/refund")
def open_refund(charge_id: str) -> Response:
    """Refund a charge, whole or in part. There is no idempotency: a repeat refunds again."""

    def work(bench: Bench, db: Database) -> Answer:
        refund = refunds.open_refund(bench, db, charge_id, json_body())
        return success("Transaction refund initiated", refunds.shown(refund))

    return answer_call("refund", work, charge_id=charge_id)


@api.get("/refunds")
def list_refunds() -> Response:
    """List refunds; `id` is the id of their charge."""

    def work(_bench: Bench, db: Database) -> Answer:
        rows, page_info = lists.list_refunds(db, request.args)
        return success("Refunds fetched", [refunds.read(db, row) for row in rows], page_info=page_info)

    return answer_call("refunds", work)


@api.get("/refunds/<refund_id>")
def get_refund(refund_id: str) -> Response:
    """Show one refund."""

    def work(_bench: Bench, db: Database) -> Answer:
        return success("Refund fetched", refunds.read(db, refunds.get_refund(db, refund_id)))

    return answer_call("refund_by_id", work, refund_id=refund_id)


@api.get("/settlements")
def list_settlements() -> Response:
    """List gateway settlements."""

    def work(bench: Bench, db: Database) -> Answer:
        settlements.close_days(bench, db)
        rows, page_info = settlements.list_settlements(db, request.args)
        return success("Settlements fetched", rows, page_info=page_info)

    return answer_call("settlements", work)


@api.get("/settlements/<settlement_id>")
def get_settlement(settlement_id: str) -> Response:
    """Show one gateway settlement with its charges."""

    def work(bench: Bench, db: Database) -> Answer:
        settlements.close_days(bench, db)
        return success("Settlement fetched", settlements.get_settlement(db, settlement_id))

    return answer_call("settlement_by_id", work)


@api.get("/balances")
def list_balances() -> Response:
    """Show the balance of every currency in use."""

    def work(bench: Bench, db: Database) -> Answer:
        shown = [balances.shown(bench, db, currency) for currency in balances.currencies(db)]
        return success("Wallet balances fetched", shown)

    return answer_call("balances", work)


@api.get("/balances/<currency>")
def get_balance(currency: str) -> Response:
    """Show the balance of one currency."""

    def work(bench: Bench, db: Database) -> Answer:
        return success("Wallet balance fetched", balances.shown(bench, db, currency.upper()))

    return answer_call("balances", work)


def _visible_charge(bench: Bench, db: Database, charge_id: str) -> Row:
    charge = charges.find_charge(db, charge_id)
    if charge is None or charge["visible_at"] > bench.clock.now():
        raise _not_found(db, charge["tx_ref"] if charge else None)
    return charge


def _not_found(db: Database, tx_ref: str | None) -> Refused:
    other = faults.take(db, ("not_found_status",), tx_ref=tx_ref)
    return Refused(refunds.NO_CHARGE, int(other.params.get("value", 404)) if other else 400)


def _verified(bench: Bench, db: Database, charge: Row) -> Answer:
    lie = faults.take(db, ("verify_fields",), tx_ref=charge["tx_ref"])
    changes = lie.params.get("changes", {}) if lie else {}
    return success("Transaction fetched successfully", {**bodies.verified(bench, charge), **changes})


def _event(note: str, action: str, at: float) -> dict[str, str]:
    return {"note": note, "actor": "payer", "object": "browser", "action": action, "created_at": stamp(at)}
