"""The channels that this installation serves: one line a channel."""

from collections.abc import Iterable, Iterator, Mapping

from channels.channel import Channel
from channels.webhook.adapter import WebhookChannel


class Channels:
    """The configured channels by name; built once by the composition root."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._by_name = {channel.name: channel for channel in channels}

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Channel | None:
        """Return the channel of that name, or None where it is not configured."""
        return self._by_name.get(name)


def configured_channels(webhook_secrets: Mapping[str, str], max_text: int) -> Channels:
    """Build every channel that has what it needs to check its senders."""
    channels: list[Channel] = []
    if webhook_secrets:
        channels.append(WebhookChannel(webhook_secrets, max_text=max_text))
    return Channels(channels)
