"""One contract for attachments over both stores, and what is the folder's alone."""

import asyncio
import errno
import hashlib
import itertools
import math
import os
import random
import subprocess
import sys
import tracemalloc
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.message import Attachment
from gateway.accounts.keys import KeyFile, Vault, WrappedKey
from gateway.intake.attachments import (
    AttachmentDamaged,
    AttachmentMissing,
    Attachments,
    AttachmentStore,
    EmptyFile,
    FileTooLarge,
    FolderStore,
    clean_name,
)
from gateway.intake.attachments.s3 import S3Store

KIB = 1024
MIB = 1024 * KIB
CHUNK = 64 * KIB
HEADER = 128
MAX_FILE = 80 * MIB
ROOT = Path(__file__).parents[2]
KEY_FILE = KeyFile.generate()

# A process of its own, so that what it holds in memory is not counted as ours; it ends with us.
MOTO = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.disable()
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""

# Keeps a file whose first MiB arrives, and whose rest never does.
HANGS = """
import asyncio, sys
from pathlib import Path
from tests.intake.test_attachments import new_vault
from gateway.intake.attachments import Attachments, FolderStore

async def chunks():
    for _ in range(16):
        yield bytes(65536)
    print("under way", flush=True)
    await asyncio.Event().wait()

async def main():
    folder = Path(sys.argv[1])
    store = FolderStore(folder / "files")
    attachments = Attachments(store, await new_vault(), folder / "scratch", 1 << 30)
    await attachments.keep("a", chunks())

asyncio.run(main())
"""


class DataKeysInMemory:
    """The wrapped data keys of a database that is gone with the test."""

    def __init__(self) -> None:
        self._rows: list[WrappedKey] = []

    async def load(self) -> list[WrappedKey]:
        """Return all of them."""
        return list(self._rows)

    async def add(self, key_id: str, wrapped: bytes) -> int:
        """Keep one more."""
        self._rows.append(WrappedKey(len(self._rows) + 1, key_id, wrapped))
        return len(self._rows)


async def new_vault() -> Vault:
    """Return a vault on a new database, always under the same key file."""
    vault = Vault(KEY_FILE, DataKeysInMemory())
    await vault.start()
    return vault


