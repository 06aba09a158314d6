"""Messages whose sender cannot mend them: kept as tickets, or in quarantine with the reason."""

from collections.abc import Sequence

import structlog

from channels.channel import Channel, HearsCalls, Receipt, WireAnswer, WireRequest
from channels.errors import Unparsable
from channels.message import Attachment
from gateway.intake.calls import Calls
from gateway.intake.inbox import Inbox
from gateway.intake.quarantine import Quarantine
from gateway.observability.metrics import Metrics

log = structlog.get_logger(__name__)


class Receiving:
    """Takes genuine requests of channels, posted or waited for.

    All raise what the database raises when it is away: then nothing of the request may be stored,
    and its sender shall send it again.
    """

    def __init__(
        self, inbox: Inbox, calls: Calls, quarantine: Quarantine, metrics: Metrics
    ) -> None:
        self._inbox = inbox
        self._calls = calls
        self._quarantine = quarantine
        self._metrics = metrics

    async def answer(self, channel: Channel, request: WireRequest) -> WireAnswer:
        """Keep the request for good and return what its sender expects to hear."""
        receipts = await self.take(channel, request)
        ears: object = channel
        if receipts is not None and isinstance(ears, HearsCalls):
            return ears.heard(receipts[0] if receipts else None)
        return channel.answer(request, receipts or [])

    async def take(self, channel: Channel, request: WireRequest) -> Sequence[Receipt] | None:
        """Return the receipts of what is now stored for good; None for what is in quarantine."""
        try:
            return await self.read(channel, request)
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
        """Return the receipts of what is now stored for good; raise `Unparsable`."""
        ears: object = channel
        if isinstance(ears, HearsCalls):
            receipt = await self._calls.take(ears.hear(request))
            self._metrics.accepted.labels(channel.name).inc()
            return [receipt] if receipt else []
        receipts = []
        for message in channel.parse(request):
            receipts.append(await self._inbox.accept(message, repeats_are_edits=True))
            self._metrics.accepted.labels(channel.name).inc()
        return receipts
