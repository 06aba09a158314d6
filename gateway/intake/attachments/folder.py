"""Attachments in a folder."""

import errno
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import BinaryIO

from gateway.durable import flush
from gateway.intake.attachments.errors import AttachmentMissing
from gateway.intake.attachments.scratch import (
    PIECE_BYTES,
    ScratchFile,
    drop_leftovers,
    in_thread,
    try_writing,
)
from gateway.intake.attachments.store import ADDRESS


class FolderStore:
    """`AttachmentStore` in a folder: `ab/cd/<address>`, readable by the owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arriving = folder / ".arriving"

    async def start(self) -> None:
        """Drop copies that a crash has left half written."""
        await in_thread(drop_leftovers, self._arriving)

    async def ping(self) -> None:
        """Write and remove a file."""
        await in_thread(try_writing, self._arriving)

    async def size(self, address: str) -> int | None:
        """Return the size in bytes, None where there is no such file."""
        return await in_thread(self._size, address)

    async def put(self, address: str, file: Path) -> None:
        """Flush the file, move it to its place and flush the folders."""
        await in_thread(self._put, address, file)

    async def get(self, address: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the file's bytes from `start` on."""
        try:
            file: BinaryIO = await in_thread(self._place(address).open, "rb")
        except FileNotFoundError:
            raise AttachmentMissing(f"no attachment {address}") from None
        with file:
            if start:
                await in_thread(file.seek, start)
            while piece := await in_thread(file.read, PIECE_BYTES):
                yield piece

    async def addresses(self) -> AsyncGenerator[str, None]:
        """Yield the addresses in order."""
        for first in range(256):
            for address in await in_thread(self._addresses, f"{first:02x}"):
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
        flush(file)
        try:
            file.replace(place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(file, place)
        self._flush_folders(place)

    def _copy(self, file: Path, place: Path) -> None:
        """Move across file systems, so that nobody ever sees half a file."""
        copy = ScratchFile(self._arriving)
        try:
            copy.open()
            with file.open("rb") as source:
                shutil.copyfileobj(source, copy.file, PIECE_BYTES)
            copy.file.flush()
            flush(copy.path)
            copy.path.replace(place)
        finally:
            copy.discard()

    def _flush_folders(self, place: Path) -> None:
        for folder in (*place.parents[:3], self._folder.parent):
            flush(folder)

    def _addresses(self, first: str) -> list[str]:
        found = (path.name for path in (self._folder / first).glob("??/*"))
        return sorted(name for name in found if ADDRESS.fullmatch(name))