@dataclass(frozen=True)
class Rig:
    """Attachments over one store, with what the tests look at."""

    folder: Path
    store: AttachmentStore
    attachments: Attachments

    @property
    def scratch(self) -> Path:
        """Where files under way lie."""
        return self.folder / "scratch"

    async def over(self, vault: Vault, max_file: int = MAX_FILE) -> Attachments:
        """Return other attachments over the same store and scratch folder."""
        return Attachments(self.store, vault, self.scratch, max_file)

    async def stored(self) -> list[str]:
        """Return every address."""
        return [address async for address in self.attachments.addresses()]

    async def sealed(self, address: str) -> bytes:
        """Return a file as it is stored."""
        return await whole(self.attachments.export(address))

    async def replace(self, address: str, sealed: bytes) -> None:
        """Do to the store what an attacker or a broken disk does."""
        draft = self.folder / "draft"
        draft.write_bytes(sealed)
        await self.store.put(address, draft)

    async def everything(self) -> list[str]:
        """Return what lies in the store and on the disk."""
        return [*await self.stored(), *map(str, self.on_disk())]

    def on_disk(self) -> list[Path]:
        """Return every file below the folder."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """A bucket on a local server that speaks S3, and the usual variables that lead to it."""
    server = subprocess.Popen(
        [sys.executable, "-c", MOTO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin
    assert server.stdout
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_REGION", "us-east-1")
        request = urllib.request.Request(f"{url}/attachments", method="PUT")
        urllib.request.urlopen(request).close()
        yield "s3://attachments"
    server.stdin.close()
    server.stdout.close()
    server.wait()


@pytest.fixture
async def folder_rig(tmp_path: Path) -> Rig:
    """Attachments in a folder."""
    store = FolderStore(tmp_path / "files")
    attachments = Attachments(store, await new_vault(), tmp_path / "scratch", MAX_FILE)
    await attachments.start()
    return Rig(tmp_path, store, attachments)


@pytest.fixture(params=["folder", "s3"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """Attachments over each of the stores in turn."""
    store: AttachmentStore = FolderStore(tmp_path / "files")
    if request.param == "s3":
        store = S3Store(f"{request.getfixturevalue('bucket')}/{uuid.uuid4().hex}/deep")
    attachments = Attachments(store, await new_vault(), tmp_path / "scratch", MAX_FILE)
    await attachments.start()
    return Rig(tmp_path, store, attachments)


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    """Return what an iterator of bytes yields, joined."""
    return b"".join([chunk async for chunk in chunks])


async def split(content: bytes, *cuts: int) -> AsyncIterator[bytes]:
    """Yield the content cut at these places."""
    places = [0, *sorted(cuts), len(content)]
    for start, end in itertools.pairwise(places):
        yield content[start:end]


def content_of(size: int, seed: int = 0) -> bytes:
    """Return random bytes, the same for the same seed."""
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize(
    "size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 4 * CHUNK + 1, 7 * MIB + 5]
)
async def test_what_was_kept_is_read_back(rig: Rig, size: int) -> None:
    """A file of any size, on and beside the borders of chunks, comes back byte by byte."""
    content = content_of(size)
    kept = await rig.attachments.keep("照片.bin", split(content, size // 3))
    assert (kept.size, kept.name) == (size, "照片.bin")
    assert await whole(rig.attachments.read(kept.address)) == content
    assert await rig.attachments.size(kept.address) == size
    assert len(await rig.sealed(kept.address)) == HEADER + size + 16 * math.ceil(size / CHUNK)
    assert list(rig.scratch.iterdir()) == []


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_how_a_file_arrives_does_not_matter(rig: Rig, data: st.DataObject) -> None:
    """Content cut anywhere on its way, into empty pieces too, has one address and comes back."""
    border = data.draw(st.sampled_from([CHUNK, 4 * CHUNK, 8 * CHUNK]))
    size = data.draw(st.integers(1, 50) | st.integers(border - 20, border + 20))
    cuts = data.draw(st.lists(st.integers(0, size), max_size=12))
    content = content_of(size, data.draw(st.integers(0, 2**16)))
    kept = await rig.attachments.keep("a", split(content, *cuts))
    assert kept == await rig.attachments.keep("a", split(content))
    assert await whole(rig.attachments.read(kept.address)) == content


@pytest.mark.parametrize("size", [1, CHUNK, 3 * CHUNK, 3 * CHUNK + 7, 2 * MIB + 5])
async def test_reading_begins_anywhere(rig: Rig, size: int) -> None:
    """From any byte on, beside the borders of chunks too, the rest comes back, still checked."""
    content = content_of(size)
    kept = await rig.attachments.keep("片.bin", split(content))
    for start in {0, size // 2, size - 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK}:
        if start < size:
            assert await whole(rig.attachments.read(kept.address, start)) == content[start:]
    await rig.replace(kept.address, (await rig.sealed(kept.address))[:-1])
    with pytest.raises(AttachmentDamaged):
        await whole(rig.attachments.read(kept.address, size - 1))


async def test_same_content_is_stored_once(rig: Rig) -> None:
    """The second file of the same content gets the first one's address and is not stored again."""
    content = content_of(200 * KIB)
    first = await rig.attachments.keep("a.jpg", split(content))
    sealed = await rig.sealed(first.address)
    second = await rig.attachments.keep("b.jpg", split(content, 7))
    other = await rig.attachments.keep("c.jpg", split(content + b"x"))
    assert second == Attachment(first.address, first.size, first.media_type, "b.jpg")
    assert await rig.sealed(first.address) == sealed
    assert sorted(await rig.stored()) == sorted([first.address, other.address])


