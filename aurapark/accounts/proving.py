"""Giving the second factor, as stories: the try is counted first, then judged, then taken back when it was right.

What is returned belongs into the transaction in which the session goes on under a new token.
"""

from collections.abc import Callable
from datetime import datetime

from aurapark.accounts import factor_rules, factors, passkeys
from aurapark.accounts.factor_errors import FactorRefused, PasskeyRefused
from aurapark.accounts.factors import Take
from aurapark.accounts.identity import Identity
from aurapark.accounts.messages import AccountMessage, tell
from aurapark.accounts.passkeys import RelyingParty
from aurapark.accounts.people import get_user
from aurapark.accounts.sealing import Sealer
from aurapark.audit import record
from aurapark.database import in_transaction
from aurapark.log import log_event


def prove_by_code(who: Identity, typed: str, *, sealer: Sealer, moment: datetime) -> Take:
    """Return what takes a code of the authenticator app, or a recovery code. Raises FactorRefused, TooMany, Busy."""
    by = "recovery_code" if factor_rules.read_recovery_code(typed) else "app"
    take = _judge(who, by, lambda: factors.check_code(who.user_id, typed, sealer=sealer, moment=moment))
    return take if by == "app" else lambda: _use_recovery_code(who, take)


def ask_passkey(who: Identity, *, party: RelyingParty) -> str:
    """Return, as JSON, what a passkey of this person is asked. Raises PasskeyRefused when they have none."""
    known = factors.list_passkeys(who.user_id)
    if not known:
        raise PasskeyRefused
    challenge = in_transaction(lambda: factors.put_challenge(who.session_id, registers=False))
    return passkeys.authentication_options(party, challenge=challenge, known=factors.list_passkeys(who.user_id))


def prove_by_passkey(who: Identity, answer: str, *, party: RelyingParty) -> Take:
    """Return what takes the answer of a passkey; the challenge is used up, whatever the answer.

    Raises PasskeyRefused, TooMany.
    """

    def check() -> Take:
        challenge = in_transaction(lambda: factors.take_challenge(who.session_id, registers=False))
        return factors.check_passkey(who.user_id, answer, party=party, challenge=challenge)

    return _judge(who, "passkey", check)


def _judge(who: Identity, by: str, check: Callable[[], Take]) -> Take:
    in_transaction(lambda: factors.count_try(who.user_id))
    try:
        take = check()
    except FactorRefused:
        log_event("second_factor_refused", user=who.user_id, by=by)
        raise

    def taken() -> None:
        take()
        factors.forget_tries(who.user_id)
        log_event("second_factor_given", user=who.user_id, by=by)

    return taken


def _use_recovery_code(who: Identity, take: Take) -> None:
    take()
    left = factors.list_factors(who.user_id).codes_left
    record("user.recovery_code_used", "user", str(who.user_id), actor=who.actor, after={"left": left})
    tell(AccountMessage.RECOVERY_CODE_USED, get_user(who.user_id), occasion=str(who.session_id))
