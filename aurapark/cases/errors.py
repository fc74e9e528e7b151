"""What can go wrong with a case, named for people."""

from aurapark.errors import N_, Conflict, NotFound


class CaseNotFound(NotFound):
    sentence = N_("There is no such case.")


class CaseClosed(Conflict):
    sentence = N_("This case is resolved already.")


class CaseInOtherHands(Conflict):
    sentence = N_("This case is in the hands of %(owner)s; take it first.")


class CaseMoved(Conflict):
    """Somebody else took it between the page and the press."""

    sentence = N_("Somebody else has taken this case meanwhile. Look at it again before you decide.")


class CaseNotFits(Conflict):
    sentence = N_("“%(action)s” does not fit a case of the kind %(kind)s.")
