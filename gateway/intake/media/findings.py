"""What was found in a medium, and why something was not; parent and child both speak it."""

from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_TEXT: Final = 50_000
"""Longest text that is taken out of one medium, in characters."""


class Note(StrEnum):
    """Why a medium was not read, or not all of it; stands on the ticket."""

    CANNOT_BE_FETCHED = "cannot-be-fetched"
    REFUSED_ADDRESS = "refused-address"
    TOO_LARGE = "too-large"
    NOT_READABLE = "not-readable"
    DAMAGED = "damaged"
    TOOK_TOO_LONG = "took-too-long"
    NO_RECOGNISER = "no-recogniser"
    EXTRA_MISSING = "media-extra-missing"


class Unreadable(Exception):
    """The medium cannot be read, now or later."""

    def __init__(self, note: Note) -> None:
        super().__init__(note.value)
        self.note = note


class Derived(BaseModel):
    """A file made from a medium for people to look at."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["view", "poster"]
    media_type: Literal["image/jpeg"] = "image/jpeg"


class Findings(BaseModel):
    """What one medium holds."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field("", max_length=MOST_TEXT)
    line_starts: list[float | None] = Field(default_factory=list, max_length=MOST_TEXT + 1)
    """When each line of the text begins to be said, in seconds; None for what stands in frames.

    Empty where nobody has told.
    """
    facts: dict[str, bool | int | float | str] = Field(default_factory=dict, max_length=16)
    note: Note | None = None
    derived: Derived | None = None


class Answer(BaseModel):
    """One line from the child: it needs more time, it is done, or it failed over the medium."""

    model_config = ConfigDict(extra="forbid")

    seconds: float | None = Field(None, ge=0)
    """How long the medium lasts, told while it is being read."""
    findings: Findings | None = None
    failed: str | None = Field(None, max_length=64)
    """The name of an error that nobody expected; the same medium may be tried again."""
