"""What others notice while somebody floods the service: forged posts, and the largest files."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from gateway.bench.appeals import requests
from gateway.bench.load import Measured, build_request, pace, saturate
from gateway.bench.rows import Row
from gateway.bench.service import ServedGateway
from gateway.clock import Clock

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

    async def others() -> Measured:
        return await pace(service.port, prepared, _PER_SECOND, many(1_000), clock)

    await others()
    quiet = await others()
    forged = [build_request("/channels/webhook", b'{"message_id": "1", "text": "-"}', service.port)]
    flooded = await _beside(others, saturate(service.port, forged, many(10_000), clock, 8))
    web = [service.memory()]
    uploading = await _beside(
        others, _upload_all(service, many(_UPLOAD_BYTES), lambda: web.append(service.memory()))
    )
    peak = max(seen["web, relay, clock"] for seen in web)
    p99 = quiet.percentile(0.99)
    size = round(many(_UPLOAD_BYTES) / (1024 * 1024))
    return [
        Row("receipt at 50 a second, quiet, p99", f"{p99:.1f} ms"),
        Row(
            f"the same under {many(10_000):,} forged webhook posts",
            f"{flooded.percentile(0.99):.1f} ms",
            "twice",
            f"{flooded.percentile(0.99) / p99:.1f} times",
        ),
        Row(
            f"the same under {_UPLOADS} uploads of {size} MiB at once",
            f"{uploading.percentile(0.99):.1f} ms",
            "twice",
            f"{uploading.percentile(0.99) / p99:.1f} times",
        ),
        Row("memory of the web process meanwhile", f"{peak:.0f} MiB", "500 MB"),
    ]


async def _beside(others: Callable[[], Awaitable[Measured]], harm: Awaitable[object]) -> Measured:
    """Measure others while harm is done; it must still go on when they are through."""
    doing = asyncio.ensure_future(harm)
    measured = await others()
    await doing
    return measured


async def _upload_all(service: ServedGateway, size: int, look: Callable[[], None]) -> None:
    uploads = asyncio.gather(*(_upload(service.port, size, number) for number in range(_UPLOADS)))
    while not uploads.done():
        look()
        await asyncio.wait({uploads}, timeout=0.5)
    statuses = uploads.result()
    if statuses != [201] * _UPLOADS:
        raise RuntimeError(f"not every upload was accepted: {statuses}")


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
