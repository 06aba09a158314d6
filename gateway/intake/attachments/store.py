"""The port to where encrypted files lie."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Final, Protocol

ADDRESS: Final = re.compile(r"[0-9a-f]{64}")


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

    def get(self, address: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` on, each piece but the last at least 4 KiB.

        Raises `AttachmentMissing`.
        """
        ...

    def addresses(self) -> AsyncIterator[str]:
        """Yield every address that is stored."""
        ...
