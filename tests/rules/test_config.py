"""Settings: wrong ones are named, one line each, and production refuses what development may have."""

from base64 import b64encode
from pathlib import Path

import pytest

from aurapark.config import SettingsError, load_settings

SERVERS = {"DATABASE_URL": "postgresql+psycopg://localhost/x", "REDIS_URL": "redis://localhost:6379/0"}
PRODUCTION = {
    **SERVERS,
    "AURAPARK_ENV": "production",
    "SITE_URL": "https://aurapark.cm",
    "SECRET_KEY": "k" * 40,
    "TICKET_SIGNING_KEY": b64encode(b"k" * 32).decode(),
    "FLUTTERWAVE_SECRET_KEY": "FLWSECK-" + "a" * 32 + "-X",
    "FLUTTERWAVE_WEBHOOK_SECRET": "a secret hash",
}


def test_development_needs_only_its_servers_and_keeps_its_secrets(tmp_path: Path) -> None:
    environment = {**SERVERS, "AURAPARK_VAR": str(tmp_path)}
    settings = load_settings(environment)
    assert settings.hold_seconds == 900
    assert settings.secret_key == load_settings(environment).secret_key
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_production_starts_when_everything_is_right() -> None:
    settings = load_settings(PRODUCTION)
    assert settings.production
    assert settings.https
    assert settings.flutterwave_checkout_hosts == ("checkout.flutterwave.com",)
    assert settings.flutterwave_base_url == "https://api.flutterwave.com/v3"


STRIPE = {
    **{name: value for name, value in PRODUCTION.items() if not name.startswith("FLUTTERWAVE")},
    "PAYMENT_GATEWAY": "stripe",
    "STRIPE_SECRET_KEY": "sk_live_" + "a" * 32,
    "STRIPE_WEBHOOK_SECRET": "whsec_" + "a" * 32,
}


def test_only_the_chosen_gateway_needs_its_keys() -> None:
    settings = load_settings(STRIPE)
    assert settings.checkout_hosts == ("checkout.stripe.com",)
    assert settings.stripe_base_url == "https://api.stripe.com/v1"
    assert load_settings(PRODUCTION).checkout_hosts == ("checkout.flutterwave.com",)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY: not set"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET: not set"),
        ({"STRIPE_SECRET_KEY": "sk_test_" + "a" * 32}, "test key"),
        ({"STRIPE_SECRET_KEY": "rk_test_" + "a" * 32}, "test key"),
        ({"STRIPE_SECRET_KEY": "pk_live_" + "a" * 32}, "no secret key"),
        ({"STRIPE_BASE_URL": "http://api.stripe.com/v1"}, "STRIPE_BASE_URL"),
        ({"AURAPARK_ENV": "development"}, "live key outside production"),
    ],
)
def test_wrong_settings_of_stripe_are_named(change: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load_settings({**STRIPE, **change})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"TICKET_SIGNING_KEY": "x" * 44}, "TICKET_SIGNING_KEY"),
        ({"SITE_URL": "http://aurapark.cm"}, "SITE_URL"),
        ({"FLUTTERWAVE_SECRET_KEY": "FLWSECK_TEST-" + "a" * 32 + "-X"}, "test key"),
        ({"FLUTTERWAVE_SECRET_KEY": "FLWPUBK-" + "a" * 32 + "-X"}, "public key"),
        ({"FLUTTERWAVE_SECRET_KEY": ""}, "FLUTTERWAVE_SECRET_KEY"),
        ({"FLUTTERWAVE_WEBHOOK_SECRET": ""}, "FLUTTERWAVE_WEBHOOK_SECRET"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL"),
        ({"REDIS_URL": ""}, "REDIS_URL"),
        ({"RATE_LIMITS": "off"}, "RATE_LIMITS"),
        ({"HOLD_SECONDS": "ten"}, "HOLD_SECONDS"),
        ({"MAX_SEATS": "99"}, "MAX_SEATS"),
        ({"MAIL_URL": "ftp://x"}, "MAIL_URL"),
        ({"PAYMENT_GATEWAY": "other"}, "PAYMENT_GATEWAY"),
        ({"AURAPARK_ENV": "staging"}, "AURAPARK_ENV"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load_settings({**PRODUCTION, **change})


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({**PRODUCTION, "SECRET_KEY": "x", "PORT": "0"})
    assert len(str(refused.value).splitlines()) == 2


def test_the_site_address_follows_the_port(tmp_path: Path) -> None:
    settings = load_settings({**SERVERS, "AURAPARK_VAR": str(tmp_path), "PORT": "9000"})
    assert settings.site_url == "http://localhost:9000"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"MAIL_URL": "smtp:mail.example.com"}, "MAIL_URL"),
        ({"MAIL_URL": "imap://secret@mail.example.com"}, "MAIL_URL"),
        ({"MAIL_URL": "smtp://user:secr%C3%A9t@mail.example.com"}, "MAIL_URL"),
        ({"MAIL_URL": "smtp://user:secret@mail.example.com:99999"}, "MAIL_URL"),
        ({"SMS_URL": "bulksms://api.bulksms.com"}, "SMS_URL: has no token"),
        ({"SMS_URL": "bulksms+http://id:secret@api.bulksms.com"}, "SMS_URL"),
        ({"SMS_URL": "bulksms://id:secret@api.bulksms.com?from=AuraParkVoyages"}, "longer than 11"),
        ({"OPERATOR_LANGUAGE": "de"}, "OPERATOR_LANGUAGE"),
    ],
)
def test_a_wrong_way_out_is_named_without_its_password(change: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as told:
        load_settings({**PRODUCTION, **change})
    assert "secr" not in str(told.value)


def test_right_ways_out_are_taken() -> None:
    given = {
        "MAIL_URL": "smtps://user:p%40ss@mail.example.com",
        "SMS_URL": "bulksms://ID:s%21@api.bulksms.com?from=AuraPark",
    }
    assert load_settings({**PRODUCTION, **given}).sms_url == given["SMS_URL"]
