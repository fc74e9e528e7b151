"""Doctor, for everybody of the platform: what its rounds found, the audit log's chain, who gives a sign of life."""

import re

from flask import render_template
from sqlalchemy import select

from aurapark.accounts.models import PlatformRole
from aurapark.audit_chain import read_state
from aurapark.extensions import db
from aurapark.platform.job_desk import list_lives
from aurapark.reconciliation.models import DoctorReport, DoctorVerdict
from aurapark.web.audience import Audience, AudienceBlueprint

bp = AudienceBlueprint("platform_doctor", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
NAME = re.compile(r"([A-Z]+)(\d+)(?:/(\d+))?")


@bp.get("/doctor", roles=EVERYBODY)
def doctor() -> str:
    """Show what the newest round found, invariant by invariant."""
    report = db.session.scalars(select(DoctorReport)).one_or_none()
    verdicts = sorted(db.session.scalars(select(DoctorVerdict)), key=_order)
    found = [one for one in verdicts if one.count]
    values = {
        "report": report,
        "verdicts": verdicts,
        "found": found,
        "chain": read_state(db.session.connection()),
        "lives": list_lives(),
    }
    return render_template("admin/doctor.html", **values)


def _order(verdict: DoctorVerdict) -> tuple[str, int, int]:
    """I2 before I10, I13 before I13/2."""
    known = NAME.fullmatch(verdict.id)
    return ("Z", 0, 0) if known is None else (known[1], int(known[2]), int(known[3] or 1))
