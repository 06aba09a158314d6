"""What triage made of tickets, and how it is kept: masked, each decision for good."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.intake.masking import Masked
from gateway.tickets import schema
from gateway.tickets.many import ManyRows
from gateway.tickets.sealing import medium_context, text_context
from gateway.tickets.store import Happening, MediumWords, Words
from triage.decision import Tier

_NEW_DECISIONS: Final = ManyRows(insert(schema.decisions))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A ticket that this process triages, with the words of the version that it claimed."""

    ticket_id: str
    version: int
    attempts: int
    words: list[Words]
    media: list[MediumWords]

    def sources(self) -> Iterator[tuple[str, str, bytes | None, str]]:
        """Yield of messages, then of media that were read: id, masked text, sealed one, context."""
        for item in self.words:
            yield item.id, item.text, item.sealed_text, text_context(item.id)
        for medium in self.media:
            if medium.sealed_text is not None and medium.text:
                context = medium_context(medium.id, "text")
                yield medium.id, medium.text, medium.sealed_text, context


@dataclass(frozen=True, slots=True)
class Outcome:
    """What triage made of a ticket: a decision, or the tier of the rules where it failed."""

    claimed: Claimed
    decision: dict[str, Any] | None
    """The document of the decision as it is stored, its reasons pointing into the masked texts."""
    rules_tier: Tier | None = None


async def store_decisions(
    connection: AsyncConnection,
    outcomes: Sequence[Outcome],
    happenings: Sequence[Happening],
    now: datetime,
) -> None:
    """Append the decisions, each at the version of its ticket that it made."""
    rows = [
        {
            "ticket_id": outcome.claimed.ticket_id,
            "version": happening.ticket.version,
            "made_at": now,
            "model": "{name}@{version}".format_map(outcome.decision["model"]),
            "decision": outcome.decision,
        }
        for outcome, happening in zip(outcomes, happenings, strict=True)
        if outcome.decision is not None
    ]
    await _NEW_DECISIONS.run(connection, rows)


def masked_decision(document: dict[str, Any], claimed: Claimed) -> dict[str, Any]:
    """Return the decision with its reasons pointing into the masked texts."""
    sources: list[Words | MediumWords] = [*claimed.words, *claimed.media]
    by_source = {item.id: item for item in sources if item.mask_spans}
    for reason in document["reasons"]:
        if (item := by_source.get(reason["source"])) is not None:
            masked = Masked(item.text, item.mask_spans)
            reason["start"], reason["end"] = masked.move(reason["start"], reason["end"])
    return document
