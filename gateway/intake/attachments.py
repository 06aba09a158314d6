"""Files that citizens send: encrypted while they arrive, kept once per content, read as a stream.

A stored file is a header of 128 bytes (`JIESUAT`, version, length of the sealed key in two bytes,
the sealed key, zeros) and the content in chunks of 64 KiB, each under AES-256-GCM with a key that
only this file has. A chunk's nonce is its number and whether it is the last (the STREAM
construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), so that a file that was cut,
extended or reordered does not open. The address is a keyed digest of the content: it tells nobody
what the file holds, and the same content has the same address.

    AttachmentError
    ├── FileTooLarge
    ├── EmptyFile
    ├── AttachmentMissing
    └── AttachmentDamaged

A store that cannot be reached, or is full, raises `OSError`.
"""

import asyncio
import codecs
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeVar

import filetype  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from channels.message import Attachment
from gateway.accounts.keys import KeysError, Vault

_MAGIC: Final = b"JIESUAT"
_VERSION: Final = 1
_KEY_AT: Final = len(_MAGIC) + 3
_HEADER_BYTES: Final = 128
_CHUNK_BYTES: Final = 64 * 1024
_SEALED_BYTES: Final = _CHUNK_BYTES + 16
_PIECE_BYTES: Final = 4 * _CHUNK_BYTES
_HEAD_BYTES: Final = 8 * 1024
_NAME_CHARACTERS: Final = 200
_ADDRESS: Final = re.compile(r"[0-9a-f]{64}")
# Control and format characters (a right-to-left override among them), surrogates, line breaks.
_NOT_IN_NAMES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

R = TypeVar("R")


class AttachmentError(Exception):
    """An attachment cannot be kept or read."""


class FileTooLarge(AttachmentError):
    """The file has more bytes than `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the file is larger than {limit} bytes")
        self.limit = limit


class EmptyFile(AttachmentError):
    """The file has no bytes."""


class AttachmentMissing(AttachmentError):
    """Nothing is stored under this address."""


class AttachmentDamaged(AttachmentError):
    """What is stored has been cut, changed or moved, or its key is gone."""


class AttachmentStore(Protocol):
    """Where encrypted files lie, by address (64 hexadecimal digits). All raise `OSError`."""

    async def start(self) -> None:
        """Drop what a crash has left half written."""
        ...

    async def ping(self) -> None:
        """Raise where the store cannot be used now."""
        ...

    async def size(self, address: str) -> int | None:
        """Return how many bytes lie there for good (flushed), None where there are none."""
        ...

    async def put(self, address: str, file: Path) -> None:
        """Keep the file, for good when this returns, replacing what is there in one step.

        The file itself may be moved away.
        """
        ...

    def get(self, address: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes, each piece but the last at least 4 KiB; raise `AttachmentMissing`."""
        ...

    def addresses(self) -> AsyncIterator[str]:
        """Yield every address that is stored."""
        ...


