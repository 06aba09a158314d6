"""Telephone calls: kept as they are told, opened at the first danger, else when they end.

What is to be told of a call is put down before the inbox gets it, message by message, so that a
process which dies in between tells the very same again, and the inbox knows it.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import TypeAdapter
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.call import CallReport, Party, Segment
from channels.channel import Receipt
from channels.message import Attachment, Message, RemoteMedium, Reporter
from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.intake.inbox import Inbox
from gateway.intake.joining import Joining
from gateway.intake.masking import normal_phone
from gateway.intake.verifying import is_vouched_for
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.numbers import MalformedNumber, read_ticket_id
from triage.decision import Tier

log = structlog.get_logger(__name__)
Judge = Callable[[str], Awaitable[Tier]]
"""How urgent the citizen's words so far are."""

SILENT_AFTER: Final = timedelta(minutes=10)
"""A call of which nothing is heard for so long has ended, whatever the platform failed to say."""
LOOK_EVERY: Final = 5.0
"""Seconds after which what a process has begun to tell is looked after by another."""
_MOST_TRIES: Final = 500
"""Each try that is in vain means that somebody else's was not."""
_NOTHING_SAID: Final = "〔通话中没有识别出诉求人的话〕"
_table = schema.calls.c
_FIND = select(_table.version, _table.sealed_state).where(
    _table.channel == bindparam("channel"), _table.call == bindparam("call")
)
_TO_LOOK_AT = (
    select(_table.channel, _table.call)
    .where(_table.look_at.is_not(None), _table.look_at <= bindparam("now"))
    .order_by(_table.look_at)
    .limit(100)
)


@dataclass(frozen=True, slots=True)
class Told:
    """One message of a call, as the inbox gets it however often it is told."""

    text: str
    recording: RemoteMedium | None = None
    upload: Attachment | None = None


@dataclass(frozen=True, slots=True)
class CallState:
    """What is known of a call, and what of it has been put down to be told."""

    segments: dict[int, Segment] = field(default_factory=dict)
    phone: str | None = None
    started_at: datetime | None = None
    recording: RemoteMedium | None = None
    upload: Attachment | None = None
    adds_to: str | None = None
    """The ticket that the caller has shown to be theirs."""
    ended: bool = False
    told: tuple[Told, ...] = ()
    told_segments: frozenset[int] = frozenset()
    accepted: int = 0
    """How many of the told messages the inbox has for sure."""

    def words(self, numbers: Iterable[int] | None = None) -> str:
        """Return what the citizen says, in the order of the call.

        The agent's questions are left out: whether there is a fire is no fire.
        """
        wanted = self.segments.keys() if numbers is None else set(numbers)
        said = sorted(
            (item for number, item in self.segments.items() if number in wanted),
            key=lambda item: (item.start, item.number),
        )
        # A comma, so that a number dictated over two segments is still seen as one and masked.
        return ",".join(item.text.strip() for item in said if item.speaker is Party.CITIZEN)

    def merged(self, report: CallReport) -> "CallState":
        """Return the state with a report in it, whatever its order; what is final stays."""
        segments = dict(self.segments)
        for item in report.segments:
            if item.final or not (before := segments.get(item.number)) or not before.final:
                segments[item.number] = item
        return replace(
            self,
            segments=segments,
            phone=report.phone or self.phone,
            started_at=report.started_at or self.started_at,
            recording=report.recording or self.recording,
            adds_to=report.adds_to or self.adds_to,
            ended=self.ended or report.ended,
        )

    def telling(self) -> "CallState":
        """Return the state with what is new put down: all of it at first, then what is final."""
        first = not self.told
        new = {
            number
            for number, item in self.segments.items()
            if number not in self.told_segments and (first or self.ended or item.final)
        }
        text = self.words(new) or (_NOTHING_SAID if first else "")
        new_recording = self.ended and self.recording not in {told.recording for told in self.told}
        new_upload = self.ended and self.upload not in {told.upload for told in self.told}
        recording = self.recording if new_recording else None
        upload = self.upload if new_upload else None
        if not (text or recording or upload):
            return self
        return replace(
            self,
            told=(*self.told, Told(text, recording, upload)),
            told_segments=self.told_segments | new,
        )

    def look_at(self, now: datetime) -> datetime | None:
        """Return when somebody should look after this call if nothing is heard of it."""
        if self.accepted < len(self.told):
            return now + timedelta(seconds=LOOK_EVERY)
        return None if self.ended else now + SILENT_AFTER


_STATE: Final = TypeAdapter(CallState)


