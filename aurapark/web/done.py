"""What was just done, said on the page that comes next: `?done=` holds a word of ours, never a sentence."""

from collections.abc import Mapping

from flask import request
from flask_babel import gettext


def done_words(known: Mapping[str, str]) -> str | None:
    """Return the sentence of this request's `?done=`, None for a word that is not known."""
    sentence = known.get(request.args.get("done", ""))
    return gettext(sentence) if sentence else None
