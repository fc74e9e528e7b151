"""What can go wrong with a second factor. The sentences tell nothing about which part of an answer was wrong."""

from aurapark.errors import N_, Conflict, DomainError, NotAllowed, NotFound


class FactorRefused(DomainError):
    """A code or an answer of a passkey that does not count: wrong, used before, or too late."""

    status, code = 422, "VALIDATION_ERROR"
    sentence = N_("This did not work. A code counts once and for about a minute: wait for the next one and try again.")


class PasskeyRefused(FactorRefused):
    sentence = N_("The passkey could not be checked. Try again, or use a code.")


class PasskeyKnown(Conflict):
    sentence = N_("This passkey is registered already.")


class FactorNotFound(NotFound):
    sentence = N_("This second factor is no longer there.")


class LastFactor(NotAllowed):
    """The role needs a second factor, and this is the only one."""

    status = 409
    code = "CONFLICT"
    sentence = N_("Your role needs a second factor. Add another one first, then remove this one.")


class TotpKnown(Conflict):
    sentence = N_("An authenticator app is set up already. Remove it first to set up another one.")


class SignInAgain(NotAllowed):
    sentence = N_("For this you must have signed in within the last 10 minutes. Sign out, and sign in again.")
