"""An entry of the knowledge base: a question, its answer, who stands behind it, how long it holds.

Days are those of Asia/Shanghai. Every edit is a version; none is ever changed or lost.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from gateway.tickets.numbers import BEIJING
from triage.decision import Topic


@dataclass(frozen=True, slots=True)
class Source:
    """Where the answer comes from: a document or a page."""

    title: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an editor writes."""

    question: str
    answer: str
    """Plain text; paragraphs are divided by line feeds."""
    asks: tuple[str, ...] = ()
    """Other ways of asking the question."""
    topic: Topic
    unit: str
    source: Source
    owner: str
    """The account that answers for the entry."""
    valid_from: date | None = None
    valid_to: date | None = None
    """The first and the last day on which it holds; None has no end."""

    @property
    def phrasings(self) -> tuple[str, ...]:
        """Every way of asking, the question itself first."""
        return (self.question, *self.asks)

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Return the content of plain fields: dates as ISO 8601 or None, the source as a dict."""
        days = {
            name: date.fromisoformat(fields[name]) if fields.get(name) else None
            for name in ("valid_from", "valid_to")
        }
        return cls(
            question=fields["question"],
            answer=fields["answer"],
            asks=tuple(fields["asks"]),
            topic=Topic(fields["topic"]),
            unit=fields["unit"],
            source=Source(fields["source"]["title"], fields["source"].get("url")),
            owner=fields["owner"],
            **days,
        )

    def to_fields(self) -> dict[str, Any]:
        """Return the plain fields."""
        return {
            "question": self.question,
            "answer": self.answer,
            "asks": list(self.asks),
            "topic": str(self.topic),
            "unit": self.unit,
            "source": {"title": self.source.title, "url": self.source.url},
            "owner": self.owner,
            "valid_from": self.valid_from.isoformat() if self.valid_from else None,
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry at one of its versions."""

    id: str
    version: int
    content: Content
    retired: bool
    at: datetime
    editor: str

    def holds_on(self, day: date) -> bool:
        """Whether it may be told on that day."""
        first, last = self.content.valid_from, self.content.valid_to
        return (
            not self.retired and (first is None or first <= day) and (last is None or day <= last)
        )


def day_of(moment: datetime) -> date:
    """Return the day that it is in Beijing."""
    return moment.astimezone(BEIJING).date()
