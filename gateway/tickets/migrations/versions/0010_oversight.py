"""What supervisors look at: surges, figures by the hour, and the index of the search.

What is to be indexed is queued by triggers, so that nobody who writes words can forget it, an older
version that still serves included. `search_words` is FTS5 on SQLite and a `tsvector` on PostgreSQL.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010_oversight"
down_revision = "0009_desk"
phase = "expand"
indexes = (
    ("ix_tickets_accepted_at", "tickets", "accepted_at", ""),
    ("ix_confirmations_at", "confirmations", "at", ""),
)
"""On tables that may be large: built before the step, over PostgreSQL while others write."""

Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and triggers; what is there already is indexed by the worker, later."""
    _create_surges()
    op.create_table(
        "hourly_figures",
        sa.Column("hour", Time, nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("confirmed", Document, nullable=False),
        sa.PrimaryKeyConstraint("hour", name="pk_hourly_figures"),
    )
    _create_search()
    if op.get_bind().dialect.name == "sqlite":
        _create_on_sqlite()
    else:
        _create_on_postgresql()
    # After the triggers: whatever is committed from here on has been queued by them.
    op.execute(
        "INSERT INTO search_backfill (name, through) "
        "SELECT 'messages', coalesce(max(number), 0) FROM messages"
    )


def _create_surges() -> None:
    op.create_table(
        "surges",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("opened_at", Time, nullable=False),
        sa.Column("opened_by", sa.String(64), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("closed_at", Time),
        sa.Column("closed_by", sa.String(64)),
        sa.Column("closing_grounds", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_surges"),
    )
    where = sa.text("running")
    op.create_index(
        "uq_surges_running",
        "surges",
        ["running"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def _create_search() -> None:
    op.create_table(
        "search_queue",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_search_queue"),
    )
    op.create_table(
        "search_documents",
        sa.Column("number", Number, autoincrement=False, nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_search_documents"),
        sa.UniqueConstraint("ticket_id", name="uq_search_documents_ticket_id"),
    )
    op.create_table(
        "search_backfill",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_search_backfill"),
    )


def _create_on_sqlite() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE search_words USING "
        "fts5(terms, content='', detail=none, columnsize=0, tokenize='ascii')"
    )
    queue = "INSERT INTO search_queue (ticket_id) VALUES"
    triggers = {
        "messages_are_searched": f"INSERT ON messages BEGIN {queue} (NEW.ticket_id);",
        "messages_are_searched_elsewhere": "UPDATE OF ticket_id ON messages "
        f"BEGIN {queue} (OLD.ticket_id), (NEW.ticket_id);",
        "media_are_searched": "INSERT ON media WHEN NEW.masked_text IS NOT NULL "
        f"BEGIN {queue} (NEW.ticket_id);",
        "media_are_searched_later": "UPDATE OF masked_text, ticket_id ON media "
        f"WHEN NEW.masked_text IS NOT NULL BEGIN {queue} (OLD.ticket_id), (NEW.ticket_id);",
    }
    for name, body in triggers.items():
        op.execute(f"CREATE TRIGGER {name} AFTER {body} END")


def _create_on_postgresql() -> None:
    op.execute(
        "CREATE TABLE search_words (number BIGINT CONSTRAINT pk_search_words PRIMARY KEY, "
        "terms TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX ix_search_words_terms ON search_words USING gin (terms)")
    op.execute(
        "CREATE OR REPLACE FUNCTION jiesu_queue_for_search() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN "
        "INSERT INTO search_queue (ticket_id) VALUES (NEW.ticket_id); "
        "IF TG_OP = 'UPDATE' AND OLD.ticket_id <> NEW.ticket_id THEN "
        "INSERT INTO search_queue (ticket_id) VALUES (OLD.ticket_id); END IF; "
        "RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER messages_are_searched AFTER INSERT OR UPDATE OF ticket_id ON messages "
        "FOR EACH ROW EXECUTE FUNCTION jiesu_queue_for_search()"
    )
    op.execute(
        "CREATE TRIGGER media_are_searched AFTER INSERT OR UPDATE OF masked_text, ticket_id "
        "ON media FOR EACH ROW WHEN (NEW.masked_text IS NOT NULL) "
        "EXECUTE FUNCTION jiesu_queue_for_search()"
    )
