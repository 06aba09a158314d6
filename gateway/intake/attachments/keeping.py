"""Keeping and reading files, over whichever store."""

import re
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from channels.message import Attachment
from gateway.accounts.keys import KeysError, Vault
from gateway.intake.attachments.errors import (
    AttachmentDamaged,
    AttachmentMissing,
    EmptyFile,
    FileTooLarge,
)
from gateway.intake.attachments.scratch import (
    PIECE_BYTES,
    ScratchFile,
    drop_leftovers,
    in_thread,
    try_writing,
)
from gateway.intake.attachments.sealed import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_BYTES,
    SealedFile,
    content_size,
    header_of,
    open_chunk,
    sealed_key_of,
)
from gateway.intake.attachments.store import ADDRESS, AttachmentStore

_NAME_CHARACTERS: Final = 200
# Control and format characters (a right-to-left override among them), surrogates, line breaks.
_NOT_IN_NAMES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Attachments:
    """Keeps and reads files in a store; `max_file` is the largest, in bytes."""

    def __init__(self, store: AttachmentStore, vault: Vault, scratch: Path, max_file: int) -> None:
        self._store = store
        self._vault = vault
        self._scratch = scratch
        self._max_file = max_file

    async def start(self) -> None:
        """Remove what crashed processes have left; files under way in living ones stay."""
        await in_thread(drop_leftovers, self._scratch)
        await self._store.start()

    async def ping(self) -> None:
        """Raise `OSError` where nothing can be kept now."""
        await in_thread(try_writing, self._scratch)
        await self._store.ping()

    async def keep(self, name: str, chunks: AsyncIterator[bytes]) -> Attachment:
        """Store the file for good and return where it lies.

        Raises `FileTooLarge` as soon as one byte too many arrives, `EmptyFile`, `OSError`;
        nothing is left behind then, nor when this is cancelled or `chunks` raises.
        """
        file = SealedFile(self._scratch)
        try:
            await in_thread(file.open)
            await self._take(file, chunks)
            address = self._vault.digest("attachment", file.content_digest()).hex()
            key = self._vault.seal(file.key, _context(address))
            stored = await in_thread(file.finish, header_of(key))
            if not await self._holds(address, stored):
                await self._store.put(address, file.path)
            return Attachment(address, file.size, file.media_type(), clean_name(name))
        finally:
            await in_thread(file.discard)

    async def read(self, address: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the content from `start` on in chunks of up to 64 KiB, each checked before.

        Raises `AttachmentMissing`; `AttachmentDamaged`, for a file that was cut only at its
        end: what was read is the whole file only when the iteration has ended by itself.
        """
        if not ADDRESS.fullmatch(address):
            raise AttachmentMissing(f"{address!a} is not the address of an attachment")
        async with aclosing(self._store.get(address)) as pieces:
            sealed = bytearray(await anext(pieces, b""))
            if len(sealed) < HEADER_BYTES:
                raise AttachmentDamaged("the attachment is shorter than its header")
            cipher = await self._cipher(address, bytes(sealed[:HEADER_BYTES]))
            del sealed[:HEADER_BYTES]
            if start < CHUNK_BYTES:
                opened = _opened(cipher, 0, sealed, pieces)
                async for chunk in _from(start, opened):
                    yield chunk
                return
        number, inside = divmod(start, CHUNK_BYTES)
        later = self._store.get(address, HEADER_BYTES + number * SEALED_BYTES)
        async with aclosing(later) as pieces:
            async for chunk in _from(inside, _opened(cipher, number, bytearray(), pieces)):
                yield chunk

    async def size(self, address: str) -> int | None:
        """Return how many bytes the content has, None where there is no such file."""
        stored = await self._store.size(address) if ADDRESS.fullmatch(address) else None
        return None if stored is None else content_size(stored)

    async def addresses(self) -> AsyncGenerator[str, None]:
        """Yield the address of every file that is stored."""
        async for address in self._store.addresses():
            yield address

    async def export(self, address: str) -> AsyncGenerator[bytes, None]:
        """Yield the file as it is stored, encrypted; raise `AttachmentMissing`."""
        if not ADDRESS.fullmatch(address):
            raise AttachmentMissing(f"{address!a} is not the address of an attachment")
        async with aclosing(self._store.get(address)) as pieces:
            async for piece in pieces:
                yield piece

    async def import_(self, address: str, chunks: AsyncIterator[bytes]) -> None:
        """Store what `export` gave, for good, replacing what is there.

        Raises `AttachmentDamaged` where it is no attachment of Jiesu. Only `read` shows whether
        it is whole: that needs the data keys, and a restore may bring these later.
        """
        if not ADDRESS.fullmatch(address):
            raise AttachmentDamaged(f"{address!a} is not the address of an attachment")
        file = ScratchFile(self._scratch)
        try:
            await in_thread(file.open)
            async for chunk in chunks:
                await in_thread(file.file.write, chunk)
            sealed_key_of(await in_thread(file.head, HEADER_BYTES))
            await self._store.put(address, file.path)
        finally:
            await in_thread(file.discard)

    async def _take(self, file: SealedFile, chunks: AsyncIterator[bytes]) -> None:
        size, batch = 0, bytearray()
        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_file:
                raise FileTooLarge(self._max_file)
            batch += chunk
            if len(batch) >= PIECE_BYTES:
                await in_thread(file.write, bytes(batch))
                batch.clear()
        if not size:
            raise EmptyFile("the file is empty")
        await in_thread(file.write, bytes(batch))

    async def _holds(self, address: str, size: int) -> bool:
        """Tell whether the file is there to be read.

        One that was cut, or whose key went with an older database, is stored anew instead.
        """
        if await self._store.size(address) != size:
            return False
        with suppress(AttachmentDamaged, AttachmentMissing):
            async with aclosing(self._store.get(address)) as pieces:
                await self._cipher(address, (await anext(pieces, b""))[:HEADER_BYTES])
                return True
        return False

    async def _cipher(self, address: str, header: bytes) -> AESGCM:
        try:
            return AESGCM(await self._vault.open(sealed_key_of(header), _context(address)))
        except KeysError as error:
            raise AttachmentDamaged(f"the attachment's key does not open: {error}") from None


async def _opened(
    cipher: AESGCM, number: int, sealed: bytearray, pieces: AsyncIterator[bytes]
) -> AsyncGenerator[bytes, None]:
    """Yield the content of chunk `number` and those after it; `sealed` was read already."""
    more = True
    while more:
        while len(sealed) > SEALED_BYTES:
            yield open_chunk(cipher, number, bytes(sealed[:SEALED_BYTES]), last=False)
            del sealed[:SEALED_BYTES]
            number += 1
        piece = await anext(pieces, b"")
        sealed += piece
        more = bool(piece)
    yield open_chunk(cipher, number, bytes(sealed), last=True)


async def _from(start: int, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield chunks without the first `start` bytes of the first one."""
    async for chunk in chunks:
        if rest := chunk[start:]:
            yield rest
        start = 0


def clean_name(name: str) -> str:
    """Return a citizen's file name fit to be shown: no path, no control characters, 200 at most."""
    kept = "".join(c for c in name if unicodedata.category(c) not in _NOT_IN_NAMES)
    last = re.split(r"[/\\]", kept)[-1].strip()[:_NAME_CHARACTERS].strip()
    return "attachment" if last in {"", ".", ".."} else last


def _context(address: str) -> str:
    return f"attachment/{address}"
