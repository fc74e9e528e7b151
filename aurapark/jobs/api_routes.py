"""POST /api/jobs/{job}: a job from outside, for whoever has the secret; where none is set there is no such address."""

import hmac

from flask import Response, request
from flask_babel import gettext

from aurapark.errors import N_, DomainError
from aurapark.jobs.models import Source
from aurapark.jobs.runs import JobUnknown, run_job
from aurapark.settings import current_settings
from aurapark.web import api
from aurapark.web.audience import Audience, AudienceBlueprint

HEADER = "X-Job-Secret"


class SecretRequired(DomainError):
    status, code = 401, "AUTHENTICATION_REQUIRED"
    sentence = N_("This does not carry the secret for jobs.")


bp = AudienceBlueprint("jobs", __name__, audience=Audience.OPERATOR, url_prefix=api.PREFIX)


@bp.post("/jobs/<job>")
def run(job: str) -> Response:
    """Run a job now and say how many rows it took up. Running it twice, or beside other runs, does no harm."""
    settings = current_settings()
    if not settings.jobs_secret:
        raise JobUnknown
    given = request.headers.get(HEADER, "")
    if not hmac.compare_digest(given.encode("latin-1", "replace"), settings.jobs_secret.encode()):
        raise SecretRequired
    outcome = run_job(job, settings, Source.API)
    message = gettext(outcome.sentence) % {"count": outcome.processed}
    return api.answer({"job": outcome.job, "processed": outcome.processed, "message": message})
