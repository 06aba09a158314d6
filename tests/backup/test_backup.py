"""What a backup brings back, on either database, and what a restore refuses."""

import asyncio
import tarfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import func, insert, select, update

from gateway.accounts.audit import AuditEvent, AuditLog, Detail, check_audit
from gateway.accounts.keys import KeyFile
from gateway.backup.archive import BackupError
from gateway.backup.restore import RAISE, SKIP
from gateway.intake.attachments import AttachmentDamaged
from gateway.tickets import schema
from gateway.tickets.database import open_database
from gateway.tickets.migrate import VERSIONS, known_revisions, migrate
from tests.backup.place import (
    AT,
    CLOCK,
    CLOSED,
    OPEN,
    WAITING,
    Place,
    fill,
    folder_of,
    listing,
    mode_of,
    place,
    until,
)

KINDS = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def key_file() -> KeyFile:
    """The keys of the installation that is backed up."""
    return KeyFile.generate()


@pytest.fixture(params=KINDS)
async def source(
    request: pytest.FixtureRequest, tmp_path: Path, key_file: KeyFile
) -> AsyncIterator[Place]:
    """A filled installation over each database."""
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    async with place(folder_of(tmp_path / "source"), url, key_file) as found:
        await fill(found)
        yield found


@pytest.fixture
async def embedded(tmp_path: Path, key_file: KeyFile) -> AsyncIterator[Place]:
    """A filled installation over SQLite."""
    async with place(folder_of(tmp_path / "source"), None, key_file) as found:
        await fill(found)
        yield found


@pytest.fixture
async def target(tmp_path: Path, key_file: KeyFile) -> AsyncIterator[Place]:
    """An empty installation over SQLite with the same keys."""
    async with place(folder_of(tmp_path / "target"), None, key_file) as found:
        yield found


