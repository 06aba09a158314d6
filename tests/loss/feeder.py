"""Feeds stories over many connections and sends every request again until it is accepted."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from channels.signing import SIGNATURE, SOURCE, TIMESTAMP, sign
from tests.loss import generator
from tests.loss.generator import Send, Story

SECRET: Final = "only for the proof of loss"
CONNECTIONS: Final = 32
_SECONDS: Final = aiohttp.ClientTimeout(total=10)
_EXPECTED: Final = {"api": 201, "webhook": 200}
Receipt = dict[str, str]


@dataclass(frozen=True, slots=True)
class Accepted:
    """One request that was accepted, and the receipt for it."""

    story: int
    send: Send
    receipt: Receipt


@dataclass(slots=True)
class Journal:
    """What the feeder saw; `complaints` are what must never be answered, whatever is killed."""

    accepted: list[Accepted] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    repeats: int = 0
    seconds: list[float] = field(default_factory=list)
    """How long each answered attempt took."""

    def summary(self) -> str:
        """Return the counts in words."""
        answers = ", ".join(f"{count} {name}" for name, count in sorted(self.answers.items()))
        return f"{len(self.accepted)} accepted, {self.repeats} repeated ({answers})"


@dataclass(slots=True)
class Feeder:
    """Many citizens at once; with several gateways each attempt goes to any of them."""

    urls: Callable[[], list[str]]
    """Where to send to, asked for each attempt: gateways come and go."""
    journal: Journal
    dice: random.Random
    gate: Callable[[int], Awaitable[None]]
    """Waited for before each story, by its number."""
    keep_alive: bool = True
    repeat: float = 0.05
    """Share of accepted requests after which an earlier one is sent again."""
    twice: float = 0.02
    """Share of requests that are sent on two connections at the same time."""

    async def feed(self, stories: Iterable[Story], connections: int = CONNECTIONS) -> None:
        """Send all stories; returns when each request has its receipt."""
        waiting = iter(stories)
        connector = aiohttp.TCPConnector(limit=2 * connections, force_close=not self.keep_alive)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=_SECONDS) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(connections):
                group.create_task(self._work(session, waiting))

    async def _work(self, session: aiohttp.ClientSession, waiting: Iterator[Story]) -> None:
        for story in waiting:
            await self.gate(story.number)
            for send in story.sends:
                receipt = await self._until_accepted(session, send)
                if receipt is None:
                    break
                self.journal.accepted.append(Accepted(story.number, send, receipt))
                if self.dice.random() < self.repeat:
                    await self._repeat(session, self.dice.choice(self.journal.accepted))

    async def _until_accepted(self, session: aiohttp.ClientSession, send: Send) -> Receipt | None:
        if self.dice.random() >= self.twice:
            return await self._insist(session, send)
        one, other = await asyncio.gather(self._insist(session, send), self._insist(session, send))
        if one != other:
            self.journal.complaints.append(f"{send.key}: two receipts, {one} and {other}")
        return one

    async def _repeat(self, session: aiohttp.ClientSession, earlier: Accepted) -> None:
        receipt = await self._insist(session, earlier.send)
        self.journal.repeats += 1
        if receipt != earlier.receipt:
            self.journal.complaints.append(
                f"{earlier.send.key}: {earlier.receipt} became {receipt} when it was sent again"
            )

    async def _insist(self, session: aiohttp.ClientSession, send: Send) -> Receipt | None:
        """Send until accepted; None, and a complaint, for what never will be."""
        while True:
            try:
                started = time.monotonic()
                status, body = await self._attempt(session, send)
                self.journal.seconds.append(time.monotonic() - started)
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                self.journal.answers[type(error).__name__] += 1
                await asyncio.sleep(self.dice.uniform(0.05, 0.4))
                continue
            self.journal.answers[str(status)] += 1
            if status == _EXPECTED[send.channel]:
                return dict(body)
            if status != 503:
                self.journal.complaints.append(f"{send.key}: answered {status} {body}")
                if status < 500:
                    return None
            await asyncio.sleep(self.dice.uniform(0.05, 0.4))

    async def _attempt(self, session: aiohttp.ClientSession, send: Send) -> tuple[int, Any]:
        url = self.dice.choice(self.urls())
        path, options = _request(send)
        async with session.post(url + path, **options) as answer:
            return answer.status, await answer.json(content_type=None)


def _request(send: Send) -> tuple[str, dict[str, Any]]:
    """Return path and content of a request; only the webhook's signature is new each time."""
    if send.channel == "webhook":
        body = json.dumps(send.body, ensure_ascii=False).encode()
        stamp = str(int(time.time()))
        signed = {SOURCE: generator.SOURCE, TIMESTAMP: stamp, SIGNATURE: sign(SECRET, stamp, body)}
        return "/channels/webhook", {"data": body, "headers": signed}
    headers = {"Idempotency-Key": send.key}
    if not send.files:
        headers["Content-Type"] = "application/json"
        return "/api/v1/appeals", {"data": json.dumps(send.body).encode(), "headers": headers}
    form = aiohttp.FormData()
    for name, value in send.body.items():
        form.add_field(name, value if name == "text" else json.dumps(value))
    for upload in send.files:
        form.add_field("files", upload.content, filename=upload.name)
    return "/api/v1/appeals", {"data": form, "headers": headers}
