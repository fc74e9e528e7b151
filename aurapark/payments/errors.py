"""What can go wrong with a payment, named for people."""

from aurapark.errors import N_, Conflict, NotFound, PaymentFailed


class PaymentNotFound(NotFound):
    sentence = N_("We did not find this payment.")


class NotUnderReview(Conflict):
    sentence = N_("This payment is not under review.")


class CannotApply(Conflict):
    """`why` is the word of the rule that stands against it."""

    sentence = N_("This money cannot pay the booking: %(why)s.")


class ChargeNotVerified(Conflict):
    sentence = N_("The gateway does not confirm this charge, or it is recorded already.")


class PaymentTooLate(Conflict):
    """Session and grace would end after departure."""

    sentence = N_("There is not enough time left to pay before departure. Please choose a later departure.")


class TooManyAttempts(Conflict):
    """So many attempts of one booking are no accident any more."""

    sentence = N_(
        "%(count)d payments were started for this booking and none came through, so no other can be. If money left"
        " your account it is applied or comes back by itself. To travel, choose seats once more."
    )


class PaymentOpening(Conflict):
    """Another press opens the payment page at this moment, and the gateway has not answered it yet."""

    sentence = N_("The payment page is already being opened. Please wait a few seconds, then try again.")


class GatewayDown(PaymentFailed):
    """The gateway has not answered for a while: no attempt was opened."""

    sentence = N_(
        "The payment service does not answer at the moment, so no payment was started and nothing was charged."
        " Please try again in a minute."
    )


class PaymentNotOpened(PaymentFailed):
    """The attempt got no page to pay on. `reference` is the booking that keeps the seats."""

    sentence = N_(
        "The payment page could not be opened. Nothing was charged and your seats are kept; please try again."
    )

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(details={"bookingRef": reference})


class PaymentUncertain(PaymentNotOpened):
    """The gateway's answer got lost; we go on asking it about this attempt."""

    sentence = N_(
        "The payment service did not answer in time. Your seats are kept and we go on checking; you can try again."
    )


class NotLetGo(PaymentFailed):
    """A payment is open and the gateway could not be asked about it."""

    sentence = N_(
        "We could not ask the payment service whether this booking was just paid, so the seats stay yours for now."
        " Please try again in a minute."
    )
