"""Accounts below their pages: guesses at once, equal time for everybody, the command, the demo, what is forgotten."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import event, func, text, update

from aurapark.accounts import passwords, signing_in, throttle
from aurapark.accounts.addresses import Address
from aurapark.accounts.commands import users
from aurapark.accounts.errors import WrongSignIn
from aurapark.accounts.models import KnownDevice, LoginSession, Membership, OneTimeToken, SignInThrottle, User
from aurapark.accounts.passwords import hash_password, is_password
from aurapark.accounts.sweeps import forget_old
from aurapark.accounts.throttle import Count, TooManyTries
from aurapark.audit import AuditEntry
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.demo.accounts import write_accounts
from aurapark.demo.logins import LOGINS, PASSWORD, email_of
from aurapark.demo.network import write_agencies, write_places
from aurapark.extensions import db
from tests.accounts import Browser, browser_of, make_user
from tests.factories import save

AT_ONCE = 20
KNOWN, UNKNOWN = Address("awa@example.cm"), Address("nobody@example.cm")


@pytest.fixture
def awa(app: Flask) -> User:
    """Somebody with a password."""
    return make_user(email=KNOWN.value, password_hash=hash_password("une phrase de passe"))


def guess(address: Address | None = KNOWN) -> None:
    """One wrong guess."""
    with pytest.raises(WrongSignIn):
        signing_in.check_password(address, "a wrong guess", device=None, network="192.0.2.0/24")


def guess_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let 20 guess at the same moment; returns how many guesses were judged."""
    judged: list[str] = []
    monkeypatch.setattr(passwords, "is_password", lambda password, _hash: bool(judged.append(password)))
    barrier = threading.Barrier(AT_ONCE)

    def client() -> None:
        with app.app_context():
            barrier.wait()
            try:
                signing_in.check_password(KNOWN, "a wrong guess", device=None, network="192.0.2.0/24")
            except (WrongSignIn, TooManyTries):
                pass
            finally:
                db.session.remove()

    threads = [threading.Thread(target=client) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(judged)


@pytest.fixture
def environment() -> dict[str, str]:
    """A connection for each of those who guess at once."""
    return {"WEB_THREADS": str(AT_ONCE)}


def test_twenty_guesses_at_once_are_five(app: Flask, awa: User, monkeypatch: pytest.MonkeyPatch) -> None:
    db.session.rollback()
    assert guess_at_once(app, monkeypatch) == throttle.ACCOUNT.free


def test_without_the_lock_more_than_five_slip_by(app: Flask, awa: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is what holds: read without it, and counted after a moment, the counter lets all of them by."""

    def look(key: str) -> Count:
        time.sleep(0.2)
        row = db.session.get(SignInThrottle, key)
        if row is None:
            in_new = text("INSERT INTO sign_in_throttle (key) VALUES (:key) ON CONFLICT DO NOTHING")
            db.session.execute(in_new, {"key": key})
        return Count(row.tries, row.last_at, row.delayed_until) if row else Count()

    monkeypatch.setattr(throttle, "lock", look)
    db.session.rollback()
    assert guess_at_once(app, monkeypatch) > throttle.ACCOUNT.free


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def test_an_unknown_account_costs_the_same_statements_and_one_hash(app: Flask, awa: User) -> None:
    seen = []
    for address in (KNOWN, UNKNOWN, None):
        with statements() as found:
            guess(address)
        seen.append(found)
    assert seen[0] == seen[1] == seen[2]


def test_an_unknown_account_takes_as_long_as_a_known_one(app: Flask, awa: User) -> None:
    """Within ten per cent, by the shortest of many: what the machine does besides only adds. Up to three looks."""
    for _ in range(3):
        shortest = {KNOWN: 9.0, UNKNOWN: 9.0}
        for _ in range(15):
            for address in shortest:
                in_transaction(lambda: db.session.execute(text("DELETE FROM sign_in_throttle")))
                started = time.perf_counter()
                guess(address)
                shortest[address] = min(shortest[address], time.perf_counter() - started)
        if abs(shortest[KNOWN] - shortest[UNKNOWN]) <= 0.1 * shortest[KNOWN]:
            return
    raise AssertionError(shortest)


def test_no_connection_is_held_while_a_password_is_hashed(
    app: Flask, awa: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    real = passwords.is_password

    def look(password: str, password_hash: str | None) -> bool:
        held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
        return real(password, password_hash)

    monkeypatch.setattr(passwords, "is_password", look)
    db.session.rollback()
    guess()
    assert held == [0]


def test_a_password_changed_between_hash_and_session_opens_nothing(app: Flask, awa: User) -> None:
    proof = signing_in.check_password(KNOWN, "une phrase de passe", device=None, network="192.0.2.0/24")
    in_transaction(lambda: db.session.execute(update(User).values(password_hash=hash_password("une autre phrase"))))
    with pytest.raises(WrongSignIn):
        in_transaction(proof.in_same)


def test_a_hash_of_older_weights_is_renewed(app: Flask, awa: User) -> None:
    old = passwords.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash("une phrase de passe")
    in_transaction(lambda: db.session.execute(update(User).values(password_hash=old)))
    proof = signing_in.check_password(KNOWN, "une phrase de passe", device=None, network="192.0.2.0/24")
    in_transaction(proof.in_same)
    new = db.session.query(User.password_hash).scalar()
    assert new != old
    assert is_password("une phrase de passe", new)


def run(app: Flask, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run `aurapark user …`."""
    done = app.test_cli_runner().invoke(users, list(arguments), input=typed)
    return done.exit_code, done.output


def test_the_first_admin_is_made_by_the_command(app: Flask) -> None:
    typed = "une phrase de passe\nune phrase de passe\n"
    code, said = run(app, "create", "Admin@Example.cm", "--name", "Ada", "--role", "admin", typed=typed)
    assert (code, "une phrase" in said) == (0, False)
    user = db.session.query(User).one()
    assert (user.email, user.platform_role, user.email_verified_at) == ("admin@example.cm", "admin", None)
    assert is_password("une phrase de passe", user.password_hash)
    assert db.session.query(AuditEntry.action).scalar() == "user.create"
    code, said = run(app, "create", "admin@example.cm", "--name", "Ada", "--generate")
    assert (code, said.splitlines()[-1]) == (
        1,
        "Error: This e-mail address or phone number belongs to another account.",
    )
    code, said = run(app, "create", "671234567", "--name", "Ben", "--generate")
    assert is_password(said.split()[-1], db.session.query(User.password_hash).filter_by(phone="+237671234567").scalar())
    assert run(app, "create", "x@example.cm", "--name", "Cy", typed="password1\npassword1\n")[0] == 1
    assert run(app, "create", "no address", "--name", "Cy", "--generate")[0] == 1


def test_whoever_is_disabled_has_no_session(app: Flask, awa: User) -> None:
    browser = browser_of(app, awa)
    assert run(app, "disable", KNOWN.value, "--reason", "left") == (0, "disabled; sessions ended: 1\n")
    assert browser.get("/account").status_code == 303
    browser = browser_of(app, awa)
    assert browser.get("/account").status_code == 303
    with pytest.raises(WrongSignIn):
        signing_in.check_password(KNOWN, "une phrase de passe", device=None, network="192.0.2.0/24")
    assert run(app, "enable", KNOWN.value, "--reason", "back")[0] == 0
    assert browser_of(app, awa).get("/account").status_code == 200
    assert run(app, "sessions", "end", KNOWN.value, "--reason", "stolen phone")[1].startswith("sessions ended: ")
    assert run(app, "disable", "nobody@example.cm", "--reason", "left")[0] == 1
    actions = [action for (action,) in db.session.query(AuditEntry.action).order_by(AuditEntry.id)]
    assert actions == ["user.disable", "user.enable", "user.end_sessions"]


def test_the_demo_has_every_login_once(app: Flask) -> None:
    in_transaction(write_places)
    in_transaction(lambda: write_agencies(0))
    for _ in range(2):
        in_transaction(write_accounts)
    assert {email for (email,) in db.session.query(User.email)} == {email_of(login) for login in LOGINS}
    assert db.session.query(Membership).count() == 6
    browser = Browser(app, app.response_class)
    fields = {"address": email_of("traveller"), "password": PASSWORD}
    assert browser.send("/login", fields).headers["Location"] == "/account"
    assert (
        browser.send("/login", {**fields, "address": email_of("owner")})
        .headers["Location"]
        .startswith("/account/second-factor")
    )


def test_what_is_over_is_forgotten(app: Flask, awa: User, settings: Settings) -> None:
    def days_ago(days: int) -> object:
        return func.now() - func.make_interval(0, 0, 0, days)

    rows: list[tuple[Callable[..., object], dict[str, object], str, int]] = [
        (OneTimeToken, {"purpose": "reset", "sent_to": "x", "nonce": "n"}, "expires_at", 1),
        (SignInThrottle, {"tries": 1}, "last_at", 1),
        (LoginSession, {"user_id": awa.id}, "created_at", 90),
        (KnownDevice, {"user_id": awa.id}, "last_seen_at", 180),
    ]
    names = {OneTimeToken: "secret_hash", SignInThrottle: "key", LoginSession: "token_hash", KnownDevice: "device_hash"}
    for table, values, column, days in rows:
        for kept in (True, False):
            moment = {column: days_ago(days - 1 if kept else days + 1)}
            if table is OneTimeToken:
                moment["created_at"] = days_ago(days + 2)
            save(table(**{**values, **moment, names[table]: str(kept)}))  # type: ignore[index]
    assert forget_old(settings, 100) == 1
    for table, *_ in rows:
        assert db.session.query(getattr(table, names[table])).all() == [("True",)]  # type: ignore[index]
    assert forget_old(settings, 100) == 0
