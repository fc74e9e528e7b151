"""The signed text of a ticket's QR code: what is forged is refused, what is drawn can be scanned."""

import gzip
import io
import re
from base64 import b64encode
from datetime import UTC, datetime
from itertools import product

import pytest
import segno
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from aurapark.booking.qr import (
    NotATicket,
    SignedTicket,
    TicketRefused,
    TicketSigner,
    TicketVerifier,
    UnknownKey,
    WrongSignature,
    WrongVersion,
    key_id,
)
from aurapark.qr_code import draw_qr
from aurapark.timetable.rules import Leg

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ$%*+-./:"
DEPARTS_AT = datetime(2026, 12, 18, 6, 30, tzinfo=UTC)
TICKET = SignedTicket("7K3QF97K3Q", 1_234_567, "12", Leg(0, 2), DEPARTS_AT)


def new_signer() -> TicketSigner:
    return TicketSigner.from_key(b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode())


SIGNER = new_signer()
TEXT = SIGNER.sign(TICKET)
VERIFIER = TicketVerifier([SIGNER.public_key])


def test_what_was_signed_is_read_back() -> None:
    assert VERIFIER.read(TEXT) == TICKET


def test_the_text_is_short_and_only_alphanumeric() -> None:
    assert set(TEXT) <= set(ALPHANUMERIC)
    assert segno.make(TEXT, error="m", boost_error=False).designator == "6-M"


def test_each_character_changed_is_refused() -> None:
    for place, character in product(range(len(TEXT)), ALPHANUMERIC + "a é\n"):
        changed = TEXT[:place] + character + TEXT[place + 1 :]
        if changed != TEXT:
            with pytest.raises(TicketRefused):
                VERIFIER.read(changed)


@pytest.mark.parametrize("bit", range(8))
def test_each_bit_flipped_is_refused(bit: int) -> None:
    for place in range(len(TEXT)):
        raw = bytearray(TEXT.encode())
        raw[place] ^= 1 << bit
        with pytest.raises(TicketRefused):
            VERIFIER.read(raw.decode("latin-1"))


def test_the_seats_of_two_tickets_cannot_be_swapped() -> None:
    other = SIGNER.sign(SignedTicket("7K3QF97K3R", TICKET.trip_id, "13", TICKET.leg, DEPARTS_AT))
    for text, seat, wanted in ((TEXT, ".12.", ".13."), (other, ".13.", ".12.")):
        with pytest.raises(WrongSignature):
            VERIFIER.read(text.replace(seat, wanted, 1))
    swapped = TEXT.rpartition(".")[0] + "." + other.rpartition(".")[2]
    with pytest.raises(WrongSignature):
        VERIFIER.read(swapped)


def test_a_foreign_key_is_refused_under_its_own_and_under_our_name() -> None:
    foreign = new_signer()
    text = foreign.sign(TICKET)
    with pytest.raises(UnknownKey):
        VERIFIER.read(text)
    with pytest.raises(WrongSignature):
        VERIFIER.read(text.replace(key_id(foreign.public_key), key_id(SIGNER.public_key)))


def test_an_old_key_still_verifies_while_scanners_have_it() -> None:
    new = new_signer()
    verifier = TicketVerifier([new.public_key, SIGNER.public_key])
    assert verifier.read(TEXT) == verifier.read(new.sign(TICKET)) == TICKET


def test_another_version_is_refused_by_name() -> None:
    with pytest.raises(WrongVersion):
        VERIFIER.read(TEXT.replace("AP1", "AP2", 1))


def test_the_same_key_signing_something_else_makes_no_ticket() -> None:
    body = TEXT.rpartition(".")[0]
    from aurapark.booking.qr import _base32

    with pytest.raises(WrongSignature):
        VERIFIER.read(f"{body}.{_base32(SIGNER.key.sign(body.encode()))}")


@pytest.mark.parametrize("text", ["", "AP1", "https://example.com", TEXT + ".", TEXT + "\n", " " + TEXT, TEXT.lower()])
def test_other_texts_are_no_ticket(text: str) -> None:
    with pytest.raises(NotATicket):
        VERIFIER.read(text)


@pytest.mark.parametrize("key", ["", "AAAA", "not base64 at all"])
def test_a_bad_private_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  any of them: the settings have checked it before
        TicketSigner.from_key(key)


def test_the_drawn_code_scans_to_the_exact_text() -> None:
    picture = io.BytesIO()
    segno.make(TEXT, error="m", boost_error=False, micro=False).save(picture, kind="png", scale=4, border=4)
    (found,) = zxingcpp.read_barcodes(Image.open(picture).convert("L"))
    assert found.text == TEXT


def test_the_svg_draws_the_same_modules_with_a_quiet_zone() -> None:
    drawing = draw_qr(TEXT, title="Ticket 7K3")
    found = zxingcpp.read_barcodes(_rastered(drawing))
    assert [code.text for code in found] == [TEXT]


def test_the_svg_is_small_has_a_name_and_no_inline_style() -> None:
    drawing = draw_qr(TEXT, title='Seat "12" <b>')
    assert len(gzip.compress(drawing.encode(), 9)) <= 700
    assert 'role="img"' in drawing
    assert "Seat &#34;12&#34; &lt;b&gt;" in drawing
    assert "style" not in drawing


def _rastered(drawing: str) -> Image.Image:
    """Draw the path's horizontal strokes, four pixels a module, as a browser would."""
    side = int(re.search(r'viewBox="0 0 (\d+) ', drawing)[1])
    image = Image.new("L", (side * 4, side * 4), 255)
    x, y = 0.0, 0.0
    strokes = re.search(r'stroke="#000" d="([^"]+)"', drawing)[1]
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", strokes):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            top, left = int((y - 0.5) * 4), int(x * 4)
            image.paste(0, (left, top, left + int(values[0] * 4), top + 4))
            x += values[0]
        elif command == "M":
            x, y = values
        else:
            x, y = x + values[0], y + values[1]
    return image
