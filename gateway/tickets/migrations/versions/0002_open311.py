"""Tickets that came by Open311 are listed by time."""

import sqlalchemy as sa
from alembic import op

revision = "0002_open311"
down_revision = "0001_initial"
phase = "expand"


def upgrade() -> None:
    """Create the index; over PostgreSQL writers wait while it is built, a second or two."""
    condition = sa.text("channel = 'open311'")
    op.create_index(
        "ix_tickets_open311",
        "tickets",
        ["accepted_at"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
