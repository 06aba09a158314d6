"""The knowledge base: every version of its entries, and what citizens were answered by it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007_knowledge"
down_revision = "0006_accounts"
phase = "expand"

Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables, and the column by which a reply knows the answer that it tells."""
    _create_edits()
    _create_answers()
    op.add_column("replies", sa.Column("answer", sa.String(32)))
    for table in ("answers", "knowledge_edits"):
        _keep_from_changes(table)
    op.execute(sa.text("INSERT INTO knowledge_counter (name, last) VALUES ('edits', 0)"))


def _create_edits() -> None:
    op.create_table(
        "knowledge_edits",
        sa.Column("number", Number, autoincrement=False, nullable=False),
        sa.Column("entry", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("editor", sa.String(64), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("asks", Document, nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("unit", sa.String(64), nullable=False),
        sa.Column("source", Document, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("valid_from", sa.String(10)),
        sa.Column("valid_to", sa.String(10)),
        sa.PrimaryKeyConstraint("number", name="pk_knowledge_edits"),
        sa.UniqueConstraint("entry", "version", name="uq_knowledge_edits_entry_version"),
    )
    op.create_table(
        "knowledge_counter",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_knowledge_counter"),
    )
    op.create_table(
        "knowledge_vectors",
        sa.Column("edit", Number, autoincrement=False, nullable=False),
        sa.Column("encoder", sa.String(16), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("vectors", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("edit", "encoder", name="pk_knowledge_vectors"),
    )


def _create_answers() -> None:
    op.create_table(
        "answers",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("entry", sa.String(64)),
        sa.Column("entry_version", sa.Integer()),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_answers"),
        sa.UniqueConstraint("id", name="uq_answers_id"),
    )
    op.create_index("ix_answers_ticket_id", "answers", ["ticket_id"])


def _keep_from_changes(table: str) -> None:
    """Let triggers refuse UPDATE and DELETE, and on PostgreSQL TRUNCATE, as the first step does."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION jiesu_append_only()"
    )