class FolderStore:
    """`AttachmentStore` in a folder: `ab/cd/<address>`, readable by the owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arriving = folder / ".arriving"

    async def start(self) -> None:
        """Drop copies that a crash has left half written."""
        await _in_thread(_drop_leftovers, self._arriving)

    async def ping(self) -> None:
        """Write and remove a file."""
        await _in_thread(_try_writing, self._arriving)

    async def size(self, address: str) -> int | None:
        """Return the size in bytes, None where there is no such file."""
        return await _in_thread(self._size, address)

    async def put(self, address: str, file: Path) -> None:
        """Flush the file, move it to its place and flush the folders."""
        await _in_thread(self._put, address, file)

    async def get(self, address: str) -> AsyncGenerator[bytes, None]:
        """Yield the file's bytes."""
        try:
            file: BinaryIO = await _in_thread(self._place(address).open, "rb")
        except FileNotFoundError:
            raise AttachmentMissing(f"no attachment {address}") from None
        with file:
            while piece := await _in_thread(file.read, _PIECE_BYTES):
                yield piece

    async def addresses(self) -> AsyncGenerator[str, None]:
        """Yield the addresses in order."""
        for first in range(256):
            for address in await _in_thread(self._addresses, f"{first:02x}"):
                yield address

    def _place(self, address: str) -> Path:
        return self._folder / address[:2] / address[2:4] / address

    def _size(self, address: str) -> int | None:
        place = self._place(address)
        try:
            size = place.stat().st_size
        except FileNotFoundError:
            return None
        self._flush_folders(place)  # another process may have moved it there only just now
        return size

    def _put(self, address: str, file: Path) -> None:
        place = self._place(address)
        place.parent.mkdir(parents=True, exist_ok=True)
        _flush(file)
        try:
            file.replace(place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(file, place)
        self._flush_folders(place)

    def _copy(self, file: Path, place: Path) -> None:
        """Move across file systems, so that nobody ever sees half a file."""
        copy = _ScratchFile(self._arriving)
        try:
            copy.open()
            with file.open("rb") as source:
                shutil.copyfileobj(source, copy.file, _PIECE_BYTES)
            copy.file.flush()
            _flush(copy.path)
            copy.path.replace(place)
        finally:
            copy.discard()

    def _flush_folders(self, place: Path) -> None:
        for folder in (*place.parents[:3], self._folder.parent):
            _flush(folder)

    def _addresses(self, first: str) -> list[str]:
        found = (path.name for path in (self._folder / first).glob("??/*"))
        return sorted(name for name in found if _ADDRESS.fullmatch(name))


class Attachments:
    """Keeps and reads files in a store; `max_file` is the largest, in bytes."""

    def __init__(self, store: AttachmentStore, vault: Vault, scratch: Path, max_file: int) -> None:
        self._store = store
        self._vault = vault
        self._scratch = scratch
        self._max_file = max_file

    async def start(self) -> None:
        """Remove what crashed processes have left; files under way in living ones stay."""
        await _in_thread(_drop_leftovers, self._scratch)
        await self._store.start()

    async def ping(self) -> None:
        """Raise `OSError` where nothing can be kept now."""
        await _in_thread(_try_writing, self._scratch)
        await self._store.ping()

    async def keep(self, name: str, chunks: AsyncIterator[bytes]) -> Attachment:
        """Store the file for good and return where it lies.

        Raises `FileTooLarge` as soon as one byte too many arrives, `EmptyFile`, `OSError`;
        nothing is left behind then, nor when this is cancelled or `chunks` raises.
        """
        file = _SealedFile(self._scratch)
        try:
            await _in_thread(file.open)
            await self._take(file, chunks)
            address = self._vault.digest("attachment", file.content_digest()).hex()
            key = self._vault.seal(file.key, _context(address))
            stored = await _in_thread(file.finish, _header(key))
            if not await self._holds(address, stored):
                await self._store.put(address, file.path)
            return Attachment(address, file.size, file.media_type(), clean_name(name))
        finally:
            await _in_thread(file.discard)

    async def read(self, address: str) -> AsyncGenerator[bytes, None]:
        """Yield the content in chunks of up to 64 KiB, each checked before it is given.

        Raises `AttachmentMissing`; `AttachmentDamaged`, for a file that was cut only at its
        end: what was read is the whole file only when the iteration has ended by itself.
        """
        cipher, number, sealed = None, 0, bytearray()
        async with aclosing(self.export(address)) as pieces:
            async for piece in pieces:
                sealed += piece
                if cipher is None and len(sealed) >= _HEADER_BYTES:
                    cipher = await self._cipher(address, bytes(sealed[:_HEADER_BYTES]))
                    del sealed[:_HEADER_BYTES]
                while cipher and len(sealed) > _SEALED_BYTES:
                    yield _open(cipher, number, bytes(sealed[:_SEALED_BYTES]), last=False)
                    del sealed[:_SEALED_BYTES]
                    number += 1
        if cipher is None:
            raise AttachmentDamaged("the attachment is shorter than its header")
        yield _open(cipher, number, bytes(sealed), last=True)

    async def addresses(self) -> AsyncGenerator[str, None]:
        """Yield the address of every file that is stored."""
        async for address in self._store.addresses():
            yield address

    async def export(self, address: str) -> AsyncGenerator[bytes, None]:
        """Yield the file as it is stored, encrypted; raise `AttachmentMissing`."""
        if not _ADDRESS.fullmatch(address):
            raise AttachmentMissing(f"{address!a} is not the address of an attachment")
        async with aclosing(self._store.get(address)) as pieces:
            async for piece in pieces:
                yield piece

    async def import_(self, address: str, chunks: AsyncIterator[bytes]) -> None:
        """Store what `export` gave, for good, replacing what is there.

        Raises `AttachmentDamaged` where it is no attachment of Jiesu. Only `read` shows whether
        it is whole: that needs the data keys, and a restore may bring these later.
        """
        if not _ADDRESS.fullmatch(address):
            raise AttachmentDamaged(f"{address!a} is not the address of an attachment")
        file = _ScratchFile(self._scratch)
        try:
            await _in_thread(file.open)
            async for chunk in chunks:
                await _in_thread(file.file.write, chunk)
            _sealed_key(await _in_thread(file.head, _HEADER_BYTES))
            await self._store.put(address, file.path)
        finally:
            await _in_thread(file.discard)

    async def _take(self, file: "_SealedFile", chunks: AsyncIterator[bytes]) -> None:
        size, batch = 0, bytearray()
        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_file:
                raise FileTooLarge(self._max_file)
            batch += chunk
            if len(batch) >= _PIECE_BYTES:
                await _in_thread(file.write, bytes(batch))
                batch.clear()
        if not size:
            raise EmptyFile("the file is empty")
        await _in_thread(file.write, bytes(batch))

    async def _holds(self, address: str, size: int) -> bool:
        """Tell whether the file is there to be read.

        One that was cut, or whose key went with an older database, is stored anew instead.
        """
        if await self._store.size(address) != size:
            return False
        with suppress(AttachmentDamaged, AttachmentMissing):
            async with aclosing(self._store.get(address)) as pieces:
                await self._cipher(address, (await anext(pieces, b""))[:_HEADER_BYTES])
                return True
        return False

    async def _cipher(self, address: str, header: bytes) -> AESGCM:
        try:
            return AESGCM(await self._vault.open(_sealed_key(header), _context(address)))
        except KeysError as error:
            raise AttachmentDamaged(f"the attachment's key does not open: {error}") from None


class _ScratchFile:
    """A file under way, locked while its process lives; its methods block."""

    path: Path
    file: BinaryIO

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_open = False

    def open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while not self._is_open:
            self.path = self._folder / secrets.token_hex(16)
            number = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self.file = os.fdopen(number, "w+b")
            fcntl.flock(number, fcntl.LOCK_EX)
            # A start elsewhere may have dropped the file before it was locked.
            self._is_open = os.fstat(number).st_nlink > 0
            if not self._is_open:
                self.file.close()

    def head(self, count: int) -> bytes:
        """Write everything out and return the first bytes."""
        self.file.seek(0)
        return self.file.read(count)

    def discard(self) -> None:
        """Close the file and remove it, if it has not been moved."""
        if self._is_open:
            self.path.unlink(missing_ok=True)
            with suppress(OSError):  # on a full disk the last flush fails again
                self.file.close()


class _SealedFile(_ScratchFile):
    """Seals content as it comes, and tells its size, digest and media type."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.key = AESGCM.generate_key(256)
        self.size = 0
        self._cipher = AESGCM(self.key)
        self._number = 0
        self._pending = bytearray()
        self._digest = hashlib.sha256()
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def open(self) -> None:
        super().open()
        self.file.write(bytes(_HEADER_BYTES))  # its place; the key is sealed to the address

    def write(self, content: bytes) -> None:
        self.size += len(content)
        self._digest.update(content)
        self._head += content[: _HEAD_BYTES - len(self._head)]
        self._look_for_text(content)
        self._pending += content
        while len(self._pending) > _CHUNK_BYTES:
            self._seal(bytes(self._pending[:_CHUNK_BYTES]), last=False)
            del self._pending[:_CHUNK_BYTES]

    def finish(self, header: bytes) -> int:
        """Seal the last chunk, write the header, return the size of the encrypted file."""
        self._look_for_text(b"", last=True)
        self._seal(bytes(self._pending), last=True)
        size = self.file.tell()
        self.file.seek(0)
        self.file.write(header)
        self.file.flush()
        return size

    def content_digest(self) -> str:
        return self._digest.hexdigest()

    def media_type(self) -> str:
        found: str | None = filetype.guess_mime(self._head)
        return found or ("text/plain" if self._is_text else "application/octet-stream")

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self.file.write(self._cipher.encrypt(_nonce(self._number, last), chunk, None))
        self._number += 1

    def _look_for_text(self, content: bytes, *, last: bool = False) -> None:
        if self._is_text:
            try:
                self._decoder.decode(content, last)
            except UnicodeDecodeError:
                self._is_text = False
            self._is_text = self._is_text and b"\0" not in content


def clean_name(name: str) -> str:
    """Return a citizen's file name fit to be shown: no path, no control characters, 200 at most."""
    kept = "".join(c for c in name if unicodedata.category(c) not in _NOT_IN_NAMES)
    last = re.split(r"[/\\]", kept)[-1].strip()[:_NAME_CHARACTERS].strip()
    return "attachment" if last in {"", ".", ".."} else last


def _context(address: str) -> str:
    return f"attachment/{address}"


def _header(sealed_key: bytes) -> bytes:
    header = _MAGIC + bytes([_VERSION]) + len(sealed_key).to_bytes(2, "big") + sealed_key
    if len(header) > _HEADER_BYTES:
        raise ValueError("the sealed key does not fit into an attachment's header")
    return header.ljust(_HEADER_BYTES, b"\0")


def _sealed_key(header: bytes) -> bytes:
    if len(header) != _HEADER_BYTES or not header.startswith(_MAGIC):
        raise AttachmentDamaged("this is not an attachment of Jiesu")
    if header[len(_MAGIC)] != _VERSION:
        raise AttachmentDamaged(f"attachment format {header[len(_MAGIC)]} is not known here")
    end = _KEY_AT + int.from_bytes(header[_KEY_AT - 2 : _KEY_AT], "big")
    if end > _HEADER_BYTES or any(header[end:]):
        raise AttachmentDamaged("the attachment's header has been changed")
    return header[_KEY_AT:end]


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _open(cipher: AESGCM, number: int, sealed: bytes, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last), sealed, None)
    except InvalidTag:
        message = f"the attachment was cut, extended or changed at or after chunk {number}"
        raise AttachmentDamaged(message) from None


def _drop_leftovers(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.iterdir():
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a living process holds its own
            path.unlink(missing_ok=True)


def _try_writing(folder: Path) -> None:
    trial = _ScratchFile(folder)
    try:
        trial.open()
    finally:
        trial.discard()


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


async def _in_thread(work: Callable[..., R], *arguments: Any) -> R:
    """Run it in a thread; wait for its end even if cancelled: a file has one user at a time."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        running.exception()  # seen, or asyncio complains that nobody looked
        raise
