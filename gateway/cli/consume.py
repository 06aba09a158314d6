"""`jiesu consume`: print entries from the streams as a consumer group reads them."""

import sqlite3
import sys
from typing import Annotated

import typer
import uvloop
from redis.exceptions import RedisError

from gateway.cli.running import redis_url
from gateway.clock import SystemClock
from gateway.dispatch.consumer import Consumer, Entry, SqliteLedger
from gateway.dispatch.streams import connect
from gateway.settings import Settings, SettingsError, read_settings


def consume(
    group: Annotated[str, typer.Option(help="The consumer group to read as.")] = "dispatch",
    once: Annotated[bool, typer.Option(help="Stop when nothing is left.")] = False,
) -> None:
    """Print tickets from the streams, one JSON a line, and acknowledge them for the group.

    What was printed once is not printed again: the versions are kept in the data folder.
    """
    settings = read_settings()
    try:
        uvloop.run(_consume(settings, group, once=once))
    except (RedisError, OSError) as error:
        raise SettingsError(
            f"no Redis at {_place(redis_url(settings))} ({type(error).__name__}): "
            "start `jiesu serve`, or set JIESU_REDIS_URL"
        ) from None
    except KeyboardInterrupt:
        return


def _place(url: str) -> str:
    """Return the URL without the password that may stand in it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


async def _consume(settings: Settings, group: str, *, once: bool) -> None:
    clock = SystemClock()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    ledger = SqliteLedger(settings.data_dir / f"consume-{group}.sqlite3")
    redis = await connect(redis_url(settings))
    consumer = Consumer(
        redis, group, "jiesu-consume", ledger, _print, sleep=clock.sleep, monotonic=clock.monotonic
    )
    try:
        if once:
            await consumer.run_once()
        else:
            await consumer.run()
    finally:
        ledger.close()
        await redis.aclose()


async def _print(entry: Entry, _transaction: sqlite3.Connection) -> None:
    sys.stdout.write(entry.payload + "\n")
    sys.stdout.flush()