async def test_same_content_kept_at_once_is_stored_once(rig: Rig) -> None:
    """Ten citizens who send the same picture at the same moment share one readable file."""
    content = content_of(300 * KIB)
    kept = await asyncio.gather(
        *(rig.attachments.keep(f"{i}", split(content, 90 * i)) for i in range(10))
    )
    assert [one.address for one in kept] == await rig.stored() * 10
    assert await whole(rig.attachments.read(kept[0].address)) == content


async def test_an_empty_file_is_refused(rig: Rig) -> None:
    """A file without bytes raises `EmptyFile` and leaves nothing behind."""
    with pytest.raises(EmptyFile):
        await rig.attachments.keep("a", split(b"", 0, 0))
    assert await rig.everything() == []


async def test_a_file_may_be_as_large_as_the_limit_and_no_larger(rig: Rig) -> None:
    """One byte over the limit raises `FileTooLarge` while the rest is still to come."""
    attachments = await rig.over(await new_vault(), max_file=MIB)

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(MIB)
        yield b"x"
        pytest.fail("went on reading")

    with pytest.raises(FileTooLarge) as raised:
        await attachments.keep("a", endless())
    assert raised.value.limit == MIB
    assert await rig.everything() == []
    assert (await attachments.keep("a", split(bytes(MIB)))).size == MIB


@pytest.mark.parametrize("cancel", [True, False])
async def test_an_upload_that_breaks_off_leaves_nothing(rig: Rig, cancel: bool) -> None:
    """A citizen who hangs up, or a request that is cancelled, leaves neither file nor scratch."""
    under_way = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield bytes(MIB)
        under_way.set()
        if not cancel:
            raise ConnectionResetError
        await asyncio.Event().wait()

    task = asyncio.create_task(rig.attachments.keep("a", chunks()))
    await under_way.wait()
    if cancel:
        assert len(rig.on_disk()) == 1
        task.cancel()
    with pytest.raises((asyncio.CancelledError, ConnectionResetError)):
        await task
    assert await rig.everything() == []


async def test_an_upload_cancelled_at_any_moment_leaves_no_scratch(folder_rig: Rig) -> None:
    """Whatever thread is at work when the request is cancelled, its file is removed."""
    for steps in range(80):
        content = content_of(CHUNK, steps)
        task = asyncio.create_task(folder_rig.attachments.keep("a", split(content * 8, CHUNK * 5)))
        for _ in range(steps * 2):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert list(folder_rig.scratch.iterdir()) == []


async def test_nothing_plain_is_stored(rig: Rig) -> None:
    """Neither content nor name nor the content's own digest is found where the file lies."""
    secret = "楼上漏水 住户张某某 电话在此 ".encode()
    content = secret * 9000
    kept = await rig.attachments.keep("张某某的身份证.txt", split(content, 100))
    places = [(str(path), path.read_bytes()) for path in rig.on_disk()]
    places += [(address, await rig.sealed(address)) for address in await rig.stored()]
    assert kept.address in "".join(name for name, _ in places)
    digest = hashlib.sha256(content).hexdigest()
    for name, found in places:
        assert "身份证" not in name
        assert digest not in name
        for plain in (secret[:12], "身份证".encode(), digest.encode(), bytes.fromhex(digest)):
            assert plain not in found


async def test_files_under_way_are_encrypted(folder_rig: Rig) -> None:
    """The scratch folder holds nothing plain at any time."""
    secret = b"nobody may read this "

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield secret * 5000
            assert not any(secret in path.read_bytes() for path in folder_rig.on_disk())

    assert (await folder_rig.attachments.keep("a", chunks())).size == 100_000 * len(secret)


def cut_at_chunk(sealed: bytes) -> bytes:
    """Drop the last chunk whole."""
    return sealed[: HEADER + 2 * (CHUNK + 16)]


