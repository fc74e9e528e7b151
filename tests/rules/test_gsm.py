"""The GSM alphabet: what is kept, what is written otherwise, what an SMS costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurapark.notifications.gsm import gsm_length, to_gsm


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Yaoundé à 7 h", "Yaoundé à 7 h"),
        ("jusqu’à 14\u00a0h\u202f45", "jusqu'à 14 h 45"),
        ("Garoua Boulaï, Bâfang, forêt, Noël, ça", "Garoua Boulai, Bafang, foret, Noel, ca"),
        ("« œuvre » – Œ… A→B", '" oeuvre " - OE... A-B'),
        ("Nde\u0301", "Ndé"),
        ("Ŋgɔ́ ɓ Ɗ", "Ngo b D"),
        ("القاهرة 🚌", "??????? ?"),
        ("{{7*7}} %s", "{{7*7}} %s"),
    ],
)
def test_letters_outside_the_alphabet_are_written_otherwise(text: str, written: str) -> None:
    assert to_gsm(text) == written


@given(st.text())
def test_whatever_comes_in_an_sms_goes_out(text: str) -> None:
    assert gsm_length(to_gsm(text)) >= 0


@pytest.mark.parametrize(("text", "length"), [("", 0), ("siège à", 7), ("[a]", 5), ("€", 2)])
def test_extended_letters_cost_two(text: str, length: int) -> None:
    assert gsm_length(text) == length


@pytest.mark.parametrize("letter", ["ç", "ê", "ô", "î", "û", "’", "→", "\u202f"])
def test_a_letter_outside_the_alphabet_has_no_length(letter: str) -> None:
    with pytest.raises(ValueError, match="GSM"):
        gsm_length(letter)
