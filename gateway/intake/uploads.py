"""Files that come piece by piece, over lines that break: kept encrypted until an appeal has them.

Each upload is a folder, named by a keyed hash of its token: `about`, and one sealed piece for each
stretch that came, named by the offset of its first byte. What has been flushed counts, so that an
upload goes on after a broken line as after a crash. Processes that share the folder share uploads.
"""

import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from channels.message import Attachment
from gateway.accounts.keys import SEAL_BYTES, KeysError, Vault
from gateway.clock import Clock
from gateway.durable import flush
from gateway.intake.attachments import Attachments
from gateway.intake.attachments.keeping import clean_name
from gateway.intake.attachments.scratch import in_thread

log = structlog.get_logger(__name__)
PIECE_BYTES: Final = 1024 * 1024
KEPT_FOR: Final = timedelta(hours=24)
_SWEEP_SECONDS: Final = 600.0
_TOKEN_BYTES: Final = 24
_ABOUT: Final = "about"
_STORED: Final = "stored"
_OFFSET_DIGITS: Final = 15
_MOST_FILLED: Final = 0.95
"""Share of the disk beyond which no upload is begun: tickets need the rest."""


class NoSuchUpload(LookupError):
    """There is no upload with this token, or not any more."""


class OffsetConflict(Exception):
    """The next piece must begin where the upload ends by now."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload has {offset} bytes")
        self.offset = offset


class UploadUnfinished(Exception):
    """Not all of it has come yet."""


class UploadsFull(OSError):
    """The disk has no room for it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as far as it has come."""

    name: str
    length: int
    """Bytes of the whole file."""
    offset: int
    """Bytes that are kept for good."""
    folder: Path


class Uploads:
    """Takes, keeps and hands over uploads; all methods raise `OSError` where the disk fails."""

    def __init__(self, folder: Path, attachments: Attachments, vault: Vault, clock: Clock) -> None:
        self._folder = folder
        self._attachments = attachments
        self._vault = vault
        self._clock = clock

    async def begin(self, name: str, length: int) -> str:
        """Return the token of a new upload of so many bytes; raise `UploadsFull`."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        folder = self._place(token)
        about = {"name": clean_name(name), "length": length, "at": self._clock.now().isoformat()}
        sealed = self._vault.seal(orjson.dumps(about), _context(folder, _ABOUT))
        await in_thread(self._begin, folder, sealed, length)
        return token

    async def find(self, token: str) -> Upload:
        """Return the upload; raise `NoSuchUpload`."""
        folder = self._place(token)
        about = await self._read(folder, _ABOUT)
        if about is None or datetime.fromisoformat(about["at"]) + KEPT_FOR <= self._clock.now():
            raise NoSuchUpload
        length: int = about["length"]
        stored = await in_thread((folder / _STORED).exists)
        offset = length if stored else await in_thread(self._offset, folder)
        return Upload(about["name"], length, offset, folder)

    async def append(self, upload: Upload, piece: bytes) -> Upload:
        """Keep the next piece for good and return how far it is now; raise `OffsetConflict`.

        A piece has at most `PIECE_BYTES`, and the caller lets none go beyond `length`.
        """
        name = f"{upload.offset:0{_OFFSET_DIGITS}d}"
        sealed = self._vault.seal(piece, _context(upload.folder, name))
        if not await in_thread(_write_new, upload.folder, name, sealed):
            raise OffsetConflict(await in_thread(self._offset, upload.folder))
        end = upload.offset + len(piece)
        return Upload(upload.name, upload.length, end, upload.folder)

    async def take(self, token: str) -> Attachment:
        """Return the whole file as an attachment; again, it is the same one.

        Raises `NoSuchUpload` and `UploadUnfinished`, and what `Attachments.keep` raises.
        """
        upload = await self.find(token)
        if upload.offset < upload.length:
            raise UploadUnfinished
        stored = await self._read(upload.folder, _STORED)
        if stored is not None:
            return Attachment(**stored)
        kept = await self._attachments.keep(upload.name, self._pieces(upload.folder))
        fields = {name: getattr(kept, name) for name in ("address", "size", "media_type", "name")}
        sealed = self._vault.seal(orjson.dumps(fields), _context(upload.folder, _STORED))
        await in_thread(_write_new, upload.folder, _STORED, sealed)
        await in_thread(self._drop_pieces, upload.folder)
        return kept

    async def sweep_endlessly(self) -> None:
        """Remove what nobody has filed in a day, every ten minutes until cancelled."""
        while True:
            try:
                await self.sweep()
            except (OSError, SQLAlchemyError) as error:
                log.warning("uploads cannot be looked after", error=type(error).__name__)
            await self._clock.sleep(_SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Remove the uploads whose day is over, and those that cannot be read."""
        for folder in await in_thread(self._folders):
            about = await self._read(folder, _ABOUT)
            if about is None or datetime.fromisoformat(about["at"]) + KEPT_FOR <= self._clock.now():
                await in_thread(shutil.rmtree, folder, True)

    async def _pieces(self, folder: Path) -> AsyncIterator[bytes]:
        for name in await in_thread(_pieces_in, folder):
            sealed = await in_thread((folder / name).read_bytes)
            yield await self._vault.open(sealed, _context(folder, name))

    async def _read(self, folder: Path, name: str) -> dict[str, Any] | None:
        try:
            sealed = await in_thread((folder / name).read_bytes)
            document: dict[str, Any] = orjson.loads(
                await self._vault.open(sealed, _context(folder, name))
            )
        except (FileNotFoundError, KeysError):
            return None
        return document

    def _place(self, token: str) -> Path:
        return self._folder / self._vault.digest("upload", token).hex()

    def _begin(self, folder: Path, sealed: bytes, length: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk = shutil.disk_usage(self._folder)
        if disk.used + length > (disk.used + disk.free) * _MOST_FILLED:
            raise UploadsFull
        # Under another name first: nobody shall see it without what it is about.
        draft = folder.with_suffix(".new")
        draft.mkdir(mode=0o700)
        _write_new(draft, _ABOUT, sealed)
        draft.rename(folder)
        flush(self._folder)

    def _folders(self) -> list[Path]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return list(self._folder.iterdir())

    def _offset(self, folder: Path) -> int:
        names = _pieces_in(folder)
        if not names:
            return 0
        return int(names[-1]) + (folder / names[-1]).stat().st_size - SEAL_BYTES

    def _drop_pieces(self, folder: Path) -> None:
        for name in _pieces_in(folder):
            (folder / name).unlink(missing_ok=True)


def _pieces_in(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return sorted(path.name for path in folder.iterdir() if path.name.isdecimal())
    return []


def _write_new(folder: Path, name: str, content: bytes) -> bool:
    """Write a file for good, whole or not at all; return False where it is there already."""
    draft = folder / f"draft-{secrets.token_hex(8)}"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, folder / name)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    flush(folder)
    return True


def _context(folder: Path, name: str) -> str:
    return f"upload/{folder.name}/{name}"
