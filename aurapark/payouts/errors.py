"""What can go wrong with a payout, named for people."""

from aurapark.errors import N_, Conflict, Invalid, NotFound


class PayoutNotFound(NotFound):
    sentence = N_("There is no such payout.")


class SettlementNotClosed(Conflict):
    sentence = N_("This settlement is not closed yet. It is paid after its month is over.")


class NothingToPay(Conflict):
    sentence = N_("There is nothing to pay for this settlement.")


class PayoutTooLarge(Conflict):
    """All payouts of a settlement together would be more than its net, or in another currency."""

    sentence = N_("This is more than what is left to pay for this settlement.")


class LeftChanged(Conflict):
    """Somebody else prepared a payout, or the same form was sent twice."""

    sentence = N_("What is left to pay for this settlement has changed meanwhile. Look at it again.")


class AgencyIsSuspended(Conflict):
    sentence = N_("This agency is suspended. It is not paid meanwhile.")


class NoAccount(Conflict):
    sentence = N_("This agency has no account that may be paid yet. A new account counts after three days.")


class AccountChanged(Conflict):
    """The payout was prepared for an account that is not the agency's any more."""

    sentence = N_("The agency's account has changed since this payout was prepared. Reject it and prepare a new one.")


class NoTransfers(Conflict):
    sentence = N_("No gateway that sends transfers is set up. Pay by bank and note it as paid outside.")


class SecondPersonNeeded(Conflict):
    """Whoever prepared a payout never approves it, whatever their role by then."""

    sentence = N_("You prepared this payout yourself. A second person has to approve it.")


class NotADraft(Conflict):
    sentence = N_("This payout is decided already.")


class NotUnderWay(Conflict):
    sentence = N_("There is nothing to ask about this payout: it is not under way.")


class PayoutProofNeeded(Invalid):
    sentence = N_("Say how the agency was paid, and where the proof is.")
