"""What sessions ask about second factors, as conditions of their own statement: whether somebody has one, and the time
between the password and the factor."""

from typing import Any

from sqlalchemy import ColumnElement, exists, func, not_, or_

from aurapark.accounts.factor_models import Passkey, TotpSecret
from aurapark.accounts.factor_rules import HALF_SIGNED_IN
from aurapark.accounts.models import LoginSession


def is_set_up(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that the user of this column has a second factor; it is part of the session's statement."""
    return or_(exists().where(TotpSecret.user_id == user_id), exists().where(Passkey.user_id == user_id))


def is_in_time(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that a session is not waiting for its second factor for longer than it may."""
    return or_(
        LoginSession.second_factor_at.is_not(None),
        LoginSession.created_at > func.now() - HALF_SIGNED_IN,
        not_(is_set_up(user_id)),
    )
