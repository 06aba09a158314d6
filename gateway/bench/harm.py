"""What others notice while somebody floods the service: forged posts, and the largest files."""

import asyncio
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import uvloop

from gateway.bench.appeals import requests
from gateway.bench.load import Measured, build_request, pace, saturate
from gateway.bench.rows import Row
from gateway.bench.service import ServedGateway
from gateway.clock import Clock, SystemClock

_PER_SECOND: Final = 50
_UPLOADS: Final = 8
_UPLOAD_BYTES: Final = 200 * 1024 * 1024 - 8
"""And eight that tell one file from another."""
_PIECE: Final = bytes(range(256)) * 1024
_SECRETS: Final = '{"bench": "a secret of the bench"}'


async def measure_harm(clock: Clock, many: Callable[[int], int]) -> list[Row]:
    """The receipt's p99 at 50 a second, quiet, under 10,000 forged posts, and under uploads."""
    with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
        settings = {"JIESU_WEBHOOK_SECRETS": _SECRETS}
        async with ServedGateway(Path(name), clock, **settings) as service:
            return await _rows(service, clock, many)


async def _rows(service: ServedGateway, clock: Clock, many: Callable[[int], int]) -> list[Row]:
    prepared = requests(2_000, service.port)

    async def others(total: int) -> Measured:
        return await pace(service.port, prepared, _PER_SECOND, many(total), clock)

    async def beside(harm: Future[list[int]], expected: int) -> tuple[float, float]:
        """Return the p99 of others while harm is done, and the web process's memory in MiB."""
        measured, peak = await others(100), 0.0
        while not harm.done():
            peak = max(peak, service.memory()["web, relay, clock"])
            measured.latencies += (await others(100)).latencies
        if set(harm.result()) != {expected}:
            raise RuntimeError(f"answered otherwise than with {expected}: {set(harm.result())}")
        return measured.percentile(0.99), peak

    # Whoever does harm is a process of its own, as it is in life: else it delays the measuring.
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        elsewhere.submit(_flood, service.port, 1).result()
        await others(500)
        quiet = (await others(1_000)).percentile(0.99)
        forged = many(10_000)
        flooded, first = await beside(elsewhere.submit(_flood, service.port, forged), 401)
        size = many(_UPLOAD_BYTES)
        uploading, second = await beside(elsewhere.submit(_upload_all, service.port, size), 201)
    return [
        Row("receipt at 50 a second, quiet, p99", f"{quiet:.1f} ms"),
        _beside_row(f"{forged:,} forged webhook posts", flooded, quiet),
        _beside_row(f"{_UPLOADS} uploads of {round(size / 2**20)} MiB at once", uploading, quiet),
        Row("memory of the web process meanwhile", f"{max(first, second):.0f} MiB", "500 MB"),
    ]


def _beside_row(harm: str, p99: float, quiet: float) -> Row:
    return Row(f"the same under {harm}", f"{p99:.1f} ms", "twice", f"{p99 / quiet:.1f} times")


def _flood(port: int, total: int) -> list[int]:
    """Post what is signed by nobody, and return the statuses."""
    forged = [build_request("/channels/webhook", b'{"message_id": "1", "text": "-"}', port)]
    return list(uvloop.run(saturate(port, forged, total, SystemClock(), 8)).statuses)


def _upload_all(port: int, size: int) -> list[int]:
    async def work() -> list[int]:
        return await asyncio.gather(*(_upload(port, size, number) for number in range(_UPLOADS)))

    return uvloop.run(work())


async def _upload(port: int, size: int, number: int) -> int:
    """Send an appeal with one file of its own and return the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nlarge\r\n'
        '--b\r\nContent-Disposition: form-data; name="files"; filename="large.bin"\r\n\r\n'
        f"{number:08d}"
    ).encode()
    tail = b"\r\n--b--\r\n"
    writer.write(
        (
            "POST /api/v1/appeals HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n"
            f"Content-Length: {len(head) + size + len(tail)}\r\n\r\n"
        ).encode()
        + head
    )
    left = size
    while left:
        piece = _PIECE[:left]
        writer.write(piece)
        await writer.drain()
        left -= len(piece)
    writer.write(tail)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status
