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


class ProposalNotFound(NotFound):
    sentence = N_("We did not find this proposal.")


class AlreadyProposed(Conflict):
    """One proposal of a payment is open at a time: whoever decides sees all that is wanted."""

    sentence = N_("A refund of this payment is proposed already. It has to be decided first.")


class ProposalDecided(Conflict):
    sentence = N_("This proposal is decided already.")


class NothingToRefund(Conflict):
    """The money paid for nothing (review decides), is disputed, came as cash, or is all back already."""

    sentence = N_("There is nothing of this payment that could be refunded this way.")