@dataclass(slots=True)
class Calls:
    """Takes reports of calls; several processes may take those of one call."""

    database: Database
    vault: Vault
    clock: Clock
    inbox: Inbox
    joining: Joining
    judge: Judge

    async def take(self, report: CallReport) -> Receipt | None:
        """Keep a report for good; return the receipt of the call's ticket, once it has one."""
        report = await self._with_own_ticket(report)
        state = await self._change(report.channel, report.call, lambda old: old.merged(report))
        opens = state.told or state.ended
        if opens or await self.judge(state.words()) is Tier.EMERGENCY:
            return await self._tell(report.channel, report.call)
        return None

    async def _with_own_ticket(self, report: CallReport) -> CallReport:
        """Return the report, adding to a ticket only where that is the caller's own.

        They know its query code, or called from the same number before.
        """
        if report.adds_to is None:
            return report
        try:
            number = read_ticket_id(report.adds_to)
        except MalformedNumber:
            return replace(report, adds_to=None)
        is_theirs = report.query_code is not None and await self.joining.may_add(
            number, report.query_code
        )
        if not is_theirs and report.phone is not None:
            phone = self.vault.digest("phone", normal_phone(report.phone))
            async with self.database.read() as connection:
                is_theirs = await is_vouched_for(connection, number, phone)
        if not is_theirs:
            log.warning("a call adds to a ticket that is not its caller's", channel=report.channel)
        return replace(report, adds_to=number if is_theirs else None)

    async def take_recording(self, channel: str, call: str, upload: Attachment) -> Receipt | None:
        """Keep that a call has this recording, which goes with its ticket when it has ended."""
        state = await self._change(channel, call, lambda old: replace(old, upload=upload))
        return await self._tell(channel, call) if state.ended else None

    async def look_after(self) -> int:
        """End the calls that went silent, and tell what a dead process has not; return how many."""
        async with self.database.read() as connection:
            rows = (await connection.execute(_TO_LOOK_AT, {"now": self.clock.now()})).all()
        for channel, call in rows:
            state = await self._change(channel, call, lambda old: old)
            if state.accepted == len(state.told):
                log.warning("a call went silent", channel=channel)
                await self._change(channel, call, lambda old: replace(old, ended=True))
            await self._tell(channel, call)
        return len(rows)

    async def _tell(self, channel: str, call: str) -> Receipt | None:
        state = await self._change(channel, call, CallState.telling)
        receipt = None
        # The first again, if nothing is new: it gives the receipt.
        for place in range(min(state.accepted, len(state.told) - 1), len(state.told)):
            receipt = await self.inbox.accept(_message(channel, call, state, place))
        done = len(state.told)
        await self._change(
            channel, call, lambda old: replace(old, accepted=max(old.accepted, done))
        )
        return receipt

    async def _change(
        self, channel: str, call: str, change: Callable[[CallState], CallState]
    ) -> CallState:
        """Change the state of a call as it is at this moment, and return it."""
        for _ in range(_MOST_TRIES):
            async with self.database.read() as connection:
                found = await connection.execute(_FIND, {"channel": channel, "call": call})
                row = found.first()
            before = CallState()
            if row is not None:
                before = await read_call(self.vault, channel, call, row.sealed_state)
            after = change(before)
            if row is not None and after == before:
                return after
            if await self._store(channel, call, row.version if row else None, after):
                return after
        raise OSError("a call is being changed by too many at once")

    async def _store(self, channel: str, call: str, version: int | None, state: CallState) -> bool:
        """Store the state unless somebody else was first; return whether it is stored."""
        values: dict[str, Any] = {
            "version": (version or 0) + 1,
            "look_at": state.look_at(self.clock.now()),
            "sealed_state": self.vault.seal(_STATE.dump_json(state), _context(channel, call)),
        }

        async def work(connection: AsyncConnection) -> bool:
            if version is None:
                await connection.execute(
                    insert(schema.calls).values(channel=channel, call=call, **values)
                )
                return True
            changed = await connection.execute(
                update(schema.calls)
                .where(_table.channel == channel, _table.call == call, _table.version == version)
                .values(values)
            )
            return changed.rowcount > 0

        try:
            return await self.database.write(work)
        except IntegrityError:
            return False


async def read_call(vault: Vault, channel: str, call: str, sealed: bytes) -> CallState:
    """Return the state of a call as it is kept."""
    return _STATE.validate_json(await vault.open(sealed, _context(channel, call)))


def _message(channel: str, call: str, state: CallState, place: int) -> Message:
    """Return the message of a call at that place, always the same."""
    told = state.told[place]
    return Message(
        channel=channel,
        message_id=f"{call}/{place}" if place else call,
        text=told.text,
        raw=_TOLD.dump_json(told),
        reporter=Reporter(phone=state.phone) if state.phone and not place else None,
        phone_vouched=True,
        sent_at=state.started_at,
        edits=call if place else None,
        of_ticket=None if place else state.adds_to,
        attachments=(told.upload,) if told.upload else (),
        media=(told.recording,) if told.recording else (),
        heard=True,
    )


_TOLD: Final = TypeAdapter(Told)


def _context(channel: str, call: str) -> str:
    return f"call/{channel}/{call}"
