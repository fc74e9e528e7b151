"""What can go wrong with an agency."""

from aurapark.errors import N_, Conflict, NotAllowed, NotFound


class AgencyNotFound(NotFound):
    pass


class AgencySuspended(NotAllowed):
    sentence = N_("This agency is suspended: it sells nothing and changes neither trips, fares nor its payout account.")


class WrongAgencyState(Conflict):
    sentence = N_("The agency is in another state already. Reload the page.")


class NothingToWithdraw(Conflict):
    sentence = N_("There is no change to withdraw: the account already counts. Change it again instead.")


class InvitationNotFound(NotFound):
    """None such in this agency: answered, withdrawn, of another one, or never there, all alike."""
