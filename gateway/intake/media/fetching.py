"""Fetches media that still lie with a vendor: by their channel, else by plain URL."""

from collections.abc import AsyncGenerator

from channels.errors import MediumGone
from channels.registry import Channels
from gateway.intake.media.findings import Note, Unreadable
from gateway.intake.media.urls import UrlFetcher


class Fetcher:
    """Knows who fetches what."""

    def __init__(self, channels: Channels, urls: UrlFetcher) -> None:
        self._channels = channels
        self._urls = urls

    async def fetch(self, channel: str, reference: str) -> AsyncGenerator[bytes, None]:
        """Yield the medium's bytes; raise `Unreadable` if trying again would not help."""
        fetches = self._channels.that_fetches(channel)
        pieces = self._urls.fetch(reference) if fetches is None else fetches.fetch(reference)
        try:
            async for piece in pieces:
                yield piece
        except MediumGone:
            raise Unreadable(Note.CANNOT_BE_FETCHED) from None
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
