"""What the pages about work behind the site ask for: jobs and their runs, the outbox."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import Length, Optional

from aurapark.outbox import WorkState
from aurapark.outbox_reading import OPEN, OutboxSearch
from aurapark.platform.forms import a_day_of_ours
from aurapark.web.fields import ChoiceField, DayField, options
from aurapark.web.listing import AfterField, ListForm

WRONG = _l("Choose one of the list.")
A_DAY = timedelta(days=1)
ALL = "all"
STATES = {
    WorkState.READY: _l("waiting"),
    WorkState.LEASED: _l("under way"),
    WorkState.DEAD: _l("given up"),
    WorkState.DONE: _l("done"),
}
KINDS = {"sms": _l("SMS"), "mail": _l("E-mail")}


def _one_of(label: Any, pairs: list[tuple[Any, Any]]) -> ChoiceField:
    return ChoiceField(label, [Optional()], wrong=WRONG, choices=options(pairs), default="")


class RunsForm(ListForm):
    """Which runs of a job."""

    after = AfterField(_l("Next page"), timed=True)
    outcome = _one_of(_l("Outcome"), [("", _l("all")), ("failed", _l("failed")), ("did", _l("did something"))])


class OutboxForm(ListForm):
    """Which work of the outbox; without a state what is not done."""

    after = AfterField(_l("Next page"), timed=True)
    state = _one_of(_l("State"), [("", _l("not done")), *STATES.items(), (ALL, _l("all"))])
    kind = _one_of(_l("Kind"), [("", _l("all")), *KINDS.items()])
    key = StringField(_l("Key, or its beginning"), [Length(max=80)], filters=[lambda text: (text or "").strip()])
    since = DayField(_l("Since"), [Optional(), a_day_of_ours])
    until = DayField(_l("Until"), [Optional(), a_day_of_ours])

    @property
    def search(self) -> OutboxSearch:
        """Return what is wanted, once it was found to be valid."""
        state, until = self.state.data, self.until.data
        return OutboxSearch(
            states=OPEN if not state else () if state == ALL else (WorkState(state),),
            kind=self.kind.data or "",
            key=self.key.data or "",
            since=_midnight(self.since.data),
            until=_midnight(until + A_DAY) if until else None,
        )


def _midnight(day: Any) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
