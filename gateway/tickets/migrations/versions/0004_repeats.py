"""Repeats and clusters: what is to be compared, what it is found by, and what was found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_repeats"
down_revision = "0003_media_and_replies"
phase = "expand"

Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and columns; a version that knows none of them goes on as before."""
    op.add_column("tickets", sa.Column("repeats", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("tickets", sa.Column("cluster", sa.String(16)))
    _index_part("ix_tickets_cluster", "tickets", "cluster", "cluster IS NOT NULL")
    _create_index()
    _create_findings()


def _create_index() -> None:
    op.create_table(
        "to_compare",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("senders", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_to_compare"),
    )
    op.create_table(
        "sketches",
        sa.Column("number", Number, autoincrement=False, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sketches"),
        sa.UniqueConstraint("ticket_id", name="uq_sketches_ticket_id"),
    )
    op.create_table(
        "sketch_keys",
        sa.Column("key", Number, autoincrement=False, nullable=False),
        sa.Column("newest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sketch_keys"),
    )


def _create_findings() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clusters"),
    )
    op.create_table(
        "cluster_links",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("other", sa.String(16), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reason", Document, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_cluster_links"),
    )
    op.create_index("ix_cluster_links_ticket_id", "cluster_links", ["ticket_id"])
    op.create_table(
        "repeats",
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("first", sa.String(16), nullable=False),
        sa.Column("found_at", Time, nullable=False),
        sa.Column("merged_at", Time),
        sa.Column("settled_at", Time),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_repeats"),
    )
    op.create_index("ix_repeats_first", "repeats", ["first"])
    _index_part("ix_repeats_found_at", "repeats", "found_at", "settled_at IS NULL")


def _index_part(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
