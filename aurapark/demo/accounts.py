"""The demo's logins: a traveller, the staff of one agency, the owner of another, the platform. Development only."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, insert, select

from aurapark.accounts.models import AgencyRole, Membership, PlatformRole, User
from aurapark.accounts.passwords import hash_password
from aurapark.agencies.models import Agency
from aurapark.agencies.payout_accounts import NewAccount, change_account, sealer_for
from aurapark.agencies.payout_models import AccountKind, PayoutAccount
from aurapark.demo.logins import PASSWORD, email_of
from aurapark.extensions import db

FIRST_AGENCY, SECOND_AGENCY = "wouri", "ndop"
PAID_TO = {FIRST_AGENCY: "+237677000101", SECOND_AGENCY: "+237677000102"}  # agency: its mobile money, a made-up number
STAFF: dict[str, tuple[AgencyRole, str, str]] = {  # login: role, agency, name
    "owner": (AgencyRole.OWNER, FIRST_AGENCY, "Suzanne Ebelle"),
    "manager": (AgencyRole.MANAGER, FIRST_AGENCY, "Rodrigue Nganou"),
    "clerk": (AgencyRole.CLERK, FIRST_AGENCY, "Awa Njoya"),
    "boarding": (AgencyRole.BOARDING, FIRST_AGENCY, "Blaise Tabi"),
    "accountant": (AgencyRole.ACCOUNTANT, FIRST_AGENCY, "Prisca Moukouri"),
    "owner2": (AgencyRole.OWNER, SECOND_AGENCY, "Emmanuel Fru"),
}
PLATFORM: dict[str, tuple[PlatformRole, str]] = {
    "support": (PlatformRole.SUPPORT, "Divine Lemnyuy"),
    "finance": (PlatformRole.FINANCE, "Yvette Oyono"),
    "finance2": (PlatformRole.FINANCE, "Jean de Dieu Mbarga"),
    "admin": (PlatformRole.ADMIN, "Élise Etoundi"),
}
TRAVELLERS = {"traveller": "Marie-Noëlle Bassong"}


def write_accounts() -> None:
    """Write the logins that are missing; one that is there stays as it is, its password too."""
    known = set(db.session.scalars(select(User.email)))
    names = {**TRAVELLERS, **{login: found[-1] for login, found in {**STAFF, **PLATFORM}.items()}}
    missing = [login for login in names if email_of(login) not in known]
    if not missing:
        return
    password_hash = hash_password(PASSWORD)
    agencies = {code: agency_id for code, agency_id in db.session.execute(select(Agency.code, Agency.id))}
    for login in missing:
        role = PLATFORM[login][0] if login in PLATFORM else None
        row = {"email": email_of(login), "name": names[login], "password_hash": password_hash, "platform_role": role}
        added = insert(User).values(**row, email_verified_at=func.now()).returning(User.id)
        user_id = db.session.scalar(added)
        if login in STAFF:
            agency_role, agency, _ = STAFF[login]
            db.session.execute(insert(Membership).values(user_id=user_id, agency_id=agencies[agency], role=agency_role))


def write_payout_accounts(secret_keys: Sequence[str]) -> None:
    """Name where two agencies are paid, at once, where they have named nothing: so that a payout can be tried."""
    owners = select(Membership.user_id, Agency.id, Agency.code, Agency.name).join(
        Agency, Agency.id == Membership.agency_id
    )
    known = set(db.session.scalars(select(PayoutAccount.agency_id)))
    owned = owners.where(Membership.role == AgencyRole.OWNER, Agency.code.in_(PAID_TO)).order_by(Membership.user_id)
    for user_id, agency_id, code, name in db.session.execute(owned).all():
        if agency_id not in known:
            new = NewAccount(AccountKind.MTN_MOMO, name, PAID_TO[code])
            sealer, actor = sealer_for(secret_keys), f"user:{user_id}"
            change_account(
                agency_id, new, by=user_id, actor=actor, reason="demo data", sealer=sealer, wait=timedelta(0)
            )
            known.add(agency_id)
