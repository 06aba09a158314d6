"""Calls in progress as agents see them: what is said, masked, and what triage makes of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import select

from channels.call import Party, Segment
from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.intake.calls import CallState, read_call
from gateway.intake.masking import mask
from gateway.intake.triage_processes import TriageFailed, TriageProcesses
from gateway.tickets import schema
from gateway.tickets.database import Database
from triage.appeal import Appeal, SourceText

KEY_DIGITS: Final = 24
_MOST: Final = 200
_FRESH_FOR: Final = 1.0
"""Seconds for which all who look see the same."""
_JOINT: Final = " "
"""Between two segments, so that a number dictated over both is seen as one and masked."""
_table = schema.calls.c
_GOING_ON: Final = (
    select(_table.number, _table.channel, _table.call, _table.version, _table.sealed_state)
    .where(_table.look_at.is_not(None))
    .order_by(_table.number.desc())
    .limit(_MOST)
)


@dataclass(frozen=True, slots=True)
class SaidLine:
    """What one party said at a stretch, masked; one that is not `final` may still change."""

    speaker: Party
    text: str
    start: float
    final: bool


@dataclass(frozen=True, slots=True)
class CurrentCall:
    """One call in progress; `decision` is what triage would say now, None where it cannot.

    `key` names it in addresses, and can neither be guessed nor tells whose call it is.
    """

    key: str
    number: int
    version: int
    started_at: datetime | None
    lines: tuple[SaidLine, ...]
    decision: dict[str, Any] | None
    ticket_id: str | None


@dataclass(slots=True)
class CurrentCalls:
    """Reads the calls for all who look at them; each state is opened and decided on once."""

    database: Database
    vault: Vault
    clock: Clock
    triage: TriageProcesses
    _known: dict[int, CurrentCall] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def now(self) -> Sequence[CurrentCall]:
        """Return the calls that go on, the newest first; as they were a second ago at most."""
        async with self._reading:
            if self.clock.monotonic() - self._read_at >= _FRESH_FOR:
                await self._read()
                self._read_at = self.clock.monotonic()
            return tuple(self._known.values())

    async def one(self, key: str) -> CurrentCall | None:
        """Return the call of that key, None where it is over, or never was."""
        return next((call for call in await self.now() if call.key == key), None)

    async def _read(self) -> None:
        async with self.database.read() as connection:
            rows = (await connection.execute(_GOING_ON)).all()
            tickets = await self._tickets(connection, rows)
        found: dict[int, CurrentCall] = {}
        for row in rows:
            call = self._known.get(row.number)
            ticket = tickets.get((row.channel, row.call))
            if call is None or call.version != row.version or call.ticket_id != ticket:
                call = await self._look(row, ticket)
            if call is not None:
                found[row.number] = call
        self._known = found

    async def _tickets(self, connection: Any, rows: Sequence[Any]) -> dict[tuple[str, str], str]:
        """Return the tickets that calls have opened while they go on."""
        messages = schema.messages.c
        statement = select(messages.channel, messages.message_id, messages.ticket_id).where(
            messages.message_id.in_([row.call for row in rows])
        )
        told = await connection.execute(statement)
        return {(row.channel, row.message_id): row.ticket_id for row in told}

    async def _look(self, row: Any, ticket: str | None) -> CurrentCall | None:
        state = await read_call(self.vault, row.channel, row.call, row.sealed_state)
        if state.ended:
            return None
        digest = self.vault.digest("call page", f"{row.channel}/{row.call}")
        return CurrentCall(
            digest.hex()[:KEY_DIGITS],
            row.number,
            row.version,
            state.started_at,
            masked_lines(state),
            await self._decide(state.words()),
            ticket,
        )

    async def _decide(self, words: str) -> dict[str, Any] | None:
        if not words.strip():
            return None
        try:
            [decision] = await self.triage.decide([Appeal((SourceText("call", words),))])
        except TriageFailed:
            return None
        found: dict[str, Any] = orjson.loads(decision)
        return found


def masked_lines(state: CallState) -> tuple[SaidLine, ...]:
    """Return what is said in the order of the call, masked.

    A number may be dictated over several segments, with the other party's words between them:
    what each party says is masked as a whole.
    """
    ordered = sorted(state.segments.values(), key=lambda item: (item.start, item.number))
    texts: dict[int, str] = {}
    for party in Party:
        texts |= _masked([item for item in ordered if item.speaker is party])
    return tuple(
        SaidLine(item.speaker, texts[item.number], item.start, item.final) for item in ordered
    )


def _masked(segments: Sequence[Segment]) -> dict[int, str]:
    said = [item.text.strip() for item in segments]
    masked = mask(_JOINT.join(said))
    found, place = {}, 0
    for item, text in zip(segments, said, strict=True):
        # What touches a token shows it whole.
        start, end = masked.move(place, place + len(text))
        found[item.number] = masked.text[start:end]
        place += len(text) + len(_JOINT)
    return found
