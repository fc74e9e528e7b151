"""Draws a text as a QR code: of a ticket, of the secret for an authenticator app."""

import segno
from markupsafe import Markup

QUIET_ZONE = 4  # modules, as the standard asks


def draw_qr(text: str, *, title: str) -> Markup:
    """Return the QR code as inline SVG without styles, error level M, quiet zone included; its user sets the size."""
    code = segno.make(text, error="m", boost_error=False, micro=False)
    drawing = code.svg_inline(border=QUIET_ZONE, light="#fff", omitsize=True, svgclass=None, lineclass=None)
    label = Markup('<svg role="img" aria-label="{}" ').format(title)
    return label + Markup(drawing.removeprefix("<svg "))  # nosec B704  # noqa: S704  segno's own digits and letters
