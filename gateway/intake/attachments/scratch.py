"""Files under way: locked while their process lives, swept after it; and the work in threads."""

import asyncio
import fcntl
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

PIECE_BYTES: Final = 256 * 1024

R = TypeVar("R")


class ScratchFile:
    """A file under way, locked while its process lives; its methods block."""

    path: Path
    file: BinaryIO

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_open = False

    def open(self) -> None:
        """Create the file under a name of its own and lock it."""
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


def drop_leftovers(folder: Path) -> None:
    """Remove the files in the folder whose processes are gone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.iterdir():
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a living process holds its own
            path.unlink(missing_ok=True)


def try_writing(folder: Path) -> None:
    """Write and remove a file; raise `OSError` where that fails."""
    trial = ScratchFile(folder)
    try:
        trial.open()
    finally:
        trial.discard()


async def in_thread(work: Callable[..., R], *arguments: Any) -> R:
    """Run it in a thread; wait for its end even if cancelled: a file has one user at a time."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        running.exception()  # seen, or asyncio complains that nobody looked
        raise
