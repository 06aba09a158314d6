"""A load client that costs little itself: prebuilt requests over raw connections."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from gateway.clock import Clock

_LENGTH = b"content-length:"


def build_request(path: str, body: bytes, port: int) -> bytes:
    """Return the bytes of a POST with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One connection that sends a request at a time and tells the status that came back."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError())

    def send(self, request: bytes) -> "asyncio.Future[int]":
        assert self.transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._waiting


@dataclass(slots=True)
class Measured:
    """What a load run gave; times in seconds of the given clock."""

    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in milliseconds, that this share of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


async def saturate(
    port: int, requests: Sequence[bytes], total: int, clock: Clock, connections: int = 32
) -> Measured:
    """Send `total` requests as fast as they are answered."""
    measured = Measured()
    left = iter(range(total))
    started = clock.monotonic()

    async def work() -> None:
        connection = await _connect(port)
        for number in left:
            await _one(connection, requests[number % len(requests)], measured, clock)
        _close(connection)

    await asyncio.gather(*(work() for _ in range(connections)))
    measured.seconds = clock.monotonic() - started
    return measured


async def pace(
    port: int, requests: Sequence[bytes], per_second: int, total: int, clock: Clock
) -> Measured:
    """Send `per_second` requests each second whether or not the earlier ones are answered.

    Latency counts from the moment at which a request was due, so that waiting is not left out.
    """
    measured = Measured()
    idle = [await _connect(port) for _ in range(64)]
    started = clock.monotonic()

    async def fire(number: int, due: float) -> None:
        connection = idle.pop() if idle else await _connect(port)
        await _one(connection, requests[number % len(requests)], measured, clock, due)
        idle.append(connection)

    async with asyncio.TaskGroup() as fired:
        for number in range(total):
            due = started + number / per_second
            await clock.sleep(max(0.0, due - clock.monotonic()))
            fired.create_task(fire(number, due))
    measured.seconds = clock.monotonic() - started
    for connection in idle:
        _close(connection)
    return measured


async def keep_sending(
    port: int, requests: Sequence[bytes], clock: Clock, answered: list[float]
) -> None:
    """Send one after the other until cancelled, each anew where nobody answers it.

    Notes in `answered` when each was accepted.
    """
    for number in itertools.count():
        accepted = False
        while not accepted:
            try:
                connection = await _connect(port)
                accepted = await connection.send(requests[number % len(requests)]) == 201
                _close(connection)
            except OSError:
                await clock.sleep(0.01)
        answered.append(clock.monotonic())


async def _one(
    connection: _Connection,
    request: bytes,
    measured: Measured,
    clock: Clock,
    due: float | None = None,
) -> None:
    sent = clock.monotonic() if due is None else due
    status = await connection.send(request)
    measured.latencies.append(clock.monotonic() - sent)
    measured.statuses[status] = measured.statuses.get(status, 0) + 1


async def _connect(port: int) -> _Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
    return connection


def _close(connection: _Connection) -> None:
    if connection.transport is not None:
        connection.transport.close()
