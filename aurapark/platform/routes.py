"""Where the platform's people begin."""

from flask import render_template

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.web.audience import Audience, AudienceBlueprint

bp = AudienceBlueprint("platform", __name__, audience=Audience.PLATFORM, url_prefix="/admin")


@bp.get("/", roles=frozenset(PlatformRole))
def home() -> str:
    """Show who is asking and where their role leads."""
    return render_template("admin/home.html", who=require_identity())
