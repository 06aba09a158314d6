"""The channels that this installation serves: one line a channel."""

from collections.abc import Iterable, Iterator, Mapping

from channels.channel import Channel, Fetches, Listens, Replies
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

    def that_replies(self, name: str) -> Replies | None:
        """Return the channel of that name if it can tell citizens something later."""
        found: object = self._by_name.get(name)
        return found if isinstance(found, Replies) else None

    def that_fetches(self, name: str) -> Fetches | None:
        """Return the channel of that name if its media lie with the vendor."""
        found: object = self._by_name.get(name)
        return found if isinstance(found, Fetches) else None

    def that_listen(self) -> list[tuple[Channel, Listens]]:
        """Return the channels that wait for messages by themselves."""
        found: list[tuple[Channel, object]] = [(item, item) for item in self]
        return [(item, ears) for item, ears in found if isinstance(ears, Listens)]


def configured_channels(webhook_secrets: Mapping[str, str], max_text: int) -> Channels:
    """Build every channel that has what it needs to check its senders."""
    channels: list[Channel] = []
    if webhook_secrets:
        channels.append(WebhookChannel(webhook_secrets, max_text=max_text))
    return Channels(channels)
