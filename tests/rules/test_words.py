"""Sentences with placeholders: what is refused, and that nothing but a placeholder ever means anything."""

import pytest

from aurapark.notifications.word_rules import (
    LONGEST,
    MISSING,
    NOT_GSM,
    TOO_LONG,
    UNKNOWN,
    UNKNOWN_BARE,
    as_shown,
    fill,
    find_fault,
    says_something,
)

SHIPPED = "Ticket {reference} for {amount}."
TEXT = ("{{7*7}}", "{a.__class__}", "%s", "%(amount)s", "${x}", "${}", "{0}", "{}", "{{ config }}", "{% if x %}")


@pytest.mark.parametrize("text", TEXT)
def test_what_looks_like_code_stays_text(text: str) -> None:
    assert fill(f"{text} {{reference}}", {"reference": "7K3QF9", "amount": 1}) == f"{text} 7K3QF9"
    assert fill("{reference}", {"reference": text, "amount": "no"}) == text


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert fill("{reference} {amount}", {"reference": "{amount}", "amount": "5 F"}) == "{amount} 5 F"


@pytest.mark.parametrize(
    ("text", "sentence", "told"),
    [
        ("{reference} {amount} {x}", UNKNOWN, "{x}"),
        ("{reference} {amount} ${price}", UNKNOWN, "{price}"),
        ("{ reference } {reference} {amount}", UNKNOWN, "{ reference }"),
        ("{Reference} {reference} {amount}", UNKNOWN, "{Reference}"),
        ("{reference}", MISSING, "{amount}"),
        ("{reference", MISSING, "{reference}, {amount}"),
        ("{reference} {amount} ça coûte", NOT_GSM, "“ç”"),
        ("{reference} {amount} 😀", NOT_GSM, "“😀”"),
        ("{reference} {amount}" + "x" * LONGEST, TOO_LONG, ""),
    ],
)
def test_a_fault_says_what_it_is(text: str, sentence: str, told: str) -> None:
    fault = find_fault(text, SHIPPED, by_sms=True)
    assert fault is not None
    assert fault.sentence == sentence
    assert told in (sentence % fault.values)


def test_where_a_letter_stands_is_said() -> None:
    fault = find_fault("{reference} {amount} «", SHIPPED, by_sms=True)
    assert fault is not None
    assert fault.values["place"] == len("{reference} {amount} «")


def test_what_is_fine_has_no_fault() -> None:
    assert find_fault("{amount} {reference} {reference}: déjà vu {{7*7}} %s", SHIPPED, by_sms=True) is None
    assert find_fault("{amount} {reference} 😀 «ça»", SHIPPED, by_sms=False) is None
    fault = find_fault("Hello {you}", "Hello", by_sms=False)
    assert fault is not None
    assert fault.sentence == UNKNOWN_BARE


def test_shipped_sentences_are_shown_with_braces() -> None:
    assert as_shown("%(kg)d kg, %(percent)s %% of %(amount)s") == "{kg} kg, {percent} % of {amount}"
    assert [says_something(text) for text in ("{label}: {value}", "{num} F", "–")] == [False, True, False]
