"""The live queue under load: how late events are, what they cost, and how the page fares."""

import asyncio
import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import orjson

from gateway.accounts.accounts import Accounts
from gateway.accounts.passwords import Passwords
from gateway.accounts.permissions import Role
from gateway.bench.appeals import requests
from gateway.bench.load import Measured, build_request, pace
from gateway.bench.rows import Row
from gateway.bench.screen import Screen, Seen
from gateway.bench.service import ServedGateway
from gateway.clock import Clock
from gateway.foundation import foundation
from gateway.settings import Settings

_PER_SECOND: Final = 100
_CLIENTS: Final = 200
_SECONDS: Final = 30
_PAINTS: Final = 5
_NAME: Final = "bench"
_DISTRICT: Final = "district-yanqing"
_PROBE: Final = "延庆区百泉街道湖南小区{}号楼的路灯不亮已经一个星期了"
_EVERY: Final = 20
"""Every so many appeals one is of a district that the page is filtered by: the page shows the first
hundred, and what has only come is among them only where the list is short."""


@dataclass(frozen=True, slots=True)
class Told:
    """When a ticket was accepted, and when the first event told of it; UTC."""

    ticket_id: str
    accepted: datetime
    at: datetime


class _Client(asyncio.Protocol):
    """One client of the stream; only one of them reads what it is told."""

    def __init__(self, head: bytes, clock: Clock, told: list[Told] | None) -> None:
        self._head = head
        self._clock = clock
        self._told = told
        self._rest = b""
        self._known: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are no subclasses.
        cast(asyncio.WriteTransport, transport).write(self._head)

    def data_received(self, data: bytes) -> None:
        if self._told is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        now = self._clock.now()
        for line in lines:
            if line.startswith(b'data: {"tickets"'):
                self._hear(self._told, line[6:], now)

    def _hear(self, told: list[Told], document: bytes, now: datetime) -> None:
        for line in orjson.loads(document)["tickets"]:
            number = line["ticket_id"]
            if number not in self._known:
                self._known.add(number)
                told.append(Told(number, datetime.fromisoformat(line["accepted_at"]), now))


async def measure_live(clock: Clock, many: Callable[[int], int]) -> list[Row]:
    """A hundred tickets a second, with 200 clients and one browser and without, in one run."""
    total = many(_PER_SECOND * _SECONDS)
    told: list[Told] = []
    with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
        folder = Path(name)
        async with ServedGateway(folder, clock, JIESU_SECOND_FACTOR="off") as service:
            load = _Load(service, folder, clock)
            password, token = await _account(folder)
            await load.run(many(300))
            before = await load.run(total)
            async with AsyncExitStack() as stack:
                for number in range(_CLIENTS):
                    heard = told if number == 0 else None
                    stack.callback(await _connect(service.port, token, clock, heard))
                screen = await stack.enter_async_context(Screen.opened(service.port))
                await screen.watch(_NAME, password, f"/agent?district={_DISTRICT}")
                running = asyncio.create_task(load.run(total))
                for _ in range(_PAINTS):
                    await clock.sleep(total / _PER_SECOND / (_PAINTS + 1))
                    await screen.paint()
                during = await running
                await clock.sleep(1)
                seen = await screen.seen()
            after = await load.run(total)
            decided = load.decided()
    share = (during - (before + after) / 2) / (total / _PER_SECOND)
    return _rows(told, decided, share, seen)


class _Load:
    """A hundred appeals a second; each run ends when all of its tickets are decided on."""

    def __init__(self, service: ServedGateway, folder: Path, clock: Clock) -> None:
        self._service = service
        self._database = f"file:{folder}/jiesu.sqlite3?mode=ro"
        self._clock = clock
        self._sent = 0

    async def run(self, total: int) -> float:
        """Return the seconds of CPU that the gateway took."""
        port, cpu = self._service.port, self._service.cpu()
        prepared = _with_probes(requests(total, port, self._sent), port, self._sent)
        self._sent += total
        measured = await pace(port, prepared, _PER_SECOND, total, self._clock)
        if measured.statuses != {201: total}:
            raise RuntimeError(f"not every appeal was accepted: {measured.statuses}")
        while self._ask("SELECT count(*) FROM tickets WHERE needs_triage")[0][0]:
            await self._clock.sleep(0.5)
        return self._service.cpu() - cpu

    def decided(self) -> dict[str, datetime]:
        """Return when each ticket was decided on first."""
        rows = self._ask(
            "SELECT ticket_id, min(at) FROM history WHERE event = 'triaged' GROUP BY 1"
        )
        return {number: datetime.fromisoformat(at).replace(tzinfo=UTC) for number, at in rows}

    def _ask(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._database, uri=True)) as connection:
            return connection.execute(query).fetchall()


def _with_probes(prepared: Sequence[bytes], port: int, first: int) -> list[bytes]:
    found = list(prepared)
    for place in range(0, len(found), _EVERY):
        body = orjson.dumps({"text": _PROBE.format(first + place)})
        found[place] = build_request("/api/v1/appeals", body, port)
    return found


async def _account(folder: Path) -> tuple[str, str]:
    """Make an account that may watch; return its password and its token."""
    password = secrets.token_urlsafe(12)
    async with foundation(Settings(data_dir=folder)) as base:
        accounts = Accounts(base.database, base.vault, base.clock)
        token = await accounts.add(_NAME, Role.ADMINISTRATOR)
        await accounts.set_password(_NAME, await Passwords().hash(password))
    return password, token


async def _connect(
    port: int, token: str, clock: Clock, told: list[Told] | None
) -> Callable[[], None]:
    head = (
        f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(
        lambda: _Client(head.encode(), clock, told), "127.0.0.1", port
    )
    return transport.close


def _rows(
    told: list[Told], decided: dict[str, datetime], share: float, seen: Seen | None
) -> list[Row]:
    load = f"{_PER_SECOND} tickets a second, {_CLIENTS} clients"
    receipt = [(item.at - item.accepted).total_seconds() for item in told]
    decision = [(item.at - decided[item.ticket_id]).total_seconds() for item in told]
    rows = [
        Row(f"live: receipt to event, {load}, median / p99", _spans(receipt), "500 ms"),
        Row("live: of it from triage's decision on", _spans(decision)),
        Row(f"live: share of a core for these {_CLIENTS} clients", f"{share:.1%}", "20 %"),
    ]
    if seen is None:
        missing = "not measured: needs playwright and Chromium"
        return [*rows, Row("live: receipt to the row on the screen", missing, "500 ms")]
    return [
        *rows,
        Row("live: receipt to the row on the screen, median / p99", _spans(seen.late), "500 ms"),
        Row(
            f"console: first contentful paint meanwhile, the worst of {_PAINTS}",
            f"{seen.paint * 1000:.0f} ms",
            "1 s",
        ),
        Row("console: the queue's page, unpacked", f"{seen.weight / 1000:.0f} KB", "250 KB"),
    ]


def _spans(late: list[float]) -> str:
    if not late:
        return "none seen"
    measured = Measured(latencies=late)
    return f"{measured.percentile(0.5):.0f} / {measured.percentile(0.99):.0f} ms"
