"""What can go wrong when people are given a role, change it or leave."""

from aurapark.errors import N_, Conflict, NotAllowed, NotFound


class MemberNotFound(NotFound):
    """Nobody such in this agency: of another one, gone, or never there, all alike."""


class UserNotFoundHere(NotFound):
    """No such account, or none that whoever asks may see."""


class MayNotGrant(NotAllowed):
    sentence = N_("You may not give or take this role.")


class OwnRole(NotAllowed):
    sentence = N_("Nobody raises their own role. Ask somebody else who may.")


class OwnAccount(NotAllowed):
    sentence = N_("This is your own account. Use the pages of your account for it.")


class LastOwner(Conflict):
    sentence = N_("An agency keeps at least one owner. Make somebody else an owner first.")


class LastAdmin(Conflict):
    sentence = N_("The platform keeps at least one admin. Make somebody else an admin first.")


class OnBothSides(Conflict):
    """Somebody of the platform in an agency could approve what they ask for."""

    sentence = N_("Nobody works for an agency and for the platform at once.")
