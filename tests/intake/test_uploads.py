"""Uploads piece by piece: nothing is lost, nothing is in plain, nothing stays for ever."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.accounts.keys import KeyFile, Vault, WrappedKey
from gateway.clock import SimulatedClock
from gateway.intake.attachments import Attachments, EmptyFile, FolderStore
from gateway.intake.uploads import NoSuchUpload, OffsetConflict, Uploads, UploadUnfinished

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
WORDS = "井盖坏了,路人摔倒".encode()


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that the test moves on."""
    return SimulatedClock(START)


@pytest.fixture
def attachments(tmp_path: Path, vault: Vault) -> Attachments:
    """Where whole files go."""
    return Attachments(FolderStore(tmp_path / "store"), vault, tmp_path / "scratch", 100_000)


@pytest.fixture
def uploads(
    tmp_path: Path, attachments: Attachments, vault: Vault, clock: SimulatedClock
) -> Uploads:
    """Uploads in a folder of their own."""
    return Uploads(tmp_path / "uploads", attachments, vault, clock)


async def _send(uploads: Uploads, pieces: Sequence[bytes], name: str = "井盖.jpg") -> str:
    token = await uploads.begin(name, sum(map(len, pieces)))
    for piece in pieces:
        await uploads.append(await uploads.find(token), piece)
    return token


async def _content(attachments: Attachments, address: str) -> bytes:
    return b"".join([chunk async for chunk in attachments.read(address)])


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.binary(min_size=1, max_size=3000), min_size=1, max_size=6))
def test_pieces_become_the_file_that_was_sent(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    """However a file is cut, the attachment is the whole of it, in its order."""
    folder = tmp_path_factory.mktemp("uploads")

    async def check() -> None:
        vault = await _vault()
        attachments = Attachments(FolderStore(folder / "store"), vault, folder / "scratch", 10**6)
        uploads = Uploads(folder / "uploads", attachments, vault, SimulatedClock(START))
        kept = await uploads.take(await _send(uploads, pieces))
        assert await _content(attachments, kept.address) == b"".join(pieces)
        assert kept.size == sum(map(len, pieces))

    asyncio.run(check())


class _Keys:
    """Data keys in memory."""

    def __init__(self) -> None:
        self.rows: list[WrappedKey] = []

    async def load(self) -> list[WrappedKey]:
        """Return all."""
        return self.rows

    async def add(self, key_id: str, wrapped: bytes) -> int:
        """Keep one."""
        self.rows.append(WrappedKey(len(self.rows) + 1, key_id, wrapped))
        return len(self.rows)


async def _vault() -> Vault:
    found = Vault(KeyFile.generate(), _Keys())
    await found.start()
    return found


async def test_an_upload_goes_on_after_a_restart(
    tmp_path: Path, attachments: Attachments, vault: Vault, uploads: Uploads, clock: SimulatedClock
) -> None:
    """Another process over the same folder knows how far it has come, and takes the rest."""
    token = await uploads.begin("a.txt", len(WORDS))
    await uploads.append(await uploads.find(token), WORDS[:5])
    other = Uploads(tmp_path / "uploads", attachments, vault, clock)
    found = await other.find(token)
    assert (found.offset, found.length, found.name) == (5, len(WORDS), "a.txt")
    with pytest.raises(UploadUnfinished):
        await other.take(token)
    await other.append(found, WORDS[5:])
    kept = await other.take(token)
    assert await _content(attachments, kept.address) == WORDS


async def test_taken_again_it_is_the_same_file(uploads: Uploads) -> None:
    """An appeal that is sent again after a broken line gets the attachment that it had."""
    token = await _send(uploads, [WORDS[:7], WORDS[7:]])
    first = await uploads.take(token)
    assert await uploads.take(token) == first
    assert (await uploads.find(token)).offset == len(WORDS)


async def test_of_two_pieces_for_one_place_one_is_kept(uploads: Uploads) -> None:
    """Two lines that send the same stretch do not both write it."""
    token = await uploads.begin("a.txt", 8)
    upload = await uploads.find(token)
    done = await asyncio.gather(
        uploads.append(upload, b"1234"), uploads.append(upload, b"abcd"), return_exceptions=True
    )
    [conflict] = [item for item in done if isinstance(item, OffsetConflict)]
    assert conflict.offset == 4
    assert (await uploads.find(token)).offset == 4


async def test_nothing_is_kept_in_plain(tmp_path: Path, uploads: Uploads) -> None:
    """Neither words nor name nor token stand in any file or in any file's name."""
    token = await _send(uploads, [WORDS], "诸葛砚秋.jpg")
    for path in (tmp_path / "uploads").rglob("*"):
        assert token not in str(path)
        if path.is_file():
            content = path.read_bytes()
            for secret in (WORDS, "诸葛砚秋".encode(), token.encode()):
                assert secret not in content


async def test_after_a_day_it_is_gone(
    tmp_path: Path, uploads: Uploads, clock: SimulatedClock
) -> None:
    """Filed or not, nothing of an upload is left when its day is over; younger ones stay."""
    old = await _send(uploads, [WORDS])
    clock.advance(timedelta(hours=12))
    young = await _send(uploads, [WORDS])
    clock.advance(timedelta(hours=12))
    for token in (old, "unknown"):
        with pytest.raises(NoSuchUpload):
            await uploads.find(token)
    await uploads.sweep()
    assert len(list((tmp_path / "uploads").iterdir())) == 1
    assert (await uploads.find(young)).offset == len(WORDS)


async def test_an_empty_file_is_no_attachment(uploads: Uploads) -> None:
    """An upload of nothing is told as an empty file is."""
    with pytest.raises(EmptyFile):
        await uploads.take(await uploads.begin("empty.txt", 0))
