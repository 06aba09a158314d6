"""The floors: what the machine gives at best for the steps that nobody can skip."""

import asyncio
import multiprocessing
import sqlite3
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from aiohttp import web
from redis.asyncio import Redis

from gateway.bench.load import Measured, build_request, saturate
from gateway.clock import Clock, SystemClock


async def empty_post(total: int, clock: Clock) -> Measured:
    """An aiohttp application on uvloop that reads a body and answers 201, nothing else."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve_empty, args=(theirs,), daemon=True)
    server.start()
    try:
        port = await asyncio.to_thread(ours.recv)
        request = build_request("/", b'{"text": "' + "字".encode() * 200 + b'"}', port)
        await saturate(port, [request], total // 10, clock)
        return await saturate(port, [request], total, clock)
    finally:
        server.terminate()
        server.join()


def _serve_empty(pipe: Connection) -> None:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=201)

    async def run() -> None:
        application = web.Application()
        application.router.add_post("/", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send(runner.addresses[0][1])
        await SystemClock().sleep(3600)

    uvloop.run(run())


async def xadd_always(socket: Path, count: int, clock: Clock, at_once: int) -> float:
    """Return entries a second with `appendfsync always`, `at_once` of 2 KB in one pipeline."""
    redis = Redis(unix_socket_path=str(socket))
    entry = {"payload": "x" * 2048}
    started = clock.monotonic()
    for _ in range(count // at_once):
        async with redis.pipeline(transaction=False) as pipe:
            for _ in range(at_once):
                pipe.xadd("floor", entry)  # type: ignore[arg-type]
            await pipe.execute()
    seconds = clock.monotonic() - started
    await redis.delete("floor")
    await redis.aclose()
    return count / seconds


def sqlite_full_commit(folder: Path, count: int, clock: Clock) -> float:
    """Return commits a second, one 1 KB row each, WAL with `synchronous=FULL`."""
    path = folder / "floor.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE floor (content BLOB)")
    started = clock.monotonic()
    for _ in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO floor VALUES (?)", (b"x" * 1024,))
        connection.execute("COMMIT")
    seconds = clock.monotonic() - started
    connection.close()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return count / seconds
