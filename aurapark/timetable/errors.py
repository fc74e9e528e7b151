"""What can be wrong with a trip somebody asks for."""

from aurapark.errors import N_, Conflict, Gone, Invalid, NotFound


class TripNotFound(NotFound):
    sentence = N_("This trip does not exist, or does not stop where you want to travel. Please search again.")


class UnknownStop(Invalid):
    sentence = N_("We do not know this stop. Please choose one from the list.")


class TripClosed(Conflict):
    """The trip runs, but no more seats are sold."""

    sentence = N_("Sales for this trip have closed. Please choose another departure.")


class TripCancelled(Gone):
    sentence = N_("The agency has cancelled this trip. Please choose another departure.")
