"""Messages from any channel: the files inside them are stored, within bounds, before they are."""

import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from channels.channel import Channel, Receipt, WireAnswer, WireRequest
from channels.errors import NotAnAppeal
from channels.message import Message, Part
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import SimulatedClock
from gateway.intake.attachments import Attachments, FolderStore
from gateway.intake.calls import Calls
from gateway.intake.inbox import Inbox
from gateway.intake.joining import Joining
from gateway.intake.quarantine import Quarantine
from gateway.intake.receiving import Receiving
from gateway.observability.metrics import Metrics
from gateway.tickets import schema
from gateway.tickets.database import Database
from tests.dispatch.line import START
from triage.decision import Tier

MAX_FILES, MAX_FILE = 3, 100_000
REQUEST = WireRequest({}, b"raw")


class Letters:
    """A channel whose messages hold files; a test says what the next one holds."""

    name = "letters"

    def __init__(self, *parts: Part, refuses: str | None = None) -> None:
        self.parts = parts
        self.refuses = refuses
        self.parsed_in: threading.Thread | None = None

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Believe everybody."""

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Return a message with these files."""
        self.parsed_in = threading.current_thread()
        if self.refuses is not None:
            raise NotAnAppeal(self.refuses)
        return [Message(self.name, "1", "灯坏了", request.body, parts=self.parts)]

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Say nothing."""
        return WireAnswer(200, b"")


class Desk:
    """Receiving over a real store and database."""

    def __init__(self, database: Database, vault: Vault, folder: Path) -> None:
        clock = SimulatedClock(START)
        inbox = Inbox(database, vault, clock, Bell(clock), surge=False)
        calls = Calls(database, vault, clock, inbox, Joining(database, vault, clock), self._judge)
        store = FolderStore(folder / "attachments")
        self.attachments = Attachments(store, vault, folder / "scratch", MAX_FILE)
        self.metrics = Metrics()
        self.receiving = Receiving(
            inbox,
            calls,
            Quarantine(database, vault, clock),
            self.attachments,
            self.metrics,
            max_files=MAX_FILES,
        )
        self.database = database

    async def _judge(self, words: str) -> Tier:
        raise NotImplementedError("no call is taken here")

    async def take(self, channel: Channel, request: WireRequest = REQUEST) -> list[bytes]:
        """Take a message, and return the contents of all files that are kept."""
        await self.receiving.take(channel, request)
        table = schema.attachments.c
        async with self.database.read() as connection:
            rows = (await connection.execute(select(table.address).order_by(table.number))).all()
        return [b"".join([piece async for piece in self.attachments.read(row[0])]) for row in rows]


@pytest.fixture
async def desk(database: Database, vault: Vault, tmp_path: Path) -> Desk:
    """A desk with an empty store."""
    found = Desk(database, vault, tmp_path)
    await found.attachments.start()
    return found


async def test_files_inside_a_message_are_stored_once(desk: Desk) -> None:
    """They go with the message; sent again, neither they nor the message are there twice."""
    channel = Letters(Part("a.txt", b"one"), Part("b.txt", b"two" * 30_000))
    for _ in range(2):
        assert await desk.take(channel) == [b"one", b"two" * 30_000]


async def test_files_beyond_the_bounds_are_left_out(desk: Desk) -> None:
    """What is empty, too large or one too many is not stored, said so, and loses no message."""
    parts = (Part("a", b""), Part("b", b"x" * (MAX_FILE + 1)), Part("c", b"kept"), Part("d", b"4"))
    with capture_logs() as lines:
        assert await desk.take(Letters(*parts)) == [b"kept"]
    assert [line["files"] for line in lines if line["event"] == "files were left out"] == [3]


async def test_what_is_no_appeal_is_counted(desk: Desk) -> None:
    """Who listens is told that it shall not come again; nothing is kept."""
    with pytest.raises(NotAnAppeal):
        await desk.take(Letters(refuses="loop"))
    labels = {"channel": "letters", "problem": "loop"}
    assert desk.metrics.registry.get_sample_value("jiesu_refused_total", labels) == 1
    async with desk.database.read() as connection:
        for table in (schema.messages, schema.quarantine):
            assert (await connection.execute(select(table))).first() is None


async def test_large_requests_are_parsed_aside(desk: Desk) -> None:
    """The work over a large one does not keep others waiting."""
    channel = Letters()
    await desk.take(channel)
    assert channel.parsed_in is threading.current_thread()
    await desk.take(channel, WireRequest({}, b"x" * 1_000_000))
    assert channel.parsed_in is not threading.current_thread()
