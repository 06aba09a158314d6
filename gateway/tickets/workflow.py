"""The one table of allowed status changes (工单状态)."""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Where a ticket stands."""

    RECEIVED = "received"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    REPORTED = "reported"
    RESOLVED = "resolved"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


class Confirmation(StrEnum):
    """Who stands behind the route that was published."""

    NONE = "none"
    AGENT = "agent"
    AUTOMATIC = "automatic"
    CLOCK = "clock"
    EMERGENCY = "emergency"


_BEFORE_ACKNOWLEDGED: Final = {Status.ANSWERED, Status.WITHDRAWN, Status.MERGED}

ALLOWED: Final[dict[Status, frozenset[Status]]] = {
    Status.RECEIVED: frozenset({Status.AWAITING_CONFIRMATION, *_BEFORE_ACKNOWLEDGED}),
    Status.AWAITING_CONFIRMATION: frozenset({Status.DISPATCHED, *_BEFORE_ACKNOWLEDGED}),
    Status.DISPATCHED: frozenset({Status.ACKNOWLEDGED, Status.RETURNED, *_BEFORE_ACKNOWLEDGED}),
    Status.ACKNOWLEDGED: frozenset({Status.REPORTED, Status.RETURNED, Status.WITHDRAWN}),
    Status.RETURNED: frozenset(
        {Status.AWAITING_CONFIRMATION, Status.DISPATCHED, Status.ANSWERED, Status.WITHDRAWN}
    ),
    Status.REPORTED: frozenset({Status.RESOLVED, Status.AWAITING_CONFIRMATION}),
    Status.RESOLVED: frozenset({Status.AWAITING_CONFIRMATION}),
    Status.ANSWERED: frozenset({Status.AWAITING_CONFIRMATION}),
    Status.WITHDRAWN: frozenset({Status.AWAITING_CONFIRMATION}),
    Status.MERGED: frozenset({Status.AWAITING_CONFIRMATION}),
}
"""From each status to those that may follow; reopening goes to `awaiting_confirmation`."""

CLOSED: Final = frozenset({Status.RESOLVED, Status.ANSWERED, Status.WITHDRAWN, Status.MERGED})
"""Statuses in which nobody's clock runs."""


class StatusChangeRefused(Exception):
    """The table does not allow this change."""

    def __init__(self, before: Status, after: Status) -> None:
        super().__init__(f"a ticket that is {before} cannot become {after}")
        self.before = before
        self.after = after


def change_status(before: Status, after: Status) -> Status:
    """Return the new status; raise `StatusChangeRefused` where the table has no such change."""
    if after not in ALLOWED[before]:
        raise StatusChangeRefused(before, after)
    return after
