"""Everything there was at the first release.

Written out, not taken from `schema.py`, which moves on while this step stays as it was.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_initial"
down_revision = None
phase = "expand"

Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)
APPEND_ONLY = ("history", "decisions", "confirmations")


def upgrade() -> None:
    """Create all tables, the append-only triggers, and the counter of ticket numbers."""
    _create_keys()
    _create_messages()
    _create_tickets()
    _create_records()
    _create_dispatch()
    for table in APPEND_ONLY:
        _keep_from_changes(table)
    op.execute(sa.text("INSERT INTO ticket_numbers (name, next) VALUES ('ticket', 0)"))


def _keep_from_changes(table: str) -> None:
    """Let triggers refuse UPDATE and DELETE, and on PostgreSQL TRUNCATE."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION jiesu_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION jiesu_append_only()"
    )


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def _create_keys() -> None:
    """Create who may do what: accounts, wrapped data keys, the counter of ticket numbers."""
    op.create_table(
        "data_keys",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_data_keys"),
    )
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("disabled_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
        sa.UniqueConstraint("token_digest", name="uq_accounts_token_digest"),
    )
    op.create_table(
        "ticket_numbers",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_ticket_numbers"),
    )


def _create_messages() -> None:
    """Create what citizens sent; people's data in it is sealed."""
    op.create_table(
        "messages",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("message_id", sa.String(256), nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("received_at", Time, nullable=False),
        sa.Column("sent_at", Time, nullable=True),
        sa.Column("masked_text", sa.Text(), nullable=False),
        sa.Column("mask_spans", Document, nullable=False),
        sa.Column("place", Document, nullable=True),
        sa.Column("body_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_reporter", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_messages"),
        sa.UniqueConstraint("channel", "message_id", name="uq_messages_channel_message_id"),
        sa.UniqueConstraint("id", name="uq_messages_id"),
    )
    op.create_index("ix_messages_ticket_id", "messages", ["ticket_id"])
    op.create_table(
        "people",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_people"),
    )
    op.create_index("ix_people_digest", "people", ["digest"])
    op.create_table(
        "attachments",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("message", sa.String(32), nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(128), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_attachments"),
    )
    op.create_index("ix_attachments_address", "attachments", ["address"])
    op.create_index("ix_attachments_ticket_id", "attachments", ["ticket_id"])
    op.create_table(
        "quarantine",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("received_at", Time, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sealed_request", sa.LargeBinary(), nullable=False),
        sa.Column("replayed_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_quarantine"),
        sa.UniqueConstraint("id", name="uq_quarantine_id"),
    )


def _create_tickets() -> None:
    """Create the tickets."""
    op.create_table(
        "tickets",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("query_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_query_code", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("accepted_at", Time, nullable=False),
        sa.Column("surge", sa.Boolean(), nullable=False),
        sa.Column("complex", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=True),
        sa.Column("topic", sa.String(32), nullable=True),
        sa.Column("matter", sa.String(64), nullable=True),
        sa.Column("tier", sa.String(16), nullable=True),
        sa.Column("route", sa.String(16), nullable=True),
        sa.Column("unit", sa.String(64), nullable=True),
        sa.Column("supporting_units", Document, nullable=False),
        sa.Column("district", sa.String(64), nullable=True),
        sa.Column("street", sa.String(64), nullable=True),
        sa.Column("untriaged", sa.Boolean(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("confirmation", sa.String(16), nullable=False),
        sa.Column("confirmed_by", sa.String(64), nullable=True),
        sa.Column("confirmed_at", Time, nullable=True),
        sa.Column("dispatch_due_at", Time, nullable=True),
        sa.Column("acknowledge_due_at", Time, nullable=True),
        sa.Column("report_due_at", Time, nullable=True),
        sa.Column("dispatched_at", Time, nullable=True),
        sa.Column("dispatched_unit", sa.String(64), nullable=True),
        sa.Column("warn_at", Time, nullable=True),
        sa.Column("publish_at", Time, nullable=True),
        sa.Column("needs_triage", sa.Boolean(), nullable=False),
        sa.Column("triage_attempts", sa.Integer(), nullable=False),
        sa.Column("triage_not_before", Time, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
    )
    _partial_index("ix_tickets_needs_triage", "tickets", ["accepted_at"], "needs_triage")
    _partial_index("ix_tickets_publish_at", "tickets", ["publish_at"], "publish_at IS NOT NULL")
    op.create_index("ix_tickets_status", "tickets", ["status", "dispatch_due_at"])
    _partial_index("ix_tickets_warn_at", "tickets", ["warn_at"], "warn_at IS NOT NULL")


def _create_records() -> None:
    """Create what is appended to and never edited."""
    op.create_table(
        "decisions",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_at", Time, nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("decision", Document, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_decisions"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_decisions_ticket_id"),
    )
    op.create_index("ix_decisions_ticket_id", "decisions", ["ticket_id"])
    op.create_table(
        "confirmations",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("choice", Document, nullable=False),
        sa.Column("before", Document, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_confirmations"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_confirmations_ticket_id"),
    )
    op.create_index("ix_confirmations_ticket_id", "confirmations", ["ticket_id"])
    op.create_table(
        "history",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("detail", Document, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_history"),
    )
    op.create_index("ix_history_ticket_id", "history", ["ticket_id"])


def _create_dispatch() -> None:
    """Create what the relay and the clocks work from, and the record of these steps."""
    op.create_table(
        "outbox",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("change", sa.String(16), nullable=False),
        sa.Column("due_at", Time, nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("not_before", Time, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("published_at", Time, nullable=True),
        sa.Column("entry_ms", sa.BigInteger(), nullable=True),
        sa.Column("entry_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_outbox"),
        sa.UniqueConstraint("ticket_id", "version", name="uq_outbox_ticket_id_version"),
    )
    op.create_index("ix_outbox_entry", "outbox", ["tier", "entry_ms", "entry_seq"])
    _partial_index(
        "ix_outbox_waiting", "outbox", ["released", "due_at", "number"], "published_at IS NULL"
    )
    op.create_table(
        "stream_positions",
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("entry_ms", sa.BigInteger(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tier", name="pk_stream_positions"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "schema_steps",
        sa.Column("revision", sa.String(32), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("applied_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_schema_steps"),
    )
