"""The line of one ticket with the role `media` in it, and a vendor that can be told to fail."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from channels.channel import Channel, Receipt, WireAnswer, WireRequest
from channels.errors import MediumGone
from channels.message import Attachment, Message, RemoteMedium
from channels.registry import Channels
from gateway.intake.attachments import Attachments, FolderStore
from gateway.intake.media.child_process import MediaChild
from gateway.intake.media.claims import MediaRows
from gateway.intake.media.fetching import Fetcher
from gateway.intake.media.reader import MediaReader
from gateway.intake.media.urls import UrlFetcher
from gateway.tickets import schema
from gateway.tickets.reading import ticket_with_history
from tests.dispatch.line import Line
from tests.media.conftest import pieces

MOST = 80_000_000


@dataclass
class Vendor:
    """A channel whose media lie with it; by reference, or `None` for what is gone."""

    name: str = "web"
    holds: dict[str, bytes | None] = field(default_factory=dict)
    fails: int = 0
    asked: list[str] = field(default_factory=list)

    def verify(self, request: WireRequest, now: Any) -> None:
        """Believe everybody."""

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Nothing comes in this way."""
        return ()

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Say nothing."""
        return WireAnswer(200, b"")

    async def fetch(self, reference: str) -> AsyncIterator[bytes]:
        """Yield what lies there, if it is not out of order just now."""
        self.asked.append(reference)
        if self.fails:
            self.fails -= 1
            raise ConnectionResetError("the vendor is out of order")
        content = self.holds[reference]
        if content is None:
            raise MediumGone("expired")
        async for piece in pieces(content):
            yield piece


class Bench:
    """Media of tickets on a line: kept, read, and looked at."""

    def __init__(self, line: Line, folder: Path, child: MediaChild | None) -> None:
        self.line = line
        self.vendor = Vendor()
        self.child = child
        store = FolderStore(folder / "attachments")
        self.attachments = Attachments(store, line.vault, folder / "scratch", MOST)
        self.reader = self.another_reader()

    def another_reader(self, child: MediaChild | None = None) -> MediaReader:
        """The role as another process has it."""
        line = self.line
        channels: list[Channel] = [self.vendor]
        return MediaReader(
            MediaRows(line.database, line.vault, line.clock), line.vault, line.clock,
            self.attachments, Fetcher(Channels(channels), UrlFetcher((), MOST)),
            child or self.child, line.accepted, line.metrics,
        )  # fmt: skip

    async def kept(self, content: bytes, name: str = "picture.jpg") -> Attachment:
        """Keep a file as the web role does."""
        return await self.attachments.keep(name, pieces(content))

    async def tell(self, text: str, *contents: bytes, **fields: Any) -> str:
        """Accept an appeal with files, let triage decide on its words, return its number."""
        files = tuple([await self.kept(content) for content in contents])
        return await self.line.triaged(text, attachments=files, **fields)

    async def send(self, text: str, *references: str, **fields: Any) -> str:
        """Accept an appeal whose media lie with the vendor."""
        media = tuple(RemoteMedium(reference) for reference in references)
        return await self.line.triaged(text, media=media, **fields)

    async def read_all(self) -> None:
        """Let the role work until nothing is due, and triage after it."""
        while await self.reader.step():
            pass
        await self.line.triage_all()

    async def media(self, number: str) -> list[Any]:
        """The rows of a ticket's media."""
        table = schema.media
        async with self.line.database.read() as connection:
            rows = await connection.execute(
                select(table).where(table.c.ticket_id == number).order_by(table.c.number)
            )
            return list(rows)

    async def document(self, number: str) -> dict[str, Any]:
        """The ticket as agents read it."""
        async with self.line.database.read() as connection:
            return await ticket_with_history(connection, number)
