"""References people read aloud, and tokens."""

from hypothesis import given
from hypothesis import strategies as st

from aurapark.references import ALPHABET, booking_token, fingerprint, new_reference, new_tx_ref, read_reference


def test_a_reference_has_six_characters_that_look_unlike_each_other() -> None:
    reference = new_reference()
    assert len(reference) == 6
    assert set(reference) <= set(ALPHABET)
    assert not set(ALPHABET) & set("0O1IL")


@given(st.sampled_from([" 7k3 qf9", "7K3-QF9", "7K3QF9 ", "7k3.qf9"]))
def test_a_reference_is_read_however_it_is_typed(typed: str) -> None:
    assert read_reference(typed) == "7K3QF9"


def test_a_token_can_be_made_again_and_a_new_version_revokes_it() -> None:
    token = booking_token("key", "7K3QF9", 1)
    assert token == booking_token("key", "7K3QF9", 1)
    assert token not in {booking_token("key", "7K3QF9", 2), booking_token("other", "7K3QF9", 1)}
    assert len(token) * 6 >= 128
    assert fingerprint(token) != token


def test_a_tx_ref_is_new_each_time() -> None:
    assert new_tx_ref(1) != new_tx_ref(1)
