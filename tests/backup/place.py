"""A small installation: database, attachments, catalogue and keys, with some tickets in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert, select, update

from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import KeyFile, Vault
from gateway.backup.restore import Restored, restore_backup
from gateway.backup.take import Taken, take_backup
from gateway.clock import SystemClock
from gateway.intake.attachments import Attachments, FolderStore
from gateway.tickets import schema
from gateway.tickets.database import Database, open_database
from gateway.tickets.migrate import migrate

AT = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)
OPEN, CLOSED, WAITING = "260301000000011", "260301000000022", "260301000000033"
CLOCK = SystemClock()
Rows = dict[str, list[dict[str, Any]]]


@dataclass(slots=True)
class Place:
    """One installation."""

    folder: Path
    url: str
    key_file: KeyFile
    database: Database
    vault: Vault
    attachments: Attachments

    @property
    def catalogue(self) -> Path:
        """The folder that clerks edit."""
        return self.folder / "catalogue"

    async def take(self, path: Path) -> Taken:
        """Take a backup."""
        return await take_backup(
            path,
            database=self.database,
            attachments=self.attachments,
            catalogue=self.catalogue,
            key_file=self.key_file,
            clock=CLOCK,
        )

    async def restore(self, path: Path) -> Restored:
        """Restore a backup."""
        return await restore_backup(
            path,
            database=self.database,
            attachments=self.attachments,
            catalogue=self.catalogue,
            key_file=self.key_file,
            clock=CLOCK,
        )

    async def rows(self) -> Rows:
        """Return all rows of all tables."""
        found = {}
        async with self.database.read() as connection:
            for table in schema.metadata.sorted_tables:
                rows = await connection.execute(select(table).order_by(*table.primary_key))
                found[table.name] = [dict(row) for row in rows.mappings()]
        return found


@asynccontextmanager
async def place(folder: Path, url: str | None, key_file: KeyFile) -> AsyncIterator[Place]:
    """Give an installation in that folder, which must exist; over SQLite where no URL is given."""
    url = url or f"sqlite+aiosqlite:///{folder}/jiesu.sqlite3"
    database = open_database(url)
    vault = Vault(key_file, StoredDataKeys(database))
    store = FolderStore(folder / "attachments")
    attachments = Attachments(store, vault, folder / "scratch", 1 << 20)
    try:
        yield Place(folder, url, key_file, database, vault, attachments)
    finally:
        await database.close()


def _ticket(number: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "channel": "api",
        "query_digest": b"digest",
        "sealed_query_code": b"sealed",
        "status": "dispatched",
        "version": 3,
        "accepted_at": AT,
        "surge": False,
        "complex": True,
        "kind": "complaint",
        "tier": "general",
        "supporting_units": ["a", "b"],
        "untriaged": False,
        "automatic": False,
        "confirmation": "agent",
        "dispatch_due_at": AT + timedelta(hours=24),
        "dispatched_at": AT + timedelta(hours=1),
        "needs_triage": False,
        "triage_attempts": 1,
        "triage_not_before": None,
        **fields,
    }


def _outbox(number: str, version: int, **fields: Any) -> dict[str, Any]:
    payload = {"schema": "ticket.v1", "ticket_id": number, "version": version, "unit": "路灯"}
    return {
        "ticket_id": number,
        "version": version,
        "tier": "general",
        "change": "new",
        "due_at": AT,
        "released": True,
        "not_before": AT,
        "payload": orjson.dumps(payload).decode(),
        "published_at": None,
        "entry_ms": None,
        "entry_seq": None,
        **fields,
    }


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def fill(here: Place) -> str:
    """Put tickets with all that belongs to them there; return the address of the attachment."""
    await migrate(here.database, CLOCK)
    await here.vault.start()
    kept = await here.attachments.keep("街灯.txt", _pieces(b"The lamp is dark." * 9000))
    here.catalogue.mkdir()
    (here.catalogue / "units.csv").write_text("code,name_zh\n", encoding="utf-8")
    rows = _records(here, kept.address)
    async with here.database.engine.begin() as connection:
        for name, values in rows.items():
            for value in values:
                await connection.execute(insert(schema.metadata.tables[name]).values(value))
        await connection.execute(update(schema.ticket_numbers).values(next=5000))
    return kept.address


def _records(here: Place, address: str) -> Rows:
    record = {"ticket_id": OPEN, "version": 2}
    event = {"ticket_id": OPEN, "version": 1, "at": AT, "actor": "api", "status": "received"}
    published = {"published_at": AT, "entry_ms": 1_772_353_815_123, "entry_seq": 0}
    until = AT + timedelta(seconds=15)
    return {
        "tickets": [
            _ticket(OPEN),
            _ticket(CLOSED, status="resolved"),
            _ticket(WAITING, status="received", needs_triage=True, triage_not_before=until),
        ],
        "messages": [
            {
                "id": "m1",
                "channel": "api",
                "message_id": "key-1",
                "ticket_id": OPEN,
                "received_at": AT,
                "masked_text": "路灯坏了，电话〔电话〕\n第二行",
                "mask_spans": [[5, 16, "phone"]],
                "place": {"lat": 39.9, "lon": 116.4},
                "body_digest": b"\x00\xff",
                "sealed_text": here.vault.seal("路灯坏了".encode(), "message/m1/text"),
                "sealed_raw": here.vault.seal(b"{}", "message/m1/raw"),
            }
        ],
        "people": [{"kind": "phone", "digest": b"\x01", "ticket_id": OPEN, "source": "text"}],
        "attachments": [
            {
                "message": "m1",
                "ticket_id": OPEN,
                "address": address,
                "size": 17 * 9000,
                "media_type": "text/plain",
                "sealed_name": here.vault.seal("街灯.txt".encode(), "name"),
            }
        ],
        "media": [_medium(here, address)],
        "decisions": [{**record, "made_at": AT, "model": "m@1", "decision": {"unit": None}}],
        "confirmations": [
            {**record, "event": "confirmed", "agent": "li", "at": AT, "choice": {}, "before": {}}
        ],
        "history": [{**event, "event": "accepted", "detail": {"channel": "api"}}],
        "outbox": [_outbox(OPEN, 2, **published), _outbox(OPEN, 3)],
        "accounts": [
            {"name": "li", "role": "agent", "created_at": AT, "token_digest": b"t"},
        ],
        "stream_positions": [{"tier": "general", "entry_ms": 1_772_353_815_123, "entry_seq": 0}],
        "leases": [{"name": "relay", "holder": "p1", "until": until}],
    }


def _medium(here: Place, address: str) -> dict[str, Any]:
    """A medium that has been read; its view is the one attachment that there is."""
    return {
        "id": "d1",
        "message": "m1",
        "ticket_id": OPEN,
        "channel": "api",
        "address": address,
        "size": 17 * 9000,
        "media_type": "image/png",
        "attempts": 1,
        "not_before": AT,
        "done_at": AT,
        "facts": {"width": 8},
        "derived": [{"kind": "view", "address": address, "media_type": "image/jpeg"}],
        "masked_text": "停水",
        "mask_spans": [],
        "sealed_text": here.vault.seal("停水".encode(), "medium/d1/text"),
    }


async def until(happened: Callable[[], bool]) -> None:
    """Wait for it; fail when it takes half a minute."""
    for _ in range(3000):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


def listing(folder: Path) -> list[str]:
    """Return everything that lies in a folder."""
    return sorted(str(found.relative_to(folder)) for found in folder.rglob("*"))


def folder_of(path: Path) -> Path:
    """Make a folder and return it."""
    path.mkdir()
    return path


def mode_of(path: Path) -> int:
    """Return who may read and write the file."""
    return path.stat().st_mode & 0o777
