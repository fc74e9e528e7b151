"""Rules of accounts without a database: how guessing is slowed down, which passwords pass, what secrets are made of."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from argon2 import extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from aurapark.accounts import passwords
from aurapark.accounts.addresses import AddressError, read_address
from aurapark.accounts.identity import Identity
from aurapark.accounts.models import OneTimeToken, Purpose
from aurapark.accounts.one_time import code_of, secret_of
from aurapark.accounts.passwords import DECOY, Busy, find_weakness, hash_password, is_outdated, is_password
from aurapark.accounts.throttle import ACCOUNT, Count, account_key, next_count
from aurapark.references import fingerprint
from aurapark.web.agents import device_words

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_each_further_failure_doubles_the_delay_up_to_fifteen_minutes() -> None:
    count, now, waits = Count(), START, []
    for _ in range(11):
        following = next_count(count, ACCOUNT, now=now)
        assert following is not None
        count = following
        waits.append(int((count.delayed_until - now).total_seconds()) // 60 if count.delayed_until else 0)
        now = count.delayed_until or now + timedelta(seconds=1)
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 15, 15, 15]


def test_a_try_within_the_delay_counts_nothing() -> None:
    count = Count(5, START, START + timedelta(minutes=1))
    assert next_count(count, ACCOUNT, now=START + timedelta(seconds=59)) is None
    assert next_count(count, ACCOUNT, now=START + timedelta(seconds=60)) is not None


def test_a_quarter_of_an_hour_of_quiet_forgets() -> None:
    later = START + timedelta(minutes=15)
    assert next_count(Count(4, START), ACCOUNT, now=later) == Count(1, later)
    assert next_count(Count(4, START), ACCOUNT, now=later - timedelta(seconds=1)) == Count(
        5, later - timedelta(seconds=1), later + timedelta(seconds=59)
    )


@given(st.lists(st.integers(0, 1200), max_size=60))
def test_no_more_than_five_free_tries_fit_into_a_quarter_of_an_hour(pauses: list[int]) -> None:
    count, now, judged = Count(), START, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        following = next_count(count, ACCOUNT, now=now)
        if following is not None:
            count = following
            judged.append(now)
    window = timedelta(minutes=15)
    assert all(sum(at <= other < at + window for other in judged) <= 5 + 4 for at in judged)


def test_a_known_device_has_a_counter_of_its_own_and_an_unknown_account_one_too() -> None:
    keys = {account_key(1, "a", device=None), account_key(1, "b", device=None)}
    assert keys == {"account:1"}
    assert account_key(1, "a", device="d") == "device:1:d"
    assert account_key(None, "awa@example.cm", device=None) == f"address:{fingerprint('awa@example.cm')}"


def test_hashes_have_the_weights_of_the_specification() -> None:
    for password_hash in (DECOY, hash_password("une phrase")):
        found = extract_parameters(password_hash)
        assert (found.type.name, found.memory_cost, found.time_cost, found.parallelism) == ("ID", 19 * 1024, 2, 1)
        assert not is_outdated(password_hash)


def test_a_password_counts_exactly_as_it_was_typed() -> None:
    for password in ("  deux espaces ", "é" * 8, "e\u0301" * 8, "密码密码密码密码", "x" * 128, "a\tb\tc\td\te"):
        password_hash = hash_password(password)
        assert is_password(password, password_hash)
        assert not is_password(password.strip() + "x", password_hash)
    assert not is_password("é" * 8, hash_password("e\u0301" * 8))
    assert not is_password("whatever", None)
    assert not is_password("whatever", "no hash")


WEAK = ["court", "password", "PassWord1", "motdepasse", "azertyuiop", "12345678", "AuraPark2026", "aaaaaaaa"]
WEAK += ["NgoBassong!1", "awa@example.cm", "671234567", "x" * 129, "ngo bassong", "+237 671 23 45 67"]


@pytest.mark.parametrize("password", WEAK)
def test_weak_passwords(password: str) -> None:
    assert find_weakness(password, about=("awa@example.cm", "+237671234567", "Ngo Bassong", None)) is not None


@pytest.mark.parametrize(
    "password", ["une phrase de passe", "x8#kPq2v", "Ngo Bassong prend le bus", "0123456789abcdez"]
)
def test_good_passwords(password: str) -> None:
    assert find_weakness(password, about=("awa@example.cm", "+237671234567", "Ngo Bassong", None)) is None


def test_two_hashes_run_at_a_time_one_waits_and_the_rest_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, refused = [0], [0], []
    barrier = Barrier(20)
    verify = passwords._hasher.hash

    def counted(password: str) -> str:
        running[0] += 1
        most[0] = max(most[0], running[0])
        try:
            return verify(password)
        finally:
            running[0] -= 1

    monkeypatch.setattr(passwords, "_hasher", type("Hasher", (), {"hash": staticmethod(counted)}))

    def press() -> None:
        barrier.wait()
        try:
            hash_password("une phrase")
        except Busy:
            refused.append(True)

    threads = [Thread(target=press) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= passwords.AT_ONCE
    assert len(refused) >= 20 - 3 * (passwords.AT_ONCE + passwords.WAITING)
    assert hash_password("and on it goes")


def test_a_secret_is_found_again_with_the_key_it_was_made_with_only() -> None:
    from aurapark.accounts.one_time import _derive

    secret = _derive("old key", Purpose.RESET, "nonce")
    token = OneTimeToken(purpose=Purpose.RESET, nonce="nonce", secret_hash=fingerprint(secret))
    assert secret_of(token, ["new key", "old key"]) == secret
    assert secret_of(token, ["new key"]) is None
    token.purpose = Purpose.INVITATION
    assert secret_of(token, ["old key"]) is None
    assert len(secret) == 43
    assert code_of(secret) == code_of(secret)
    assert len(code_of(secret)) == 6


def test_codes_are_spread_evenly() -> None:
    codes = [code_of(str(number)) for number in range(20_000)]
    for place in range(6):
        figures = [code[place] for code in codes]
        assert all(1800 < figures.count(figure) < 2200 for figure in "0123456789")


NO_ADDRESS = ("", "awa", "awa@", "@example.cm", "a@b@c.cm", "awa@x.cm\nBcc: x@y.cm", "12345", "é@é.cm", "+33612345678")


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(AddressError):
        read_address(text)


def test_addresses_are_kept_in_one_writing() -> None:
    assert read_address(" Awa.K@Example.CM ").value == "awa.k@example.cm"
    assert read_address("00 237 6 71 23 45 67").value == "+237671234567"


def test_a_session_never_writes_its_token() -> None:
    identity = Identity(
        token="geheim", session_id=1, started_at=START, user_id=1, name=None, email=None, phone=None, language="fr",
        agency_id=None, agency_role=None, platform_role=None, second_factor_at=None, second_factor_fresh=False,
        second_factor_set_up=False,
    )  # fmt: skip
    assert "geheim" not in repr(identity)
    assert identity.get_id() == "geheim"


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
AGENTS = {
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/143.0.0.0 Mobile Safari/537.36": "Chrome, Android",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} Version/18.0 Safari/604.1": "Safari, iPhone",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox, Linux",
    "<script>alert(1)</script>": None,
    "": None,
}


@pytest.mark.parametrize(("agent", "words"), AGENTS.items())
def test_a_browser_in_a_few_words(agent: str, words: str | None) -> None:
    assert device_words(agent) == words