def swap_chunks(sealed: bytes) -> bytes:
    """Exchange the first two chunks."""
    first, second = HEADER + CHUNK + 16, HEADER + 2 * (CHUNK + 16)
    return sealed[:HEADER] + sealed[first:second] + sealed[HEADER:first] + sealed[second:]


def flip(place: int) -> Callable[[bytes], bytes]:
    """Return what changes the byte there."""

    def change(sealed: bytes) -> bytes:
        changed = bytearray(sealed)
        changed[place] ^= 1
        return bytes(changed)

    return change


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda sealed: sealed[:-1], id="last byte cut"),
        pytest.param(cut_at_chunk, id="last chunk cut"),
        pytest.param(lambda sealed: sealed[:HEADER], id="only the header"),
        pytest.param(lambda sealed: sealed[: HEADER - 1], id="half a header"),
        pytest.param(lambda sealed: sealed + b"\0", id="byte appended"),
        pytest.param(lambda sealed: sealed + sealed[-116:], id="chunk appended"),
        pytest.param(swap_chunks, id="chunks swapped"),
        pytest.param(flip(0), id="magic"),
        pytest.param(flip(7), id="version"),
        pytest.param(flip(8), id="length of the key"),
        pytest.param(flip(40), id="sealed key"),
        pytest.param(flip(HEADER - 1), id="end of the header"),
        pytest.param(flip(HEADER), id="first chunk"),
        pytest.param(flip(-1), id="last chunk"),
    ],
)
async def test_a_changed_file_is_refused(rig: Rig, damage: Callable[[bytes], bytes]) -> None:
    """Whatever was cut, added, moved or changed, reading ends in `AttachmentDamaged`."""
    content = content_of(2 * CHUNK + 100)
    kept = await rig.attachments.keep("a", split(content))
    await rig.replace(kept.address, damage(await rig.sealed(kept.address)))
    read = bytearray()

    async def collect() -> None:
        async for chunk in rig.attachments.read(kept.address):
            read.extend(chunk)

    with pytest.raises(AttachmentDamaged):
        await collect()
    assert content.startswith(read)
    assert len(read) < len(content)


async def test_a_file_moved_to_another_address_is_refused(rig: Rig) -> None:
    """One citizen's file cannot be passed off as another's."""
    first = await rig.attachments.keep("a", split(b"first"))
    second = await rig.attachments.keep("b", split(b"other"))
    await rig.replace(second.address, await rig.sealed(first.address))
    with pytest.raises(AttachmentDamaged, match="changed or moved"):
        await whole(rig.attachments.read(second.address))


async def test_a_file_that_cannot_be_read_is_stored_anew(rig: Rig) -> None:
    """The same content sent again repairs a file that was cut or whose data key is lost."""
    content = content_of(100 * KIB)
    kept = await rig.attachments.keep("a", split(content))
    await rig.replace(kept.address, (await rig.sealed(kept.address))[:-5])
    assert await rig.attachments.keep("a", split(content)) == kept
    assert await whole(rig.attachments.read(kept.address)) == content
    later = await rig.over(await new_vault())
    with pytest.raises(AttachmentDamaged):
        await whole(later.read(kept.address))
    assert await later.keep("a", split(content)) == kept
    assert await whole(later.read(kept.address)) == content


@pytest.mark.parametrize("address", ["0" * 64, "", "../../keys.json", "A" * 64, "0" * 63 + "/"])
async def test_what_is_not_there_is_missing(rig: Rig, address: str) -> None:
    """An address that nobody was given, or that is none, raises `AttachmentMissing`."""
    with pytest.raises(AttachmentMissing):
        await whole(rig.attachments.read(address))
    with pytest.raises(AttachmentMissing):
        await whole(rig.attachments.export(address))


