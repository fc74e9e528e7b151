"""The account an agency is paid to: changing it, taking a change back, and which one counts. Never commits.

A new account counts after three days; until then the one before does, and whoever has power over the agency or over the
old account has been told and can take the change back. So a stolen password moves no money before somebody sees it.
The number is sealed: it must be read again to pay, and a copy of the database must not be a list of accounts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from aurapark import audit
from aurapark.accounts.models import AgencyRole, Membership, User
from aurapark.accounts.sealing import Sealer
from aurapark.agencies.decisions import ENTITY, require_not_suspended
from aurapark.agencies.errors import NothingToWithdraw
from aurapark.agencies.messages import MAIL, SMS, AgencyMessage, tell_about_account
from aurapark.agencies.payout_models import AccountKind, PayoutAccount
from aurapark.agencies.queries import get_agency
from aurapark.extensions import db
from aurapark.log import log_event

PURPOSE = "payout account"
SHOWN = 4  # figures of a number that people see


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as it was typed and understood."""

    kind: AccountKind
    holder: str
    number: str = field(repr=False)
    bank: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutAccounts:
    """The account that counts, and the one that will; either may be none."""

    present: PayoutAccount | None
    coming: PayoutAccount | None


def sealer_for(secret_keys: Sequence[str]) -> Sealer:
    """Return what seals the numbers of accounts; the newest secret key stands first."""
    return Sealer.of(secret_keys, purpose=PURPOSE)


def payable_account(agency_id: int, now: datetime) -> PayoutAccount | None:
    """Return the account that payouts of an agency go to at a moment, None before the first one counts.

    The newest that was not taken back and has stood for its three days: a change under way does not stop payouts.
    """
    counts = [PayoutAccount.withdrawn_at.is_(None), PayoutAccount.payable_from <= now]
    statement = select(PayoutAccount).where(PayoutAccount.agency_id == agency_id, *counts)
    return db.session.scalars(
        statement.order_by(PayoutAccount.payable_from.desc(), PayoutAccount.id.desc()).limit(1)
    ).first()


def read_accounts(agency_id: int) -> PayoutAccounts:
    """Return the accounts of an agency as they are now (two statements)."""
    now = _now()
    coming = [PayoutAccount.withdrawn_at.is_(None), PayoutAccount.payable_from > now]
    statement = select(PayoutAccount).where(PayoutAccount.agency_id == agency_id, *coming)
    return PayoutAccounts(payable_account(agency_id, now), db.session.scalars(statement).first())


def number_of(account: PayoutAccount, sealer: Sealer) -> str:
    """Return the number of an account. Raises SealBroken when the key it was sealed with is gone."""
    return sealer.open(account.sealed, owner=_owner(account.agency_id))[0]


def seal_anew(sealer: Sealer) -> int:
    """Seal every number that an old key opens with the newest one; returns how many. Raises SealBroken.

    Afterwards the old key may leave `SECRET_KEY_FALLBACKS`.
    """
    changed = 0
    for account in db.session.scalars(select(PayoutAccount).order_by(PayoutAccount.id).with_for_update()):
        owner = _owner(account.agency_id)
        number, by_old_key = sealer.open(account.sealed, owner=owner)
        if by_old_key:
            account.sealed = sealer.seal(number, owner=owner)
            changed += 1
    return changed


def change_account(
    agency_id: int, new: NewAccount, *, by: int, actor: str, reason: str, sealer: Sealer, wait: timedelta
) -> PayoutAccount:
    """Name another account; it counts after `wait`. A change that did not count yet is taken back with it.

    Raises AgencySuspended.
    """
    agency = get_agency(agency_id, lock=True)
    require_not_suspended(agency)
    before = read_accounts(agency_id)
    if before.coming is not None:
        before.coming.withdrawn_at = func.now()
    account = PayoutAccount(
        agency_id=agency_id,
        kind=new.kind,
        holder=new.holder,
        bank=new.bank,
        sealed=sealer.seal(new.number, owner=_owner(agency_id)),
        ending=new.number[-SHOWN:],
        created_by=by,
        payable_from=func.now() + wait,
    )
    db.session.add(account)
    db.session.flush()
    _note("payout_account.change", account, before.present, actor=actor, reason=reason)
    _tell(AgencyMessage.PAYOUT_ACCOUNT_CHANGED, account, before.present)
    return account


def withdraw_change(agency_id: int, *, actor: str, reason: str) -> PayoutAccount:
    """Take back the change that does not count yet. Raises NothingToWithdraw."""
    get_agency(agency_id, lock=True)
    accounts = read_accounts(agency_id)
    if accounts.coming is None:
        raise NothingToWithdraw
    accounts.coming.withdrawn_at = func.now()
    db.session.flush()
    _note("payout_account.withdraw", accounts.coming, accounts.present, actor=actor, reason=reason)
    _tell(AgencyMessage.PAYOUT_ACCOUNT_WITHDRAWN, accounts.coming, accounts.present)
    return accounts.coming


def _note(action: str, account: PayoutAccount, present: PayoutAccount | None, *, actor: str, reason: str) -> None:
    before = _described(present) if present else None
    entity_id = str(account.agency_id)
    audit.record(action, ENTITY, entity_id, actor=actor, reason=reason, before=before, after=_described(account))
    log_event(action.replace(".", "_"), agency=account.agency_id, account=account.id)


def _described(account: PayoutAccount) -> dict[str, object]:
    return {"account": account.id, "kind": account.kind.value}


def _tell(message: AgencyMessage, account: PayoutAccount, old: PayoutAccount | None) -> None:
    """Tell every owner, the agency's own contact, and the phone of the account that counted so far."""
    owners = db.session.execute(
        select(User.id, User.email)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.agency_id == account.agency_id, Membership.ended_at.is_(None))
        .where(Membership.role == AgencyRole.OWNER, User.disabled_at.is_(None), User.erased_at.is_(None))
    )
    readers = [(MAIL if email else SMS, {"user": user_id}) for user_id, email in owners]
    readers.append((SMS, {"contact": account.agency_id}))
    if old is not None and old.kind != AccountKind.BANK:
        readers.append((SMS, {"old": old.id}))
    tell_about_account(message, account.id, readers)


def _owner(agency_id: int) -> str:
    return f"agency {agency_id}"


def _now() -> datetime:
    moment: datetime = db.session.execute(select(func.now())).scalar_one()
    return moment
