"""The v3 calls that send money: transfers, what they cost, and the banks of a country."""

from flask import Response, request

from aurapark.devstack.sandbox import lists, transfers
from aurapark.devstack.sandbox.answers import Answer, Refused, success
from aurapark.devstack.sandbox.api import api
from aurapark.devstack.sandbox.bench import Bench
from aurapark.devstack.sandbox.calls import answer_call, json_body
from aurapark.devstack.sandbox.money import number, read_amount
from aurapark.devstack.sandbox.store import Database


@api.post("/transfers")
def open_transfer() -> Response:
    """Send money from the balance. There is no idempotency: a repeat sends it again."""

    def work(bench: Bench, db: Database) -> Answer:
        transfer = transfers.open_transfer(bench, db, json_body())
        return success("Transfer Queued Successfully", transfers.shown(transfer))

    return answer_call("transfer", work)


@api.get("/transfers")
def list_transfers() -> Response:
    """List transfers, newest first, ten a page."""

    def work(_bench: Bench, db: Database) -> Answer:
        rows, page_info = lists.list_transfers(db, request.args)
        return success("Transfers fetched", [transfers.shown(row) for row in rows], page_info=page_info)

    return answer_call("transfers", work)


@api.get("/transfers/fee")
def transfer_cost() -> Response:
    """Say what a transfer of this amount would cost; `type` is mobilemoney or account."""

    def work(_bench: Bench, _db: Database) -> Answer:
        if read_amount(request.args.get("amount")) is None:
            raise Refused("amount must be a number greater than 0")
        cost = transfers.FEES.get(request.args.get("type", "mobilemoney"), transfers.FEES["account"])
        shown = {"currency": request.args.get("currency", "NGN"), "fee_type": "value", "fee": number(cost)}
        return success("Transfer fee fetched", [shown])

    return answer_call("transfer_fee", work)


@api.get("/transfers/<transfer_id>")
def get_transfer(transfer_id: str) -> Response:
    """Show one transfer."""

    def work(_bench: Bench, db: Database) -> Answer:
        return success("Transfer fetched", transfers.shown(transfers.get_transfer(db, transfer_id)))

    return answer_call("transfer_by_id", work, transfer_id=transfer_id)


@api.post("/transfers/<transfer_id>/retries")
def retry_transfer(transfer_id: str) -> Response:
    """Send a transfer that failed once more, as a row of its own."""

    def work(bench: Bench, db: Database) -> Answer:
        return success("Transfer retry attempt queued.", transfers.shown(transfers.retry(bench, db, transfer_id)))

    return answer_call("transfer_retry", work, transfer_id=transfer_id)


@api.get("/banks/<country>")
def list_banks(country: str) -> Response:
    """List the banks of a country; only Cameroon has any here."""

    def work(_bench: Bench, _db: Database) -> Answer:
        known = transfers.BANKS if country.upper() == "CM" else ()
        return success(
            "Banks fetched successfully", [dict(zip(("id", "code", "name"), row, strict=True)) for row in known]
        )

    return answer_call("banks", work)


@api.get("/banks/<int:bank_id>/branches")
def list_branches(bank_id: int) -> Response:
    """List the branches of a bank: one each."""

    def work(_bench: Bench, _db: Database) -> Answer:
        code = next((code for known, code, _ in transfers.BANKS if known == bank_id), None)
        if code is None:
            raise Refused("No branches were found for this bank id")
        branch = {"id": bank_id * 10, "branch_code": f"{code}001", "branch_name": "Siège", "bank_id": bank_id}
        return success("Bank branches fetched successfully", [branch])

    return answer_call("branches", work)