async def test_an_export_can_be_imported_elsewhere(rig: Rig, tmp_path: Path) -> None:
    """What was exported encrypted reads the same after an import into an empty store."""
    vault = await new_vault()
    content = content_of(3 * MIB)
    kept = await (await rig.over(vault)).keep("a", split(content))
    elsewhere = Attachments(FolderStore(tmp_path / "new"), vault, tmp_path / "other", MAX_FILE)
    await elsewhere.start()
    for _ in range(2):
        await elsewhere.import_(kept.address, rig.attachments.export(kept.address))
    assert [address async for address in elsewhere.addresses()] == [kept.address]
    assert await whole(elsewhere.read(kept.address)) == content


async def test_an_import_replaces_what_is_there(rig: Rig) -> None:
    """A restore puts back the file that fits the restored keys, over a later one."""
    content = content_of(CHUNK)
    kept = await rig.attachments.keep("a", split(content))
    backup = await rig.sealed(kept.address)
    await rig.replace(kept.address, flip(-1)(backup))
    await rig.attachments.import_(kept.address, split(backup, 5, 500))
    assert await whole(rig.attachments.read(kept.address)) == content


@pytest.mark.parametrize(
    ("address", "content"), [("0" * 64, b""), ("0" * 64, b"{}" * 200), ("../x", b"")]
)
async def test_only_attachments_can_be_imported(rig: Rig, address: str, content: bytes) -> None:
    """Something else than an exported attachment is refused and leaves nothing behind."""
    with pytest.raises(AttachmentDamaged):
        await rig.attachments.import_(address, split(content))
    assert await rig.everything() == []


async def test_addresses_names_every_file_and_nothing_else(rig: Rig) -> None:
    """The backup's list has each address once."""
    kept = {(await rig.attachments.keep("a", split(b"%d" % i))).address for i in range(40)}
    found = await rig.stored()
    assert len(found) == 40
    assert set(found) == kept


async def test_a_large_file_streams_through_little_memory(rig: Rig) -> None:
    """64 MiB are kept and read with less than 4 MiB of memory at any moment."""
    block = content_of(CHUNK)

    async def chunks() -> AsyncIterator[bytes]:
        for i in range(1024):
            yield i.to_bytes(4, "big") + block[4:]

    tracemalloc.start()
    try:
        kept = await rig.attachments.keep("a.mp4", chunks())
        size = 0
        async for chunk in rig.attachments.read(kept.address):
            assert chunk[:4] == (size // CHUNK).to_bytes(4, "big")
            size += len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == kept.size == 64 * MIB
    assert peak < 4 * MIB


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(30), "image/jpeg"),
        (b"%PDF-1.7\n", "application/pdf"),
        ("路灯不亮。".encode() * 30_000, "text/plain"),
        (b"<html><script>alert(1)</script>", "text/plain"),
        ("路灯".encode()[:-1], "application/octet-stream"),
        (b"a" * 9000 + b"\xff", "application/octet-stream"),
        (b"a\0b", "application/octet-stream"),
    ],
)
async def test_the_media_type_is_told_from_the_content(
    folder_rig: Rig, content: bytes, media_type: str
) -> None:
    """What the name says is not believed, and nothing is ever called HTML."""
    kept = await folder_rig.attachments.keep("a.gif", split(content, 1, 2, 8193 % len(content)))
    assert kept.media_type == media_type


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("现场 1.jpg", "现场 1.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\li\\坑.png", "坑.png"),
        ("a\r\nSet-Cookie: b\x00.txt", "aSet-Cookie: b.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("\ud800x", "x"),
        ("长" * 300, "长" * 200),
        ("", "attachment"),
        ("a/..", "attachment"),
        (" /\t", "attachment"),
    ],
)
def test_names_are_made_harmless(name: str, shown: str) -> None:
    """Only the last part of a name is kept, without control characters, cut to 200."""
    assert clean_name(name) == shown


