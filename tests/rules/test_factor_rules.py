"""Second factors without a database: codes and their window, recovery codes, seals."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest

from aurapark.accounts import factor_rules as rules
from aurapark.accounts.factors import sealer_for
from aurapark.accounts.passkeys import RelyingParty
from aurapark.accounts.sealing import SealBroken, Sealer

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the secret of the examples in RFC 6238
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OLD, NEW = "o" * 32, "n" * 32


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert rules.code_at(SECRET, rules.step_at(moment)) == code
    assert rules.matching_step(SECRET, code, moment=moment, after=-1) == seconds // 30


@pytest.mark.parametrize(("drift", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_one_step_to_either_side(drift: int, good: bool) -> None:
    code = rules.code_at(SECRET, rules.step_at(NOON) + drift)
    found = rules.matching_step(SECRET, code, moment=NOON, after=-1)
    assert (found is not None) == good


def test_a_step_that_was_taken_takes_all_before_it_too() -> None:
    step = rules.step_at(NOON)
    for taken, good in ((step - 2, True), (step - 1, False), (step, False)):
        code = rules.code_at(SECRET, step - 1)
        assert (rules.matching_step(SECRET, code, moment=NOON, after=taken) is not None) == good


@pytest.mark.parametrize(
    ("typed", "read"),
    [("123456", "123456"), (" 123 456 ", "123456"), ("123-456", "123456"), ("12345", None), ("1234567", None),
     ("١٢٣٤٥٦", None), ("", None), ("12345a", None)],
)  # fmt: skip
def test_codes_are_read_as_people_type_them(typed: str, read: str | None) -> None:
    assert rules.read_totp(typed) == read


def test_recovery_codes_are_ten_and_differ_and_are_read_back() -> None:
    codes = rules.new_recovery_codes()
    assert len(set(codes)) == 10
    for slot, code in enumerate(codes):
        assert rules.read_recovery_code(code) == (slot, code)
        assert rules.read_recovery_code(f" {code[:5].lower()}-{code[5:]} ") == (slot, code)
        assert rules.read_totp(code) is None
    for wrong in ("", "123456", "Z" * 10, codes[0] + "A", codes[0][:-1] + "I", "0000000000"):
        assert rules.read_recovery_code(wrong) is None


def test_what_is_offered_belongs_to_one_session_and_is_no_key_of_another_purpose() -> None:
    offered = rules.setup_secret(NEW, "token one")
    assert offered == rules.setup_secret(NEW, "token one")
    assert len({offered, rules.setup_secret(NEW, "token two"), rules.setup_secret(OLD, "token one")}) == 3
    assert len(pyotp.TOTP(offered).byte_secret()) == 20


def test_the_qr_code_says_what_apps_read() -> None:
    address = rules.provisioning_uri(SECRET, account="awa+1@example.com")
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/AuraPark:awa+1@example.com"
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["AuraPark"]}
    assert pyotp.parse_uri(address).secret == SECRET


def test_a_sealed_secret_opens_with_old_keys_and_says_so() -> None:
    sealed = sealer_for([OLD]).seal(SECRET, owner="user:1")
    assert SECRET.encode() not in sealed
    assert sealer_for([OLD]).open(sealed, owner="user:1") == (SECRET, False)
    assert sealer_for([NEW, OLD]).open(sealed, owner="user:1") == (SECRET, True)
    assert sealer_for([OLD]).seal(SECRET, owner="user:1") != sealed


@pytest.mark.parametrize(
    ("sealer", "owner"),
    [(sealer_for([NEW]), "user:1"), (sealer_for([OLD]), "user:2"), (Sealer.of([OLD], purpose="other"), "user:1")],
    ids=["other key", "other person", "other purpose"],
)
def test_a_seal_opens_for_its_key_its_owner_and_its_purpose_only(sealer: Sealer, owner: str) -> None:
    sealed = sealer_for([OLD]).seal(SECRET, owner="user:1")
    with pytest.raises(SealBroken):
        sealer.open(sealed, owner=owner)
    for place in (0, len(sealed) // 2, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            sealer_for([OLD]).open(bytes(changed), owner="user:1")


@pytest.mark.parametrize(
    ("site_url", "rp_id", "origin"),
    [
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
        ("https://aurapark.example", "aurapark.example", "https://aurapark.example"),
        ("https://aurapark.example:443", "aurapark.example", "https://aurapark.example"),
        ("https://www.aurapark.example:8443", "www.aurapark.example", "https://www.aurapark.example:8443"),
    ],
)
def test_the_relying_party_comes_from_the_site_address(site_url: str, rp_id: str, origin: str) -> None:
    assert RelyingParty.of(site_url) == RelyingParty(rp_id, origin)


def test_the_step_of_a_moment_changes_every_thirty_seconds() -> None:
    assert rules.step_at(NOON + timedelta(seconds=29)) == rules.step_at(NOON)
    assert rules.step_at(NOON + timedelta(seconds=30)) == rules.step_at(NOON) + 1
