"""The one thread that works off what is due: answers from phones, ended sessions, refunds, transfers, webhooks.

Everything it does is read and moved on in one transaction of the store, so a restart neither forgets nor repeats.
"""

import logging
import threading

from aurapark.devstack.sandbox import charges, refunds, transfers, webhooks
from aurapark.devstack.sandbox.bench import Bench
from aurapark.devstack.sandbox.store import Database, StoreClosed

LONGEST_NAP = 0.5  # seconds; a wake-up call or the next due moment comes first
GOODBYE = 1.0  # seconds given to webhooks on their way when the sandbox stops

log = logging.getLogger("aurapark.sandbox")


class Ticker:
    """Works off due work until stopped."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._thread = threading.Thread(target=self._run, name="sandbox-ticker", daemon=True)
        self._senders: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; webhooks that were on their way at the last stop become due again."""
        webhooks.recover(self._bench)
        self._thread.start()

    def stop(self) -> None:
        """End after the turn in hand; webhooks still on their way go out again at the next start."""
        self._bench.stopping.set()
        self._bench.wake.set()
        self._thread.join()
        for sender in self._senders:
            sender.join(GOODBYE)

    def _run(self) -> None:
        while not self._bench.stopping.is_set():
            self._bench.wake.clear()
            try:
                run_due(self._bench)
                self._send_due()
                nap = _nap(self._bench)
            except StoreClosed:
                return
            except Exception:
                log.exception("ticker_failed")
                nap = LONGEST_NAP
            self._bench.wake.wait(nap)

    def _send_due(self) -> None:
        self._senders = [sender for sender in self._senders if sender.is_alive()]
        for delivery in webhooks.claim_due(self._bench):
            sender = threading.Thread(target=webhooks.deliver, args=(self._bench, delivery), daemon=True)
            self._senders.append(sender)
            sender.start()


def run_due(bench: Bench) -> None:
    """Let every due answer, session end, refund and transfer happen, each once."""
    with bench.store.transaction() as db:
        now = bench.clock.now()
        for link in db.execute("SELECT * FROM link WHERE over = 0 AND ends_at <= ?", (now,)).fetchall():
            charges.end_session(bench, db, link)
            log.info("session_over tx_ref=%s", link["tx_ref"])
        for charge in db.execute("SELECT * FROM charge WHERE due_at <= ?", (now,)).fetchall():
            db.execute("UPDATE charge SET due_at = NULL WHERE charge_id = ?", (charge["charge_id"],))
            charges.finish(bench, db, charge["charge_id"], charge["due_outcome"], response=charge["due_response"])
        for refund in db.execute("SELECT * FROM refund WHERE due_at <= ?", (now,)).fetchall():
            refunds.complete(bench, db, refund)
            log.info("refund_ended refund=%s status=%s", refund["refund_id"], refund["due_status"])
        for transfer in db.execute("SELECT * FROM transfer WHERE due_at <= ?", (now,)).fetchall():
            transfers.go_on(bench, db, transfer)
            log.info("transfer_went_on transfer=%s from=%s", transfer["transfer_id"], transfer["status"])


def count_due(bench: Bench, db: Database) -> int:
    """Return how much work is due now or on its way."""
    now = bench.clock.now()
    row = db.execute(
        """SELECT (SELECT count(*) FROM link WHERE over = 0 AND ends_at <= :now)
                + (SELECT count(*) FROM charge WHERE due_at <= :now)
                + (SELECT count(*) FROM refund WHERE due_at <= :now)
                + (SELECT count(*) FROM transfer WHERE due_at <= :now) AS n""",
        {"now": now},
    ).fetchone()
    return int(row["n"]) + webhooks.count_busy(bench, db)


def _nap(bench: Bench) -> float:
    with bench.store.transaction() as db:
        row = db.execute(
            """SELECT min(due) AS due FROM (
                 SELECT min(ends_at) AS due FROM link WHERE over = 0
                 UNION ALL SELECT min(due_at) FROM charge
                 UNION ALL SELECT min(due_at) FROM refund
                 UNION ALL SELECT min(due_at) FROM transfer
                 UNION ALL SELECT min(due_at) FROM delivery WHERE state = 'waiting')"""
        ).fetchone()
    if row["due"] is None:
        return LONGEST_NAP
    # Never zero: deliveries above the limit of sendings stay due, and the turn must not spin.
    return float(min(LONGEST_NAP, max(0.005, row["due"] - bench.clock.now())))
