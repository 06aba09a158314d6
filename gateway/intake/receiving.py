"""Messages whose sender cannot mend them: kept as tickets, or in quarantine with the reason."""

from collections.abc import Sequence

import structlog

from channels.channel import Channel, Receipt, WireRequest
from channels.errors import Unparsable
from gateway.intake.inbox import Inbox
from gateway.intake.quarantine import Quarantine
from gateway.observability.metrics import Metrics

log = structlog.get_logger(__name__)


class Receiving:
    """Takes genuine requests of channels, posted or waited for."""

    def __init__(self, inbox: Inbox, quarantine: Quarantine, metrics: Metrics) -> None:
        self._inbox = inbox
        self._quarantine = quarantine
        self._metrics = metrics

    async def take(self, channel: Channel, request: WireRequest) -> Sequence[Receipt]:
        """Return the receipts of what is now stored for good: none for what is in quarantine.

        Raises what the database raises when it is away: then nothing of it may be stored, and the
        sender shall send it again.
        """
        try:
            messages = channel.parse(request)
        except Unparsable as error:
            identity = await self._quarantine.keep(channel.name, request, str(error))
            self._metrics.quarantined.labels(channel.name).inc()
            log.warning("quarantined", channel=channel.name, id=identity)
            return []
        receipts = []
        for message in messages:
            receipts.append(await self._inbox.accept(message, repeats_are_edits=True))
            self._metrics.accepted.labels(channel.name).inc()
        return receipts
