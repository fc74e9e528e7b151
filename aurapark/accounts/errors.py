"""What can go wrong with accounts."""

from aurapark.errors import N_, Conflict, NotAllowed


class AddressTaken(Conflict):
    sentence = N_("This e-mail address or phone number belongs to another account.")


class AlreadyMember(Conflict):
    sentence = N_("This person already works for an agency.")


class SignedOut(NotAllowed):
    sentence = N_("You are signed out. Please sign in again.")
