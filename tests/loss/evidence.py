"""What is left after a run, read straight from the stores: tickets, words, files, effects."""

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import Vault, read_key_file
from gateway.dispatch.streams import DEAD, STREAMS, connect
from gateway.intake.attachments import AttachmentError, Attachments, FolderStore
from gateway.tickets import schema
from gateway.tickets.database import Database, open_database
from gateway.tickets.reading import TICKET_QUEUES


@dataclass(frozen=True, slots=True)
class Place:
    """Where an installation keeps what it has."""

    folder: Path
    """Data folder of all its processes: keys and attachments."""
    database_url: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect in a consumer's store, in the order in which they happened."""

    ticket_id: str
    version: int
    unit: str
    tier: str
    confirmation: str
    messages: int
    reader: str


@dataclass(frozen=True, slots=True)
class Words:
    """One stored message, opened."""

    channel: str
    message_id: str
    text: str
    files: tuple[str, ...]
    """SHA-256 of what the attachment store gives back; the failure's name where it does not."""


@dataclass(slots=True)
class Evidence:
    """All that the checks look at."""

    tickets: dict[str, Any] = field(default_factory=dict)
    """Rows of `tickets` by number."""
    words: dict[str, list[Words]] = field(default_factory=dict)
    history: dict[str, list[str]] = field(default_factory=dict)
    outbox: list[str] = field(default_factory=list)
    quarantined: int = 0
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    """By consumer group."""
    streams: dict[str, int] = field(default_factory=dict)
    """How many entries each stream still had before the stop."""


async def gather_evidence(place: Place, ledgers: dict[str, Path]) -> Evidence:
    """Read everything; the service has ended, or nothing changes any more."""
    database = open_database(place.database_url)
    try:
        evidence = Evidence()
        await _read_tickets(database, evidence)
        await _read_words(database, place.folder, evidence)
    finally:
        await database.close()
    for group, path in ledgers.items():
        evidence.effects[group] = read_effects(path)
    return evidence


async def _read_tickets(database: Database, evidence: Evidence) -> None:
    history, outbox = schema.history.c, schema.outbox.c
    async with database.read() as connection:
        for row in await connection.execute(select(schema.tickets)):
            evidence.tickets[row.id] = row
        for row in await connection.execute(select(schema.history).order_by(history.number)):
            line = f"v{row.version} {row.at:%H:%M:%S.%f} {row.event} by {row.actor}, {row.status}"
            evidence.history.setdefault(row.ticket_id, []).append(f"{line} {row.detail or ''}")
        for row in await connection.execute(select(schema.outbox).order_by(outbox.number)):
            entry = f"as {row.entry_ms}-{row.entry_seq}" if row.published_at else "unpublished"
            evidence.outbox.append(f"{row.ticket_id} v{row.version} on {row.tier}, {entry}")
        count = await connection.execute(select(func.count()).select_from(schema.quarantine))
        evidence.quarantined = int(count.scalar_one())


async def _read_words(database: Database, folder: Path, evidence: Evidence) -> None:
    """Open every message and attachment with the keys of the installation."""
    key_file, _ = read_key_file(str(folder / "keys.json"), folder)
    vault = Vault(key_file, StoredDataKeys(database))
    store = FolderStore(folder / "attachments")
    attachments = Attachments(store, vault, folder / "scratch", 1)
    messages = schema.messages.c
    async with database.read() as connection:
        rows = (await connection.execute(select(schema.attachments))).all()
        files: dict[str, list[str]] = {}
        for row in sorted(rows, key=lambda row: row.number):
            digest = await _digest(attachments, row.address)
            files.setdefault(row.message, []).append(digest)
        statement = select(
            messages.id, messages.channel, messages.message_id, messages.ticket_id,
            messages.sealed_text,
        ).order_by(messages.number)  # fmt: skip
        for row in (await connection.execute(statement)).all():
            text = (await vault.open(row.sealed_text, f"message/{row.id}/text")).decode()
            found = Words(row.channel, row.message_id, text, tuple(files.pop(row.id, ())))
            evidence.words.setdefault(row.ticket_id, []).append(found)
    assert not files, f"attachments of messages that are not there: {files}"


async def _digest(attachments: Attachments, address: str) -> str:
    digest = hashlib.sha256()
    try:
        async for chunk in attachments.read(address):
            digest.update(chunk)
    except (AttachmentError, OSError) as error:
        return type(error).__name__
    return digest.hexdigest()


def read_effects(path: Path) -> list[Effect]:
    """Return what took effect in a consumer's store, in order."""
    with closing(sqlite3.connect(path)) as db:
        rows: Iterable[Any] = db.execute(
            "SELECT ticket_id, version, unit, tier, confirmation, messages, reader FROM effects "
            "ORDER BY number"
        )
        return [Effect(*row) for row in rows]


async def stream_lengths(redis_url: str) -> dict[str, int]:
    """Return how many entries each stream holds, dead letters among them."""
    client: Any = await connect(redis_url)
    try:
        return {name: await client.xlen(name) for name in (*STREAMS.values(), DEAD)}
    finally:
        await client.aclose()


async def open_work(place: Place) -> dict[str, int]:
    """Return what is still to be done; all zero when the service has come to rest."""
    database = open_database(place.database_url)
    tickets = schema.tickets.c
    try:
        async with database.read() as connection:
            counts = {
                "to triage": select(func.count()).where(tickets.needs_triage),
                "not dispatched": select(func.count()).where(tickets.dispatched_at.is_(None)),
                "unconfirmed": select(func.count()).where(TICKET_QUEUES["unconfirmed"]),
                "in the outbox": select(func.count()).select_from(schema.outbox),
            }
            return {
                name: int((await connection.execute(query)).scalar_one())
                for name, query in counts.items()
            }
    finally:
        await database.close()
