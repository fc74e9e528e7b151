"""What messages about accounts say, in both languages: one SMS each on any site; secrets only while they are good."""

import uuid
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func

from aurapark import clock
from aurapark.accounts.messages import AccountMessage
from aurapark.accounts.models import OneTimeToken, Purpose
from aurapark.accounts.one_time import CODE_LIFETIME, issue
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.notifications.account import write_about_account
from aurapark.notifications.gsm import ONE_SMS, gsm_length
from aurapark.notifications.mail import Letter, compose
from aurapark.notifications.parcels import write_parcel
from aurapark.notifications.sms import Sms
from aurapark.outbox import Work
from tests.accounts import make_user

LONGEST_SITE = "https://reservations.etoile-du-wouri-voyages.aurapark.example.com"
PHONE, EMAIL = "+237671234567", "awa@example.cm"


def work(kind: str, **payload: object) -> Work:
    """A row of the outbox whose turn has come."""
    return Work(7, kind, payload, 1, clock.now(), uuid.uuid4())


def token(settings: Settings, to: str, language: str = "fr", **changes: object) -> OneTimeToken:
    """A one-time secret for somebody we do not know yet."""

    def write() -> OneTimeToken:
        details = {"language": language, "old": to}
        key, purpose = settings.secret_key, Purpose.SIGN_IN
        made = issue(purpose, sent_to=to, key=key, lifetime=CODE_LIFETIME, details=details)
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    return in_transaction(write)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_message_fits_one_sms_and_makes_a_letter(app: Flask, settings: Settings, language: str) -> None:
    at = replace(settings, site_url=LONGEST_SITE)
    said = set()
    for message in AccountMessage:
        sms = write_about_account(work("sms", account=message.value, token=token(settings, PHONE, language).id), at)
        assert isinstance(sms, Sms)
        assert gsm_length(sms.text) <= ONE_SMS, (message, sms.text)
        letter = write_about_account(work("mail", account=message.value, token=token(settings, EMAIL, language).id), at)
        assert isinstance(letter, Letter)
        assert compose(letter, sender="AuraPark <a@example.cm>")["Subject"] == letter.subject
        said |= {sms.text, letter.subject}
    assert len(said) == 2 * len(AccountMessage)


def test_who_is_known_is_told_in_their_language_where_they_can_be_reached(app: Flask, settings: Settings) -> None:
    user = make_user(email=EMAIL, phone=PHONE, language="en")
    letter = write_parcel(work("mail", account="password_changed", user=user.id), settings)
    assert isinstance(letter, Letter)
    assert (letter.to, letter.subject) == (EMAIL, "Your password for AuraPark was changed")
    assert write_parcel(work("mail", account="password_changed", user=0), settings) is None


def test_a_secret_that_is_over_is_not_sent(app: Flask, settings: Settings) -> None:
    for changes in ({"used_at": func.now()}, {"expires_at": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, 0.001)}):
        over = token(settings, PHONE, **changes)
        assert write_about_account(work("sms", account="code", token=over.id), settings) is None
    rotated = replace(settings, secret_key="k" * 32, secret_key_fallbacks=())
    still = token(settings, PHONE)
    assert write_about_account(work("sms", account="code", token=still.id), rotated) is None
    old_key = replace(rotated, secret_key_fallbacks=(settings.secret_key,))
    assert write_about_account(work("sms", account="code", token=still.id), old_key) is not None
