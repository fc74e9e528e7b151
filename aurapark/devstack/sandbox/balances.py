"""The merchant's balance per currency: an opening float plus charges after fees, less what went out."""

import json
from decimal import Decimal
from typing import Any

from aurapark.devstack.sandbox.bench import Bench
from aurapark.devstack.sandbox.money import number
from aurapark.devstack.sandbox.store import Database, get_setting, set_setting

NOT_RETURNED = "status NOT IN ('failed', 'cancelled', 'rejected') AND meta NOT LIKE '%disburse_status%'"
TRANSFERS = (
    "SELECT amount FROM transfer WHERE currency = ? AND status <> 'FAILED'",
    "SELECT fee FROM transfer WHERE currency = ? AND status <> 'FAILED'",
)


def available(bench: Bench, db: Database, currency: str) -> Decimal:
    """Return what refunds and transfers can be paid from."""
    parts = explain(bench, db, currency)
    return parts["opening"] + parts["charges"] - parts["refunds"] - parts["settlements"] - parts["transfers"]


def explain(bench: Bench, db: Database, currency: str) -> dict[str, Decimal]:
    """Return the parts of a balance: opening, charges (after fees), refunds, settlements, transfers (with fees)."""
    opening = get_setting(db, f"opening {currency}", bench.settings.opening_balance)
    return {
        "opening": Decimal(str(opening)),
        "charges": _total(
            db, "SELECT amount_settled FROM charge WHERE currency = ? AND status = 'successful'", currency
        ),
        "refunds": _total(db, f"SELECT amount FROM refund WHERE currency = ? AND {NOT_RETURNED}", currency),  # nosec B608  # noqa: S608
        "settlements": _total(db, "SELECT net FROM settlement WHERE currency = ?", currency),
        "transfers": sum((_total(db, query, currency) for query in TRANSFERS), Decimal(0)),
    }


def set_available(bench: Bench, db: Database, currency: str, amount: Decimal) -> None:
    """Make the available balance this amount by changing the opening float."""
    opening = explain(bench, db, currency)["opening"]
    difference = amount - available(bench, db, currency)
    set_setting(db, f"opening {currency}", number(opening + difference))


def shown(bench: Bench, db: Database, currency: str) -> dict[str, Any]:
    """Return a balance as the API shows it."""
    amount = number(available(bench, db, currency))
    return {"currency": currency, "available_balance": amount, "ledger_balance": amount}


def currencies(db: Database) -> list[str]:
    """Return the currencies in which there is or was money, XAF first."""
    used = {row["currency"] for row in db.execute("SELECT DISTINCT currency FROM charge")}
    return ["XAF", *sorted(used - {"XAF"})]


def _total(db: Database, query: str, currency: str) -> Decimal:
    return sum((Decimal(str(json.loads(row[0]))) for row in db.execute(query, (currency,))), Decimal(0))
