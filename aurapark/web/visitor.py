"""Who is visiting: a random token in the signed session, made with the first form that writes; it owns holds."""

from datetime import timedelta

from flask import session

from aurapark.references import fingerprint, new_visitor_token

TOKEN = "visitor"  # nosec B105  # noqa: S105  the name of the session's key
LIFETIME = timedelta(days=30)


def ensure_visitor() -> str:
    """Return the fingerprint of this visitor's token, making the token when there is none."""
    if TOKEN not in session:
        session[TOKEN] = new_visitor_token()
        session.permanent = True
    return fingerprint(session[TOKEN])


def visitor_hash() -> str | None:
    """Return the fingerprint of this visitor's token, None for somebody we have given none."""
    token = session.get(TOKEN)
    return fingerprint(token) if token else None
