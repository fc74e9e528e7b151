"""What can go wrong with a refund, named for people."""

from aurapark.errors import N_, Conflict, Invalid, NotFound


class RefundNotFound(NotFound):
    sentence = N_("We did not find this refund.")


class RefundTooLarge(Conflict):
    """All refunds of a payment together would be more than was paid, or in another currency."""

    sentence = N_("This is more than what is left of the payment.")


class NotFailed(Conflict):
    """Only a refund that failed can be tried again or settled by hand."""

    sentence = N_("This refund has not failed.")


class NotWithdrawable(Conflict):
    """It was sent once, or this money is owed to its payer whatever anybody decides."""

    sentence = N_("This refund cannot be withdrawn.")


class WithdrawalReasonNeeded(Invalid):
    sentence = N_("Say who you are and why.")


class TwoPersons(Conflict):
    """Whoever said that the money was paid back by hand cannot also approve it."""

    sentence = N_("A second person has to approve this.")


class ProofNeeded(Invalid):
    sentence = N_("Say how the money was paid back, and where the proof is.")
