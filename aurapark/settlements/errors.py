"""What can be wrong about a settlement."""

from aurapark.errors import N_, Conflict, Invalid, NotFound


class SettlementNotFound(NotFound):
    sentence = N_("There is no such settlement.")


class MonthUnreadable(Invalid):
    sentence = N_("Write the month as year and month, such as 2026-10.")


class PeriodNotOver(Conflict):
    sentence = N_("This month is not over yet. Its settlement is closed on the 1st of the next one.")


class TripsNotOver(Conflict):
    sentence = N_("Trips of this month have not left yet, nor been cancelled. The settlement is closed after them.")


class EarlierPeriodOpen(Conflict):
    sentence = N_("The settlement of an earlier month is still open. Close that one first.")


class AlreadyClosed(Conflict):
    sentence = N_("This settlement is closed already.")


class SettlementClosed(Conflict):
    sentence = N_("This settlement is closed: nothing in it changes any more.")


class LineNotFound(NotFound):
    sentence = N_("There is no such line.")


class LineDisputeNotFound(NotFound):
    sentence = N_("There is no such dispute.")


class DisputedAlready(Conflict):
    sentence = N_("This line was disputed already: a line can be disputed once.")


class NotClosedYet(Conflict):
    sentence = N_("This settlement is still open. Its lines can be disputed once it is closed.")


class DisputedTooLate(Conflict):
    sentence = N_("This settlement was closed more than 90 days ago: its lines can no longer be disputed.")


class NotDisputable(Conflict):
    sentence = N_("This line only carries what an earlier settlement says. Dispute the line there.")


class AnsweredAlready(Conflict):
    sentence = N_("This dispute is over already.")


class CorrectionTooLarge(Invalid):
    sentence = N_("A correction is not zero, and at most as large as the line.")
