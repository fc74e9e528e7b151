"""Lists on pages for staff: what is wanted stands in the address, problems stand at their fields, pages go by place.

One rule for all of them: a filter or a place that means nothing is answered with 422, the sentence at its field and no
rows; it is never passed over. `ListForm` is the base of every list's form; `components/list.html` shows what `Listing`
holds.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import make_response, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import HiddenField

from aurapark.keyset import Page, Place
from aurapark.web.fields import SharedForm
from aurapark.web.problems import Problem, problems_of

AFTER = "after"
PLACE = re.compile(r"(?:([0-9]{1,16})\.)?([0-9]{1,18})", re.ASCII)  # microseconds since 1970, and a bigint
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class AfterField(HiddenField):  # type: ignore[misc]  # wtforms has no types
    """The place of the last row of the page before, as `write_place` wrote it; data is that place."""

    data: Place | None

    def __init__(self, *given: Any, timed: bool = False, **more: Any) -> None:
        super().__init__(*given, **more)
        self.timed = timed

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        self.data = None
        if valuelist and valuelist[0]:
            self.data = read_place(valuelist[0], timed=self.timed)
            if self.data is None:
                raise ValueError(gettext("This page of the list is not there. Begin with its first page."))


class ListForm(SharedForm):
    """What of a list is wanted; a list in the order of (time, number) says `after = AfterField(timed=True)`."""

    after = AfterField(_l("Next page"))


@dataclass(frozen=True)
class Listing:
    """One list as its template reads it. `rows` is empty when `problems` is not."""

    form: ListForm
    page: Page[Any]
    path: str
    exports: Sequence[str] = ()

    @property
    def rows(self) -> Sequence[Any]:
        return self.page.rows

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the filters; a wrong place belongs to no field that people see."""
        hidden = self.form.after.id
        return [Problem(one.text, "" if one.field_id == hidden else one.field_id) for one in problems_of(self.form)]

    @property
    def narrowed(self) -> bool:
        """Say whether any filter is given."""
        return bool(self._kept())

    @property
    def later(self) -> bool:
        """Say whether this is another page than the first."""
        return bool(request.args.get(AFTER))

    def url(self, after: Place | None = None) -> str:
        """Return the address of the page behind a place, the first page without one, narrowed the same way."""
        return self._address(self.path, [(AFTER, write_place(after))] if after else [])

    def export_url(self, ending: str) -> str:
        """Return the address of the whole list as a file, narrowed the same way: `/admin/audit.csv?actor=user:1`."""
        return self._address(f"{self.path}.{ending}", [])

    def _address(self, path: str, more: list[tuple[str, str]]) -> str:
        pairs = urlencode([*self._kept(), *more])
        return f"{path}?{pairs}" if pairs else path

    def _kept(self) -> list[tuple[str, str]]:
        """The filters of this request, as they were written."""
        fields = (name for name in request.args if name in self.form and name != AFTER)
        return [(name, value) for name in fields for value in request.args.getlist(name) if value]


def show_list(
    template: str, form: ListForm, find: Callable[[Any], Page[Any]], *, exports: Sequence[str] = (), **values: Any
) -> Response:
    """Show a page of a list: `find` is asked with a valid form only, otherwise the page says what is wrong with 422.

    The template gets `listing` and `problems`, beside `values`. `exports` are the endings of its files, `("csv",
    "xlsx")`, which are routes of the same path with that ending.
    """
    listing = list_of(form, find, exports=exports)
    page = render_template(template, listing=listing, form=form, problems=listing.problems, **values)
    return make_response(page, 422 if listing.problems else 200)


def list_of(
    form: ListForm, find: Callable[[Any], Page[Any]], *, path: str = "", exports: Sequence[str] = ()
) -> Listing:
    """Return the list for a page that shows more than it. `path` is where the list is, this page's unless given."""
    here = path or re.sub(r"\.(csv|xlsx)$", "", request.path)
    return Listing(form, find(form) if form.validate() else Page(), here, exports)


def write_place(place: Place) -> str:
    """Return a place for an address: `1234`, or microseconds and number, `1795448108123456.1234`."""
    if len(place) == 1:
        return str(place[0])
    return f"{(place[0] - EPOCH) // MICROSECOND}.{place[1]}"


def read_place(text: str, *, timed: bool) -> Place | None:
    """Return the place that was written into an address, None for anything else."""
    found = PLACE.fullmatch(text)
    if found is None or (found[1] is not None) != timed:
        return None
    return (EPOCH + int(found[1]) * MICROSECOND, int(found[2])) if timed else (int(found[2]),)