@pytest.fixture(params=KINDS)
async def either(
    request: pytest.FixtureRequest, tmp_path: Path, key_file: KeyFile
) -> AsyncIterator[Place]:
    """An empty installation over each database with the same keys."""
    url = None if request.param == "sqlite" else request.getfixturevalue("other_postgres_url")
    async with place(folder_of(tmp_path / "either"), url, key_file) as found:
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the backup goes."""
    return tmp_path / "backups" / "one.tar.gz"


async def test_everything_comes_back(source: Place, either: Place, path: Path) -> None:
    """All rows but those of the running system come back on either database, as they were."""
    before = await source.rows()
    taken = await source.take(path)
    await either.restore(path)
    after = await either.rows()
    same = set(before) - {"tickets", "outbox", "ticket_numbers", "history", "schema_steps"}
    for name in same - {"leases", "stream_positions"}:
        assert after[name] == before[name]
    assert after["history"][: len(before["history"])] == before["history"]
    assert after["leases"] == after["stream_positions"] == []
    assert taken.rows["tickets"] == 3
    assert not taken.missing


async def test_versions_rise_above_what_consumers_have_seen(
    source: Place, either: Place, path: Path
) -> None:
    """Tickets and their outbox entries rise together, payload included, and go out again."""
    before = await source.rows()
    await source.take(path)
    await either.restore(path)
    after = await either.rows()
    for old, new in zip(before["tickets"], after["tickets"], strict=True):
        assert new == {**old, "version": old["version"] + RAISE, "triage_not_before": None}
    for old, new in zip(before["outbox"], after["outbox"], strict=True):
        assert new["version"] == old["version"] + RAISE
        document = orjson.loads(new["payload"])
        assert document == {**orjson.loads(old["payload"]), "version": new["version"]}
        assert [new[name] for name in ("published_at", "entry_ms", "entry_seq")] == [None] * 3
        assert (new["due_at"], new["released"]) == (old["due_at"], old["released"])


async def test_open_tickets_tell_of_the_restore(source: Place, either: Place, path: Path) -> None:
    """The history of open tickets, and of these only, has a line at the raised version."""
    await source.take(path)
    done = await either.restore(path)
    lines = [line for line in (await either.rows())["history"] if line["event"] == "restored"]
    assert [line["ticket_id"] for line in lines] == [OPEN, WAITING]
    assert CLOSED not in {line["ticket_id"] for line in lines}
    assert [(line["version"], line["status"]) for line in lines] == [
        (3 + RAISE, "dispatched"),
        (3 + RAISE, "received"),
    ]
    moment = done.manifest.taken_at.astimezone(UTC).isoformat()
    assert lines[0]["detail"] == {"backup_of": moment}


async def test_numbers_go_on_behind_the_restored_ones(
    source: Place, either: Place, path: Path
) -> None:
    """New rows get new numbers, and ticket numbers handed out since the backup are skipped."""
    await source.take(path)
    await either.restore(path)
    await either.vault.start()
    async with either.database.engine.begin() as connection:
        person = {"kind": "phone", "digest": b"d", "ticket_id": OPEN, "source": "text"}
        await connection.execute(insert(schema.people).values(person))
    rows = await either.rows()
    assert [row["number"] for row in rows["people"]] == [1, 2]
    assert [row["number"] for row in rows["data_keys"]] == [1, 2]
    assert rows["ticket_numbers"] == [{"name": "ticket", "next": 5000 + SKIP}]


async def test_sealed_data_opens_after_a_restore(source: Place, either: Place, path: Path) -> None:
    """Words and attachments are read with the keys that were kept apart."""
    await source.take(path)
    done = await either.restore(path)
    rows = await either.rows()
    sealed = rows["messages"][0]["sealed_text"]
    assert (await either.vault.open(sealed, "message/m1/text")).decode() == "路灯坏了"
    address = rows["attachments"][0]["address"]
    content = b"".join([piece async for piece in either.attachments.read(address)])
    assert content == b"The lamp is dark." * 9000
    assert done.attachments == 1


async def test_records_are_still_append_only_after_a_restore(
    source: Place, either: Place, path: Path
) -> None:
    """A restored history refuses changes like any other."""
    await source.take(path)
    await either.restore(path)
    with pytest.raises(Exception, match="append-only"):
        async with either.database.engine.begin() as connection:
            await connection.execute(update(schema.history).values(version=1))


async def test_the_audit_log_is_whole_after_a_restore(
    source: Place, either: Place, path: Path
) -> None:
    """Its entries and their end are those of the backup, and the chain goes on from there."""
    log = AuditLog(source.vault, CLOCK)
    detail: Detail = {
        "ticket_id": OPEN,
        "fields": ["name", "电话"],
        "reason": "“回拨”\n核实",
        "count": 2,
    }
    for event in (AuditEvent.SIGNED_IN, AuditEvent.PEOPLE_SHOWN):
        await source.database.write(lambda c, e=event: log.append(c, e, "li", detail))  # type: ignore[misc]
    await source.take(path)
    await either.restore(path)
    log = AuditLog(either.vault, CLOCK)
    await either.database.write(lambda c: log.append(c, AuditEvent.SIGNED_OUT, "li", {}))
    async with either.database.snapshot() as connection:
        found = await check_audit(connection, either.vault)
    assert (found.number, found.fault) == (3, None)


async def test_a_restore_signs_nobody_in(source: Place, either: Place, path: Path) -> None:
    """Sessions and wrong tries are not in a backup: who had signed out stays out."""
    session = {"digest": b"d", "account": "li", "opened_at": AT, "seen_at": AT}
    tries = {"digest": b"d", "failures": 3, "last_at": AT}
    async with source.database.engine.begin() as connection:
        await connection.execute(insert(schema.sessions).values(session))
        await connection.execute(insert(schema.sign_in_failures).values(tries))
    await source.take(path)
    await either.restore(path)
    rows = await either.rows()
    assert (rows["sessions"], rows["sign_in_failures"]) == ([], [])


async def test_the_keys_are_not_in_a_backup(embedded: Place, path: Path) -> None:
    """No member is the key file or holds one of its keys."""
    (embedded.folder / "keys.json").write_text(embedded.key_file.document())
    await embedded.take(path)
    secrets = [*embedded.key_file.keys.values(), embedded.key_file.index]
    with tarfile.open(path) as tar:
        assert not [name for name in tar.getnames() if Path(name).name == "keys.json"]
        for entry in tar:
            file = tar.extractfile(entry)
            assert file is not None
            content = file.read()
            shown = orjson.loads(embedded.key_file.document())
            coded = [key.encode() for key in [*shown["keys"].values(), shown["index"]]]
            assert not any(secret in content for secret in [*secrets, *coded])


async def test_a_backup_is_readable_by_its_owner_only(embedded: Place, path: Path) -> None:
    """Masked words and wrapped keys are nobody else's business; no draft stays behind."""
    await embedded.take(path)
    assert mode_of(path) == 0o600
    assert listing(path.parent) == [path.name]


