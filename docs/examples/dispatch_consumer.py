"""Turns tickets from the dispatch streams into rows of a `work_orders` table in SQLite.

    python docs/examples/dispatch_consumer.py work_orders.db

Copy this file and `gateway/dispatch/consumer.py`; beside them only redis-py is needed.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sqlite3
import time

from redis.asyncio import Redis

from gateway.dispatch.consumer import Consumer, Entry, SqliteLedger

_TABLE = """
CREATE TABLE IF NOT EXISTS work_orders (
  ticket_id TEXT PRIMARY KEY, unit TEXT NOT NULL, addressed_as TEXT NOT NULL, tier TEXT NOT NULL,
  acknowledge_due_at TEXT NOT NULL, text TEXT NOT NULL, withdrawn INTEGER NOT NULL
)
"""


async def write_work_order(entry: Entry, db: sqlite3.Connection) -> None:
    """Keep the ticket's newest version; the commit is the ledger's, never the handler's."""
    text = "\n".join(message["text"] for message in entry.ticket["messages"])
    db.execute(
        "REPLACE INTO work_orders VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            entry.ticket_id, entry.unit, entry.addressed_as, entry.tier,
            entry.acknowledge_due_at.isoformat(), text, entry.change == "withdrawn",
        ),
    )  # fmt: skip


async def consume(options: argparse.Namespace) -> None:
    """Consume until told to end by SIGTERM or SIGINT."""
    with sqlite3.connect(options.database) as db:
        db.execute(_TABLE)
    ledger = SqliteLedger(options.database)
    redis = Redis.from_url(options.redis)
    consumer = Consumer(
        redis, options.group, options.name, ledger, write_work_order,
        sleep=asyncio.sleep, monotonic=time.monotonic,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, consumer.stop)
    if options.once:
        print(await consumer.run_once())
    else:
        await consumer.run()
    await redis.aclose()
    ledger.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write work orders from the dispatch streams.")
    parser.add_argument("database", help="the SQLite file of work orders and handled versions")
    parser.add_argument("--redis", default=os.getenv("JIESU_REDIS_URL", "unix:var/valkey.sock"))
    parser.add_argument("--group", default="dispatch", help="one of the gateway's JIESU_GROUPS")
    parser.add_argument("--name", default=socket.gethostname(), help="stays the same at a restart")
    parser.add_argument("--once", action="store_true", help="end when nothing is left")
    logging.basicConfig(level=logging.INFO)
    asyncio.run(consume(parser.parse_args()))
