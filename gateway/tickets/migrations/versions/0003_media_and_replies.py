"""What media hold, what citizens are told, calls as they go, and a message's chat."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_media_and_replies"
down_revision = "0002_open311"
phase = "expand"

Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and columns; a version that knows none of them goes on as before."""
    op.add_column("messages", sa.Column("conversation", sa.LargeBinary()))
    op.add_column("messages", sa.Column("sealed_reply_to", sa.LargeBinary()))
    _index_part("ix_messages_conversation", "messages", "conversation", "conversation IS NOT NULL")
    op.create_index("ix_people_ticket_id", "people", ["ticket_id"])
    _create_media()
    _create_replies()
    _create_calls()


def _create_media() -> None:
    op.create_table(
        "media",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("message", sa.String(32), nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("sealed_reference", sa.LargeBinary()),
        sa.Column("sealed_name", sa.LargeBinary()),
        sa.Column("address", sa.String(64)),
        sa.Column("size", sa.BigInteger()),
        sa.Column("media_type", sa.String(128)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Time, nullable=False),
        sa.Column("note", sa.String(128)),
        sa.Column("done_at", Time),
        sa.Column("facts", Document),
        sa.Column("derived", Document),
        sa.Column("masked_text", sa.Text()),
        sa.Column("mask_spans", Document),
        sa.Column("sealed_text", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("number", name="pk_media"),
        sa.UniqueConstraint("id", name="uq_media_id"),
    )
    op.create_index("ix_media_ticket_id", "media", ["ticket_id"])
    op.create_index("ix_media_address", "media", ["address"])
    _index_part("ix_media_not_before", "media", "not_before", "done_at IS NULL")


def _create_replies() -> None:
    op.create_table(
        "replies",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("message", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("event", sa.String(24), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("doubts", sa.Integer(), nullable=False),
        sa.Column("not_before", Time, nullable=False),
        sa.Column("note", sa.String(128)),
        sa.Column("done_at", Time),
        sa.PrimaryKeyConstraint("number", name="pk_replies"),
        sa.UniqueConstraint("id", name="uq_replies_id"),
    )
    op.create_index("ix_replies_ticket_id", "replies", ["ticket_id"])
    _index_part("ix_replies_not_before", "replies", "not_before", "done_at IS NULL")


def _create_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("call", sa.String(256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("look_at", Time),
        sa.Column("sealed_state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_calls"),
        sa.UniqueConstraint("channel", "call", name="uq_calls_channel_call"),
    )
    _index_part("ix_calls_look_at", "calls", "look_at", "look_at IS NOT NULL")


def _index_part(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
