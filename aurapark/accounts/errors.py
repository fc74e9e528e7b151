"""What can go wrong with accounts."""

from aurapark.errors import N_, Conflict, DomainError, Gone, Invalid, NotAllowed, NotFound, TooMany


class AddressTaken(Conflict):
    sentence = N_("This e-mail address or phone number belongs to another account.")


class AlreadyMember(Conflict):
    sentence = N_("This person already works for an agency.")


class SignedOut(NotAllowed):
    sentence = N_("You are signed out. Please sign in again.")


class WrongSignIn(DomainError):
    """Somebody unknown, a wrong password, a disabled account: one sentence for all."""

    status, code = 422, "VALIDATION_ERROR"
    sentence = N_("This address and this password do not go together. Check both, or ask for a code.")


class WrongPassword(DomainError):
    status, code = 422, "VALIDATION_ERROR"
    sentence = N_("This is not your password.")


class WrongCode(DomainError):
    status, code = 422, "VALIDATION_ERROR"
    sentence = N_("This code is not right, or its time is over. Check it, or ask for a new one.")


class LinkUsed(Gone):
    sentence = N_("This link was used already, or its time is over. Ask for a new one.")


class WeakPassword(Invalid):
    """`sentence` says why."""


class TooManyCodes(TooMany):
    sentence = N_("Three messages an hour go to one address. Use the last one, or ask again from %(at)s.")


class UserNotFound(NotFound):
    sentence = N_("There is no account with this address.")
