"""Messages whose sender cannot mend them: kept as tickets, or in quarantine with the reason."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

import structlog

from channels.channel import Channel, HearsCalls, Receipt, WireAnswer, WireRequest
from channels.errors import NotAnAppeal, Unparsable
from channels.message import Attachment, Message, Part
from gateway.intake.attachments import Attachments, EmptyFile, FileTooLarge
from gateway.intake.calls import Calls
from gateway.intake.inbox import Inbox
from gateway.intake.quarantine import Quarantine
from gateway.observability.metrics import Metrics

log = structlog.get_logger(__name__)
_PARSED_AT_ONCE: Final = 256 * 1024
_CHUNK: Final = 64 * 1024


class Receiving:
    """Takes genuine requests of channels, posted or waited for.

    All raise what the database raises when it is away: then nothing of the request may be stored,
    and its sender shall send it again.
    """

    def __init__(
        self,
        inbox: Inbox,
        calls: Calls,
        quarantine: Quarantine,
        attachments: Attachments,
        metrics: Metrics,
        *,
        max_files: int,
    ) -> None:
        """Store at most `max_files` of the files that come inside one message."""
        self._inbox = inbox
        self._calls = calls
        self._quarantine = quarantine
        self._attachments = attachments
        self._metrics = metrics
        self._max_files = max_files

    async def answer(self, channel: Channel, request: WireRequest) -> WireAnswer:
        """Keep the request for good and return what its sender expects to hear."""
        receipts = await self.take(channel, request)
        ears: object = channel
        if receipts is not None and isinstance(ears, HearsCalls):
            return ears.heard(receipts[0] if receipts else None)
        return channel.answer(request, receipts or [])

    async def take(self, channel: Channel, request: WireRequest) -> Sequence[Receipt] | None:
        """Return the receipts of what is now stored for good; None for what is in quarantine.

        Raises `NotAnAppeal` for what nobody shall send again.
        """
        try:
            return await self.read(channel, request)
        except NotAnAppeal as error:
            self._metrics.refused.labels(channel.name, str(error)).inc()
            log.info("not an appeal", channel=channel.name, reason=str(error))
            raise
        except Unparsable as error:
            identity = await self._quarantine.keep(channel.name, request, str(error))
            self._metrics.quarantined.labels(channel.name).inc()
            log.warning("quarantined", channel=channel.name, id=identity)
            return None

    async def take_recording(
        self, channel: HearsCalls, name: str, call: str, upload: Attachment
    ) -> WireAnswer:
        """Keep a call's recording for good and return what its sender expects to hear."""
        return channel.heard(await self._calls.take_recording(name, call, upload))

    async def read(self, channel: Channel, request: WireRequest) -> Sequence[Receipt]:
        """Return the receipts of what is now stored for good.

        Raises `Unparsable` and `NotAnAppeal`.
        """
        ears: object = channel
        if isinstance(ears, HearsCalls):
            receipt = await self._calls.take(ears.hear(request))
            self._metrics.accepted.labels(channel.name).inc()
            return [receipt] if receipt else []
        receipts = []
        for message in await _parsed(channel, request):
            whole = await self._with_files(message)
            receipts.append(await self._inbox.accept(whole, repeats_are_edits=True))
            self._metrics.accepted.labels(channel.name).inc()
        return receipts

    async def _with_files(self, message: Message) -> Message:
        """Store the files inside; what is too many or too large stays in the raw message alone."""
        stored = []
        for part in message.parts[: self._max_files]:
            try:
                stored.append(await self._attachments.keep(part.name, _chunks(part)))
            except (FileTooLarge, EmptyFile):
                continue
        if left_out := len(message.parts) - len(stored):
            log.warning("files were left out", channel=message.channel, files=left_out)
        return replace(message, attachments=(*message.attachments, *stored), parts=())


async def _parsed(channel: Channel, request: WireRequest) -> Sequence[Message]:
    """Parse what is large in a thread: meanwhile others are served."""
    if len(request.body) <= _PARSED_AT_ONCE:
        return channel.parse(request)
    return await asyncio.to_thread(channel.parse, request)


async def _chunks(part: Part) -> AsyncIterator[bytes]:
    for start in range(0, len(part.content), _CHUNK):
        yield part.content[start : start + _CHUNK]
