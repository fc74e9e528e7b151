"""How Alembic reaches the database: as the owner role, in one transaction, one migration run at a time."""

from alembic import context
from flask import current_app
from sqlalchemy import create_engine, pool, text

from aurapark.extensions import db

MIGRATION_LOCK = 0x41555241  # "AURA": two upgrades at once run one after the other


def run() -> None:
    """Run the migrations on DATABASE_OWNER_URL."""
    engine = create_engine(current_app.config["AURAPARK"].database_owner_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        context.configure(connection=connection, target_metadata=db.metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
