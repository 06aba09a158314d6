"""Verifications: one-time codes by which a number is shown to be somebody's."""

import sqlalchemy as sa
from alembic import op

revision = "0005_verifications"
down_revision = "0004_repeats"
phase = "expand"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table; a version that does not know it goes on as before."""
    op.create_table(
        "verifications",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("asker", sa.LargeBinary(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_phone", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_code", sa.LargeBinary(), nullable=False),
        sa.Column("asked_on", sa.String(16)),
        sa.Column("ticket_id", sa.String(16)),
        sa.Column("made_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", Time),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Time, nullable=False),
        sa.Column("sent_at", Time),
        sa.PrimaryKeyConstraint("number", name="pk_verifications"),
        sa.UniqueConstraint("id", name="uq_verifications_id"),
    )
    op.create_index("ix_verifications_asker", "verifications", ["asker"])
    op.create_index("ix_verifications_phone", "verifications", ["phone"])
    where = sa.text("sent_at IS NULL")
    op.create_index(
        "ix_verifications_not_before",
        "verifications",
        ["not_before"],
        sqlite_where=where,
        postgresql_where=where,
    )
