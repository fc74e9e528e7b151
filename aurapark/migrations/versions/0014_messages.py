"""Find forged webhooks of the last hours without reading all the genuine ones."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_index(
        "ix_webhook_event_forged",
        "webhook_event",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("NOT authentic"),
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_event_forged", table_name="webhook_event", postgresql_where=sa.text("NOT authentic"))
