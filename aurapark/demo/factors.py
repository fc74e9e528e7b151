"""The second factors of the demo's logins: one published key for an authenticator app, where the role needs one."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from aurapark.accounts import factor_rules, factors
from aurapark.accounts.factor_models import TotpSecret
from aurapark.accounts.models import User
from aurapark.demo.logins import AUTHENTICATOR_KEY, WITH_FACTOR, email_of
from aurapark.extensions import db

SET_UP_AT = datetime(2026, 1, 1, tzinfo=UTC)  # so long ago that every code of today is unused


def write_factors(secret_keys: Sequence[str]) -> None:
    """Set up the app of those logins that have none."""
    known = select(TotpSecret.user_id)
    wanted = select(User.id).where(User.email.in_([email_of(login) for login in WITH_FACTOR]), User.id.not_in(known))
    code = factor_rules.code_at(AUTHENTICATOR_KEY, factor_rules.step_at(SET_UP_AT))
    for user_id in db.session.scalars(wanted).all():
        factors.add_totp(user_id, AUTHENTICATOR_KEY, code, sealer=factors.sealer_for(secret_keys), moment=SET_UP_AT)
