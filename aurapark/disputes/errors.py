"""What can go wrong with a dispute, named for people."""

from aurapark.errors import N_, Conflict, Invalid, NotFound


class DisputeNotFound(NotFound):
    sentence = N_("We did not find this dispute.")


class NotDisputable(Conflict):
    """Only money that a gateway took can be disputed there, and only one dispute of it runs at a time."""

    sentence = N_("This payment cannot be disputed now.")


class DisputeNotOpen(Conflict):
    sentence = N_("This dispute is not open.")


class WrongDisputedAmount(Invalid):
    sentence = N_("The disputed amount is more than nothing and at most what was paid.")


class DisputeReasonNeeded(Invalid):
    sentence = N_("Say who you are and why.")