@given(st.text())
def test_a_name_can_always_be_shown(name: str) -> None:
    """Whatever came as a name, what is kept is printable text of 1 to 200 characters."""
    shown = clean_name(name)
    assert 1 <= len(shown.encode("utf-8", "strict").decode()) <= 200
    assert not set(shown) & set("/\\\r\n\0\u2028\u202e")
    assert shown == clean_name(shown)


async def test_ping_passes_where_files_can_be_kept(rig: Rig) -> None:
    """A working store answers, and the question leaves nothing behind."""
    await rig.attachments.ping()
    assert await rig.everything() == []


async def test_ping_raises_where_a_folder_cannot_be_written(folder_rig: Rig) -> None:
    """A store whose folder is no folder is reported."""
    (folder_rig.folder / "files" / ".arriving").rmdir()
    (folder_rig.folder / "files").rmdir()
    (folder_rig.folder / "files").write_text("in the way")
    with pytest.raises(NotADirectoryError):
        await folder_rig.attachments.ping()


async def test_a_bucket_that_is_not_there_raises_os_errors(bucket: str, tmp_path: Path) -> None:
    """A wrong bucket is reported when pinged and when a file is to be kept."""
    store = S3Store(f"{bucket}-elsewhere/x")
    attachments = Attachments(store, await new_vault(), tmp_path, MAX_FILE)
    with pytest.raises(OSError, match="store failed"):
        await attachments.ping()
    with pytest.raises(OSError, match="not found"):
        await attachments.keep("a", split(b"x"))
    assert Rig(tmp_path, store, attachments).on_disk() == []


@pytest.mark.parametrize("url", ["s3://", "https://example.org/bucket", "bucket"])
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    """Such a URL raises `ValueError`, which says which it is."""
    with pytest.raises(ValueError, match=url):
        S3Store(url)


async def test_start_removes_what_a_crash_left(folder_rig: Rig) -> None:
    """A killed process's scratch file goes at the next start, a living process's file stays."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HANGS, str(folder_rig.folder)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert child.stdout
    told = await child.stdout.readline()
    await folder_rig.attachments.start()
    alive = folder_rig.on_disk()
    child.kill()
    await child.communicate()
    assert told == b"under way\n"
    assert len(alive) == 1
    assert folder_rig.on_disk() == alive
    await folder_rig.attachments.start()
    assert await folder_rig.everything() == []


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes that were flushed, in order; the flushing is the real one."""
    inodes: list[int] = []
    fsync = os.fsync

    def record(number: int) -> None:
        inodes.append(os.fstat(number).st_ino)
        fsync(number)

    monkeypatch.setattr(os, "fsync", record)
    return inodes


async def test_a_kept_file_is_flushed(folder_rig: Rig, flushed: list[int]) -> None:
    """File and folders are on the disk before `keep` returns, for the second sender too."""
    kept = await folder_rig.attachments.keep("a", split(b"some"))
    files = folder_rig.folder / "files"
    place = files / kept.address[:2] / kept.address[2:4] / kept.address
    folders = [place.parent, place.parent.parent, files, files.parent]
    assert flushed == [path.stat().st_ino for path in (place, *folders)]
    flushed.clear()
    await folder_rig.attachments.keep("a", split(b"some"))
    assert flushed == [path.stat().st_ino for path in folders]
    assert place.stat().st_mode & 0o077 == 0


async def test_scratch_may_lie_on_another_file_system(
    folder_rig: Rig, flushed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file cannot be moved it is copied, flushed, and still appears in one step."""
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.parent == folder_rig.scratch:
            raise OSError(errno.EXDEV, "other file system")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    content = content_of(MIB)
    kept = await folder_rig.attachments.keep("a", split(content))
    assert await whole(folder_rig.attachments.read(kept.address)) == content
    (place,) = folder_rig.on_disk()
    assert place.name == kept.address
    assert place.stat().st_ino in flushed
