"""The agents' queue finds what waits for somebody among however many tickets were dispatched."""

revision = "0011_waiting"
down_revision = "0010_oversight"
phase = "expand"
indexes = (
    (
        "ix_tickets_waiting",
        "tickets",
        "dispatch_due_at",
        "status IN ('awaiting_confirmation', 'dispatched') "
        "AND confirmation IN ('none', 'clock', 'emergency')",
    ),
)
"""On a table that may be large: built before the step, over PostgreSQL while others write."""


def upgrade() -> None:
    """There is nothing else to do."""
