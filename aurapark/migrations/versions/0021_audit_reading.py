"""The audit log is read by what an entry is about: a booking, an agency."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_index("ix_audit_entry_entity", "audit_entry", ["entity", "entity_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_audit_entry_entity", "audit_entry")