async def test_the_catalogue_comes_back_and_the_other_is_kept(
    embedded: Place, target: Place, path: Path
) -> None:
    """The catalogue is that of the backup, and what was there before lies beside it."""
    await embedded.take(path)
    target.catalogue.mkdir()
    (target.catalogue / "units.csv").write_text("another\n", encoding="utf-8")
    done = await target.restore(path)
    assert (target.catalogue / "units.csv").read_text(encoding="utf-8") == "code,name_zh\n"
    assert done.catalogue_before is not None
    assert (done.catalogue_before / "units.csv").read_text(encoding="utf-8") == "another\n"


async def test_a_backup_is_of_one_moment(source: Place, path: Path) -> None:
    """While tickets are written, a backup never holds half of what belongs together."""
    stop, written = asyncio.Event(), 0
    fields = (await source.rows())["tickets"][0]
    line = (await source.rows())["history"][0]
    line.pop("number")

    async def work(connection: Any) -> None:
        number = f"T{written:06d}"
        await connection.execute(insert(schema.history).values({**line, "ticket_id": number}))
        await connection.execute(insert(schema.tickets).values({**fields, "id": number}))

    async def load() -> None:
        nonlocal written
        while not stop.is_set():
            await source.database.write(work)
            written += 1

    def wrote_since(before: int) -> bool:
        return written >= before + 5

    writer = asyncio.create_task(load())
    for _ in range(3):
        before = written
        await until(partial(wrote_since, before))
        started = written
        rows = (await source.take(path)).rows
        assert rows["tickets"] - 3 == rows["history"] - 1 >= started
    stop.set()
    await writer


async def test_a_missing_view_is_told_of(embedded: Place, path: Path) -> None:
    """What was made from a medium is missed like what a citizen sent."""
    address = "e" * 64
    derived = [{"kind": "view", "address": address, "media_type": "image/jpeg"}]
    await embedded.database.write(
        lambda connection: connection.execute(update(schema.media).values(derived=derived))
    )
    assert (await embedded.take(path)).missing == [address]


async def test_a_missing_attachment_is_told_of(embedded: Place, path: Path) -> None:
    """A ticket's file that is not in the store does not stop a backup, but is named."""
    address = (await embedded.rows())["attachments"][0]["address"]
    next((embedded.folder / "attachments").rglob(address)).unlink()
    assert (await embedded.take(path)).missing == [address]


@pytest.mark.parametrize("lost", ["primary", "index"])
async def test_without_fitting_keys_nothing_is_touched(
    embedded: Place, tmp_path: Path, path: Path, key_file: KeyFile, lost: str
) -> None:
    """A restore with other keys, or another index key, refuses and leaves no trace."""
    await embedded.take(path)
    other = KeyFile.generate()
    if lost == "index":
        other = KeyFile(key_file.primary, key_file.keys, other.index)
    async with place(folder_of(tmp_path / "other"), None, other) as elsewhere:
        with pytest.raises(BackupError, match="JIESU_KEYS does not fit"):
            await elsewhere.restore(path)
        assert listing(elsewhere.folder) == []


async def test_older_keys_that_wrap_nothing_are_not_asked_for(
    embedded: Place, tmp_path: Path, path: Path, key_file: KeyFile
) -> None:
    """A restore needs the keys that the data is under, and a file may hold more of them."""
    await embedded.take(path)
    async with place(folder_of(tmp_path / "other"), None, key_file.rotated()) as elsewhere:
        await elsewhere.restore(path)
        sealed = (await elsewhere.rows())["messages"][0]["sealed_text"]
        assert await elsewhere.vault.open(sealed, "message/m1/text")


async def test_a_backup_needs_the_keys_in_use(embedded: Place, path: Path) -> None:
    """With other keys no backup is taken, since nobody could restore it."""
    embedded.key_file = KeyFile.generate()
    with pytest.raises(Exception, match="does not hold"):
        await embedded.take(path)
    assert listing(path.parent) == []


async def test_a_database_with_tickets_is_not_restored_into(
    source: Place, path: Path, key_file: KeyFile
) -> None:
    """What is there already is never overwritten."""
    await source.take(path)
    before = await source.rows()
    await source.database.close()
    async with place(source.folder, source.url, key_file) as again:
        with pytest.raises(BackupError, match="already holds tickets"):
            await again.restore(path)
        assert await again.rows() == before


async def test_a_database_in_use_is_not_restored_into(
    embedded: Place, either: Place, path: Path
) -> None:
    """While another process is connected, which might seal and write, a restore refuses."""
    await embedded.take(path)
    serving = open_database(either.url)
    await migrate(serving, CLOCK)
    with pytest.raises(BackupError, match="in use"):
        await either.restore(path)
    await serving.close()
    await either.restore(path)


