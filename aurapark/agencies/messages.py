"""What we tell the people of an agency. The row in the outbox holds ids only: no secret, no address, no number."""

from collections.abc import Iterable
from enum import StrEnum

from aurapark import outbox

SMS, MAIL = "sms", "mail"  # kinds of outbox rows, as for all messages


class AgencyMessage(StrEnum):
    """An occasion to write to somebody about an agency."""

    INVITATION = "invitation"
    PAYOUT_ACCOUNT_CHANGED = "payout_account_changed"
    PAYOUT_ACCOUNT_WITHDRAWN = "payout_account_withdrawn"
    PAID = "paid"


def tell_about_account(message: AgencyMessage, account_id: int, readers: Iterable[tuple[str, dict[str, int]]]) -> None:
    """Tell people about a payout account, in the transaction under way: each (kind of row, whom by id) once."""
    payload = {"agency": message.value, "payout_account": account_id}
    outbox.publish(
        (kind, f"agency:{message}:{account_id}:{name}:{row_id}", {**payload, name: row_id})
        for kind, whom in readers
        for name, row_id in whom.items()
    )


def tell_about_payout(payout_id: int, facts: dict[str, int | str], readers: Iterable[tuple[int, bool]]) -> None:
    """Tell users that their agency was paid, each once: by mail, or by SMS who has none. `facts` never change."""
    payload = {"agency": AgencyMessage.PAID.value, "payout": payout_id, **facts}
    outbox.publish(
        (
            MAIL if by_mail else SMS,
            f"agency:{AgencyMessage.PAID}:{payout_id}:user:{user_id}",
            {**payload, "user": user_id},
        )
        for user_id, by_mail in readers
    )


def send_invitation(token_id: int, sent_to: str) -> None:
    """Send somebody the link of their invitation, in the transaction under way."""
    kind = SMS if sent_to.startswith("+") else MAIL
    payload = {"agency": AgencyMessage.INVITATION.value, "token": token_id}
    outbox.publish([(kind, f"agency:invitation:{token_id}", payload)])
