"""A telephone call as the call centre's platform tells of it, live or afterwards."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from channels.message import RemoteMedium


class Party(StrEnum):
    """Who speaks in a call."""

    CITIZEN = "citizen"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Segment:
    """What one party says at a stretch; `start` and `end` in seconds of the call.

    One that is not `final` may come again under its number, with other words.
    """

    number: int
    speaker: Party
    text: str
    start: float
    end: float
    confidence: float | None
    final: bool


@dataclass(frozen=True, slots=True)
class CallReport:
    """What the platform reports of a call: the segments that are new or have changed."""

    channel: str
    call: str
    """The call's key for ever, its sender's name in it."""
    segments: tuple[Segment, ...]
    ended: bool
    phone: str | None = None
    adds_to: str | None = None
    """The number of the ticket that the caller wants to add to."""
    query_code: str | None = field(default=None, repr=False)
    """That ticket's, where the caller knows it."""
    started_at: datetime | None = None
    recording: RemoteMedium | None = None
