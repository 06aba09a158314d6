"""Sign-in by password, sessions, the audit log, and how far people's data has been erased."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_accounts"
down_revision = "0005_verifications"
phase = "expand"

Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and columns; a version that knows none of them goes on as before."""
    for column in (
        sa.Column("unit", sa.String(64)),
        sa.Column("password_hash", sa.String(256)),
        sa.Column("sealed_totp", sa.LargeBinary()),
        sa.Column("totp_step", sa.BigInteger()),
    ):
        op.add_column("accounts", column)
    _create_sessions()
    _create_audit()
    op.create_table(
        "retention",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_retention"),
    )
    op.execute(sa.text("INSERT INTO retention (name, through) VALUES ('people', 0)"))


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("opened_at", Time, nullable=False),
        sa.Column("seen_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])
    op.create_table(
        "sign_in_failures",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Time, nullable=False),
        sa.Column("wait_until", Time),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_in_failures"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", Number, autoincrement=False, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("detail", Document, nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    op.create_index("ix_audit_actor", "audit", ["actor"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", Number, nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_refuses_{verb.lower()} BEFORE {verb} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER audit_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION jiesu_append_only()"
    )
