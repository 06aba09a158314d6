"""Agents side by side: claims, questions to citizens, splits, and how sure triage was."""

import sqlalchemy as sa
from alembic import op

revision = "0009_desk"
down_revision = "0008_ratings"
phase = "expand"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and columns; a version that knows none of them goes on as before."""
    op.create_table(
        "claims",
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.Column("handed_by", sa.String(64)),
        sa.Column("note", sa.Text()),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_claims"),
    )
    op.create_table(
        "questions",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("masked_text", sa.Text(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_questions"),
        sa.UniqueConstraint("id", name="uq_questions_id"),
    )
    op.create_index("ix_questions_ticket_id", "questions", ["ticket_id"])
    _create_splits()
    op.add_column("replies", sa.Column("question", sa.String(32)))
    op.add_column("repeats", sa.Column("merged_by", sa.String(64)))
    op.add_column("tickets", sa.Column("split_from", sa.String(16)))
    op.add_column("tickets", sa.Column("confidence", sa.Float()))


def _create_splits() -> None:
    op.create_table(
        "splits",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("masked_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_splits"),
    )
    op.create_index("ix_splits_ticket_id", "splits", ["ticket_id"])
    op.create_index("ix_splits_origin", "splits", ["origin"])
