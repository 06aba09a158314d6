"""What citizens say of how their matter was dealt with, one rating a ticket."""

import sqlalchemy as sa
from alembic import op

revision = "0008_ratings"
down_revision = "0007_knowledge"
phase = "expand"


def upgrade() -> None:
    """Create the table; a version that does not know it goes on as before."""
    op.create_table(
        "ratings",
        sa.Column("ticket_id", sa.String(16), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("masked_words", sa.Text()),
        sa.Column("sealed_words", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_ratings_ticket_id"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ratings"),
    )
