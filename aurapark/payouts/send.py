"""One payout on its way: its reference committed, sent once, found again when the answer got lost, and followed.

There is never a second call under a reference. Whatever is not clearly sent is unknown: the gateway's list is read, and
two clear answers "nothing there", five minutes apart, make it failed. Then people decide about another payout.
"""

import time
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from aurapark import states
from aurapark.accounts.sealing import Sealer
from aurapark.agencies.models import Agency
from aurapark.agencies.payout_accounts import number_of
from aurapark.agencies.payout_models import PayoutAccount
from aurapark.booking.service import database_now
from aurapark.cases.models import CaseKind
from aurapark.database import in_transaction, let_go
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.payments.gateway import GatewayError
from aurapark.payments.transfers import Beneficiary, GatewayTransfer, TransferOrder, Transfers
from aurapark.payouts import outcome, rules
from aurapark.payouts.models import EMPTY_QUERIES, Payout, PayoutState
from aurapark.payouts.rules import Patience
from aurapark.payouts.service import claim_due, in_the_way, lock_payout, note
from aurapark.settlements.models import Settlement
from aurapark.settlements.rules import month_of

HOW_LATE = timedelta(days=1)  # their clock and ours: the list is asked from the day before
ASKED_ABOUT = (PayoutState.SENT, PayoutState.UNKNOWN, PayoutState.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be asked of the gateway: plain values that outlive the transaction."""

    payout_id: int
    state: PayoutState
    order: TransferOrder
    since: date
    former: frozenset[str]
    transfer_id: str | None


def process_due_payout(*, transfers: Transfers, sealer: Sealer, patience: Patience) -> bool:
    """Do the next step of one payout that is due; False when none is. For workers: the gateway may take a minute."""
    started = time.monotonic()
    payout_id = in_transaction(lambda: claim_due(patience.lease))
    if payout_id is None:
        return False
    step = in_transaction(lambda: _begin(payout_id, sealer, transfers, patience))
    if step is None:
        return True
    let_go()
    if step.state == PayoutState.APPROVED:
        _send(step, transfers, patience, give_up=started + patience.lease.total_seconds() / 2)
    elif step.state == PayoutState.UNKNOWN:
        _look_for(step, transfers, patience)
    else:
        _follow(step, transfers, patience)
    return True


def _begin(payout_id: int, sealer: Sealer, transfers: Transfers, patience: Patience) -> _Step | None:
    """Return what is to be done; None when there is nothing to do now."""
    payout = lock_payout(payout_id)
    if payout.state == PayoutState.SENDING:  # whoever was sending it is gone
        _move_to_unknown(payout, "whoever was sending it is gone")
    elif payout.state not in (PayoutState.APPROVED, *ASKED_ABOUT):
        payout.next_check_at = None
        return None
    if not transfers.is_up() and payout.state != PayoutState.SUCCEEDED:
        payout.next_check_at = database_now() + rules.pause(patience.base)
        return None
    return _step(payout, sealer)


def _step(payout: Payout, sealer: Sealer) -> _Step:
    agency, settlement = db.session.get_one(Agency, payout.agency_id), _settlement(payout)
    account = db.session.get_one(PayoutAccount, payout.account_id)
    others = select(Payout.reference).where(Payout.settlement_id == payout.settlement_id, Payout.id != payout.id)
    failed = db.session.scalars(others.where(Payout.state == PayoutState.FAILED))
    first = db.session.scalar(select(func.min(Payout.created_at)).where(Payout.settlement_id == settlement.id))
    return _Step(
        payout.id,
        payout.state,
        TransferOrder(
            reference=payout.reference,
            amount=payout.amount,
            currency=payout.currency,
            to=Beneficiary(holder=account.holder, number=number_of(account, sealer), bank=account.bank),
            narration=f"AuraPark {month_of(settlement.period_start, agency.timezone)} {agency.short_name}",
        ),
        ((first or payout.created_at) - HOW_LATE).date(),
        frozenset(failed),
        payout.gateway_transfer_id,
    )


def _settlement(payout: Payout) -> Settlement:
    return db.session.get_one(Settlement, payout.settlement_id)


def _send(step: _Step, transfers: Transfers, patience: Patience, *, give_up: float) -> None:
    """See that it can be paid, commit that it is being sent, look whether it is there already, then send it, once."""
    order = step.order
    try:
        enough = transfers.can_pay(order.amount, order.currency, to_bank=order.to.bank is not None)
    except GatewayError as error:
        return _wait(step, patience, type(error).__name__)
    if not enough:
        return _wait(step, patience, "our balance at the gateway is too small")
    if not in_transaction(lambda: _commit_sending(step.payout_id, patience)):
        return None
    let_go()
    try:
        listed = transfers.list_transfers(step.since)
        if own := rules.find_own(listed, order.reference):
            return _record(step, own, patience)
        if former := rules.find_former(listed, step.former):
            return _meet_former(step, former, patience)
        if time.monotonic() > give_up:  # somebody else may have it by now
            return _lose_sight(step, patience, "it took too long to be sure")
        answer = transfers.send(order)
    except GatewayError as error:
        return _lose_sight(step, patience, f"{type(error).__name__}: {error}")
    return _record(step, answer, patience)


def _commit_sending(payout_id: int, patience: Patience) -> bool:
    """Commit that the one call follows, if nothing stands in its way by now: then the payout ends without it."""
    payout = lock_payout(payout_id)
    if payout.state != PayoutState.APPROVED:
        return False
    why, now = in_the_way(payout), database_now()
    states.move(payout, PayoutState.SENDING)
    payout.sending_at, payout.failure, payout.posts = now, None, 0 if why else 1
    db.session.flush()
    note(payout, "send", before=PayoutState.APPROVED, reason="approved by a second person")
    if why:
        _move_to_unknown(payout, why)
        payout.next_check_at = now + rules.pause(patience.base)
    return why is None


def _wait(step: _Step, patience: Patience, why: str) -> None:
    """Nothing was sent: it stays approved; after a week a person has to look as well."""
    log_event("payout_waits", payout=step.payout_id, why=why)

    def work() -> None:
        payout = lock_payout(step.payout_id)
        if payout.state == PayoutState.APPROVED:
            payout.failure = why
            outcome.ask_later(payout, now=database_now(), base=patience.base)

    in_transaction(work)


def _look_for(step: _Step, transfers: Transfers, patience: Patience) -> None:
    """The answer got lost: find out from the list whether it happened."""
    try:
        own = rules.find_own(transfers.list_transfers(step.since), step.order.reference)
    except GatewayError as error:
        return _ask_again(step, patience, error)
    if own is not None:
        return _record(step, own, patience)
    return in_transaction(lambda: _note_empty(step.payout_id, patience))


def _follow(step: _Step, transfers: Transfers, patience: Patience) -> None:
    try:
        seen = transfers.get_transfer(step.transfer_id or "")
    except GatewayError as error:
        return _ask_again(step, patience, error)
    return _record(step, seen, patience)


def _record(step: _Step, seen: GatewayTransfer, patience: Patience) -> None:
    in_transaction(lambda: outcome.record(step.payout_id, seen, base=patience.base))


def _lose_sight(step: _Step, patience: Patience, why: str) -> None:
    """The call may have happened: from now on only the gateway's list says so."""
    log_event("payout_unknown", payout=step.payout_id, why=why)

    def work() -> None:
        payout = lock_payout(step.payout_id)
        if payout.state == PayoutState.SENDING:
            _move_to_unknown(payout, why)
            payout.next_check_at = database_now() + rules.pause(patience.base)

    in_transaction(work)


def _meet_former(step: _Step, former: GatewayTransfer, patience: Patience) -> None:
    """An earlier payout of this settlement that we took for failed was made after all: this one is not sent."""

    def work() -> None:
        payout = lock_payout(step.payout_id)
        outcome.need_a_person(payout, CaseKind.PAYOUT_DIFFERS, {"theirs": outcome.describe(former)})

    in_transaction(work)
    _lose_sight(step, patience, f"an earlier transfer of this settlement is there: {former.transfer_id}")


def _move_to_unknown(payout: Payout, why: str) -> None:
    states.move(payout, PayoutState.UNKNOWN)
    payout.failure = why
    db.session.flush()
    note(payout, "unknown", before=PayoutState.SENDING, reason=why)


def _ask_again(step: _Step, patience: Patience, error: GatewayError) -> None:
    log_event("payout_unanswered", payout=step.payout_id, why=error)

    def work() -> None:
        payout = lock_payout(step.payout_id)
        if payout.state in ASKED_ABOUT:
            outcome.ask_later(payout, now=database_now(), base=patience.base)

    in_transaction(work)


def _note_empty(payout_id: int, patience: Patience) -> None:
    """A clear answer: nothing there. The second one, five minutes after the first, means that it was never made."""
    payout, _ = outcome.lock_with_settlement(payout_id)
    now = database_now()
    if payout.state != PayoutState.UNKNOWN:
        return
    apart = rules.between_empties(patience.base)
    if payout.last_empty_at is None or now - payout.last_empty_at >= apart:
        payout.empty_queries, payout.last_empty_at = payout.empty_queries + 1, now
    if payout.empty_queries < EMPTY_QUERIES:
        payout.next_check_at = (payout.last_empty_at or now) + apart
        return
    db.session.flush()  # the query is recorded before the move it allows
    outcome.fail(payout, payout.failure or "the gateway has nothing of it", now=now)
