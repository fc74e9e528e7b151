"""The database as migrated is the database of the models, every step goes up and down, and it refuses illegal moves."""

import itertools
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine, text

from aurapark import create_app
from aurapark.audit import record
from aurapark.booking.models import Booking, BookingState
from aurapark.config import ROOT
from aurapark.database import _by_constraint, in_transaction
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from aurapark.payments.models import Payment, PaymentState
from aurapark.payouts.models import Payout, PayoutState
from aurapark.refunds.models import Refund, RefundState
from tests.accounts import make_user
from tests.conftest import admin_connection, make_settings, url_of
from tests.factories import Network
from tests.paying import write_draft
from tests.refunding import ask
from tests.stories import confirm

SHAPE = """
    SELECT 'column', table_schema || '.' || table_name, column_name,
           data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
    FROM information_schema.columns WHERE table_schema IN ('public', 'audit') AND table_name <> 'alembic_version'
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
         AND conrelid::regclass::text <> 'alembic_version'
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
GUARDS = """
    SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', '', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
MACHINES: list[tuple[str, type[Any], type[StrEnum]]] = [
    ("booking", Booking, BookingState),
    ("payment", Payment, PaymentState),
    ("refund", Refund, RefundState),
    ("payout", Payout, PayoutState),
]
SEEN_ENOUGH = """
    UPDATE refund SET empty_queries = 2, last_empty_at = now(), handler = 'ada', approver = 'ben', proof = 'slip 17';
    UPDATE payout SET empty_queries = 2, last_empty_at = now()
"""


@pytest.fixture
def empty(servers: EmbeddedServers, tmp_path: Path) -> Iterator[str]:
    """An empty database, and an application on it with its context pushed."""
    with admin_connection(servers) as connection:
        connection.execute("DROP DATABASE IF EXISTS aurapark_empty")
        connection.execute("CREATE DATABASE aurapark_empty")
    url = url_of(servers, "aurapark_empty")
    with create_app(make_settings(url, servers.redis_url, tmp_path)).app_context():
        yield url
        db.session.remove()
        db.engine.dispose()
    with admin_connection(servers) as connection:
        connection.execute("DROP DATABASE aurapark_empty WITH (FORCE)")


def shape(url: str, query: str = SHAPE) -> set[tuple[str, ...]]:
    """What the database is made of."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return {tuple(row) for row in connection.execute(query)}


def test_migrations_equal_models(app: Flask, database_url: str, empty: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []
    engine.dispose()
    db.create_all()
    migrated = {row for row in shape(database_url) if not row[1].startswith("audit.")}
    assert shape(empty) ^ migrated == set()


def test_every_migration_goes_up_and_down_again(empty: str) -> None:
    script = ScriptDirectory(str(ROOT / "aurapark" / "migrations"))
    steps = [revision.revision for revision in reversed(list(script.walk_revisions()))]
    shapes = [shape(empty, f"{SHAPE} UNION ALL {GUARDS}")]
    for step in steps:
        upgrade(revision=step)
        shapes.append(shape(empty, f"{SHAPE} UNION ALL {GUARDS}"))
        assert shapes[-1] != shapes[-2]
    for place, step in reversed([*enumerate(["base", *steps[:-1]])]):
        downgrade(revision=step)
        assert shape(empty, f"{SHAPE} UNION ALL {GUARDS}") == shapes[place], f"down to {step}"
    upgrade()
    assert shape(empty, f"{SHAPE} UNION ALL {GUARDS}") == shapes[-1]


@pytest.mark.parametrize(("table", "model", "states"), MACHINES, ids=[machine[0] for machine in MACHINES])
def test_the_database_allows_the_moves_of_the_model_and_no_other(
    network: Network, database_url: str, table: str, model: type[Any], states: type[StrEnum]
) -> None:
    """Each pair of states in raw SQL; a refund and a payout that have all the proofs that moves ask for."""
    ask(confirm(network), 1000)
    write_draft(network.agency.id, make_user().id)
    db.session.remove()
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        connection.execute(SEEN_ENOUGH)
        checks = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'"
        for (name,) in connection.execute(checks, [table]).fetchall():
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for old, new in itertools.product(states, repeat=2):
            allowed = new == old or new in model.MOVES.get(old, frozenset())
            assert _moves(connection, table, old, new) == allowed, f"{table}: {old} → {new}"


def _moves(connection: psycopg.Connection, table: str, old: str, new: str) -> bool:
    change = f"UPDATE {table} SET state = %s"  # noqa: S608  one of two names above
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            connection.execute(change, [old])
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            return connection.execute(change, [new]).rowcount == 1
    except psycopg.errors.CheckViolation:
        return False


def test_constraints_with_a_message_exist(app: Flask) -> None:
    named = text("""
        SELECT conname FROM pg_constraint UNION SELECT tgname FROM pg_trigger
        UNION SELECT indexname FROM pg_indexes WHERE schemaname = 'public'
    """)
    assert set(_by_constraint) <= set(db.session.scalars(named))


def test_the_audit_log_is_only_added_to(app: Flask, database_url: str) -> None:
    in_transaction(lambda: record("agency.rename", "agency", "1", actor="ada", reason="asked for"))
    for change in ("UPDATE audit_entry SET actor = 'me'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"):
        with (
            psycopg.connect(database_url.replace("+psycopg", "")) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(change)
