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
