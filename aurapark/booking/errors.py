"""What can be wrong with a hold or a booking."""

from collections.abc import Sequence

from aurapark.errors import N_, Conflict, Gone, Invalid, NotFound, TooMany


class BookingNotFound(NotFound):
    """Unknown, foreign and hidden bookings answer alike."""

    sentence = N_("We did not find this booking.")


class PassengerNotFound(NotFound):
    """Nobody of this booking: unknown, another booking's, or taken off."""


class SeatsTaken(Conflict):
    """Somebody else has these seats; `seats` are those that are gone, in map order."""

    sentence = N_("Some of these seats were just taken.")

    def __init__(self, seats: Sequence[str]) -> None:
        self.seats = list(seats)
        super().__init__(details={"unavailableSeats": self.seats, "alternativeSeats": []})


class NoSuchSeat(Invalid):
    sentence = N_("This bus has no such seat. Please choose on the map.")


class WrongSeatCount(Invalid):
    sentence = N_("You can book 1 to %(max)d seats at a time.")


class NotEnoughSeats(Conflict):
    sentence = N_("There are not enough free seats left on this trip.")


class HoldLapsed(Gone):
    """The hold's time is over and its seats are somebody else's."""

    sentence = N_("The time to pay is over and your seats are free again.")


class HoldNotExtendable(Conflict):
    sentence = N_("These seats cannot be kept any longer.")


class WrongState(Conflict):
    sentence = N_("This is no longer possible for this booking.")


class PassengersMismatch(Invalid):
    sentence = N_("Name one passenger for each seat.")


class CategoriesFinal(Conflict):
    """A payment was started: price, seats and categories stay; names may still be corrected."""

    sentence = N_("The price is final once a payment was started, so the categories can no longer change.")


class NotYourSeat(Invalid):
    """A seat that is not, or no longer, one of the booking's."""

    sentence = N_("This booking has no such seat.")


class TooLateToCancel(Conflict):
    """The bus has left, or somebody has boarded with this ticket."""

    sentence = N_("This booking can no longer be cancelled: the bus has left or the passenger has boarded.")


class TooLateToChange(Conflict):
    """The bus has left, or somebody has boarded with this ticket."""

    sentence = N_("Nothing can be changed any more: the bus has left or the passenger has boarded.")


class NobodyToSendTo(Conflict):
    """The booking has no phone and no address of its payer any more, or no ticket that is valid."""

    sentence = N_("There is nothing to send, or nobody to send it to.")


class SentAMomentAgo(TooMany):
    """The same tickets were sent several times within an hour, or just now."""

    sentence = N_("These tickets were sent a moment ago. They can be sent again from %(at)s.")


class RefundChanged(Conflict):
    """What comes back is not what was shown; the details carry what it is now."""

    sentence = N_("The refund is now %(amount)d FCFA. Please look at it again before you cancel.")


class TooManyHolds(TooMany):
    """As many unpaid holds as one visitor or phone may have."""

    sentence = N_(
        "You are already keeping seats in %(count)d bookings that are not paid yet. Pay for one of them or give its"
        " seats back; or try again from %(at)s."
    )


class HoldingPaused(TooMany):
    """Several holds ended unpaid within an hour."""

    sentence = N_(
        "%(count)d of your bookings ended without a payment within an hour, so that others could not have those seats."
        " You can keep seats again from %(at)s."
    )


class NetworkShareUsedUp(TooMany):
    """Unpaid holds of one network have their share of this trip."""

    sentence = N_(
        "Many people near you are paying for seats on this trip right now, so no more seats can be kept from your"
        " connection. Please try again from %(at)s, use another connection, or choose another departure."
    )


class NetworkShareTooBig(Conflict):
    """More seats than one network may ever hold unpaid on this trip: a small bus."""

    sentence = N_(
        "On this bus %(max)d seats at a time can be kept without paying. Book the others when these are paid."
    )