async def test_an_installation_that_only_started_takes_a_restore(
    source: Place, either: Place, path: Path, key_file: KeyFile
) -> None:
    """The data keys that a first start has made give way to those of the backup."""
    await source.take(path)
    await migrate(either.database, CLOCK)
    await either.vault.start()
    await either.database.close()
    async with place(either.folder, either.url, key_file) as again:
        await again.restore(path)
        assert (await again.rows())["data_keys"] == (await source.rows())["data_keys"]


async def test_a_restore_that_broke_off_can_be_run_again(
    embedded: Place, either: Place, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are committed last and at once, so that a second try finds an empty database."""
    await embedded.take(path)

    async def fail(*_: Any) -> None:
        raise AttachmentDamaged("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(either.attachments), "import_", fail)
        with pytest.raises(AttachmentDamaged):
            await either.restore(path)
    async with place(either.folder, either.url, either.key_file) as again:
        await either.database.close()
        await again.restore(path)
        assert len((await again.rows())["tickets"]) == 3


def later_step(folder: Path) -> Path:
    """Write a step that only a newer version has, and return where."""
    (folder / "t1.py").write_text(
        f"from alembic import op\nrevision = 't1'\ndown_revision = {known_revisions()[-1]!r}\n"
        "phase = 'expand'\n\n\ndef upgrade() -> None:\n"
        "    op.execute('ALTER TABLE people ADD COLUMN note VARCHAR(8)')\n"
    )
    return folder


async def test_a_backup_of_a_newer_version_is_refused(
    embedded: Place, target: Place, tmp_path: Path, path: Path
) -> None:
    """A schema that this version does not know is not restored by it."""
    await migrate(embedded.database, CLOCK, versions=[VERSIONS, later_step(tmp_path)])
    await embedded.take(path)
    with tarfile.open(path) as tar:
        people = tar.extractfile("tables/people.jsonl")
        assert people is not None
        assert "note" in orjson.loads(people.read())
    with pytest.raises(BackupError, match="newer version"):
        await target.restore(path)
    assert listing(target.folder) == []


def damaged(path: Path) -> Iterator[str]:
    """Leave the file cut or changed in one place after the other, and at last whole again."""
    whole = path.read_bytes()
    for share in range(10):
        at = len(whole) * share // 10
        path.write_bytes(whole[:at])
        yield f"cut at {at}"
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        yield f"changed at {at}"
    path.write_bytes(whole)


async def test_a_damaged_backup_is_refused(embedded: Place, target: Place, path: Path) -> None:
    """Cut or changed anywhere, a backup is refused and nothing is touched."""
    await embedded.take(path)
    for damage in damaged(path):
        with pytest.raises(BackupError):
            await target.restore(path)
        assert listing(target.folder) == [], damage
    await target.restore(path)


def renamed(path: Path, old: str, new: str) -> None:
    """Change the names of members."""
    other = path.with_name("other.tar.gz")
    with tarfile.open(path) as tar, tarfile.open(other, "w:gz") as changed:
        for entry in tar:
            content = tar.extractfile(entry)
            entry.name = entry.name.replace(old, new)
            changed.addfile(entry, content)
    other.replace(path)


async def test_a_member_outside_its_folder_is_refused(
    embedded: Place, target: Place, path: Path
) -> None:
    """A file that was put together by somebody else cannot write elsewhere."""
    await embedded.take(path)
    renamed(path, "catalogue/", "catalogue/../../")
    with pytest.raises(BackupError, match="belongs in no backup"):
        await target.restore(path)
    assert listing(target.folder) == []


async def test_an_empty_database_has_no_backup(target: Place, path: Path) -> None:
    """Nothing to back up is said rather than written."""
    with pytest.raises(BackupError, match="nothing to back up"):
        await target.take(path)
    assert listing(path.parent) == []


async def test_many_rows_come_back(embedded: Place, target: Place, path: Path) -> None:
    """More rows than fit into one batch are all there, in order."""
    rows = [
        {"kind": "phone", "digest": bytes([n % 256]), "ticket_id": OPEN, "source": "text"}
        for n in range(1234)
    ]
    async with embedded.database.engine.begin() as connection:
        await connection.execute(insert(schema.people), rows)
    await embedded.take(path)
    await target.restore(path)
    assert (await target.rows())["people"] == (await embedded.rows())["people"]
    async with target.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(schema.people)) == 1235
