"""What looks personal or secret cannot be read in a log, and ids can."""

import pytest

from aurapark.masking import HIDDEN, is_card_like, mask, mask_field


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent to +237671234516", "sent to +2376••••516"),
        ("sent to 00237 671 23 45 16", "sent to 0023••••516"),
        ("tel:6 71 23 45 16.", "tel:6••••516."),
        ("tel:671234516", "tel:6••••516"),
        ("%2B237671234516", "%2B2376••••516"),
        ("+33 6 12 34 56 78", "+3361••••678"),
        ("Awa <awa.ngo+bus@mail.example.cm>", f"Awa <{HIDDEN}@{HIDDEN}>"),
        ("GET /t/AbCdEf0123456789_-AbCdE", f"GET /t/{HIDDEN}"),
        ("/t/AbCdEf0123456789_-AbCdE/ticket.ics?x=1", f"/t/{HIDDEN}/ticket.ics?x=1"),
        ("GET /login/reset/AbCdEf0123456789_-AbCdE", f"GET /login/reset/{HIDDEN}"),
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {HIDDEN}"),
        ("?token=abc&code=123456&x=1", f"?token={HIDDEN}&code={HIDDEN}&x=1"),
        ('password="two words" x=1', f"password={HIDDEN} x=1"),
        ("key FLWSECK_TEST-5a11dbe77e57-X", f"key FLWSECK-{HIDDEN}"),
        ("sk_test_4eC39HqLyjWDarjtT1zdp7dc", f"sk-{HIDDEN}"),
        ("card 4242 4242 4242 4242!", f"card {HIDDEN}!"),
        ("postgresql://user:pass@host/db", f"postgresql://{HIDDEN}@host/db"),
    ],
)
def test_it_is_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "hold_lapsed booking=7K3QF9 trip=42",
        "AP-7K3QF97K3QF9-1",
        "2026-11-23T15:44:32.123+00:00",
        "GET /transactions/4975363/verify",
        "amount=13000 XAF",
        "4242424242424241",  # as long as a card number and none
    ],
)
def test_ids_stay(text: str) -> None:
    assert mask(text) == text


def test_a_private_field_is_hidden_whole() -> None:
    assert mask_field("name", "Awa Ngo") == mask_field("Phone", "12") == HIDDEN
    assert mask_field("booking", "7K3QF9") == "7K3QF9"


def test_luhn() -> None:
    assert is_card_like("4242424242424242")
    assert not is_card_like("4242424242424241")


def test_long_text_is_masked_in_time() -> None:
    for piece in ("a.", "6 7", "a@", "+1 ", "://a", "token=", "/t/", "sk_"):
        mask(piece * 1000)
