"""The backup file: a gzipped tar of members and, last, a manifest with their SHA-256."""

import hashlib
import os
import re
import tarfile
import tempfile
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.durable import flush

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_PIECE: Final = 256 * 1024
_MOST_MANIFEST: Final = 1 << 30
_MEMBER: Final = re.compile(
    r"tables/[a-z_]+\.jsonl|attachments/[0-9a-f]{64}|catalogue(/(?!\.\.?(/|$))[^/\0]+)+"
)


class BackupError(Exception):
    """A backup cannot be taken or restored; the message says why and what to do."""


class Manifest(BaseModel):
    """What a backup holds, and what must be at hand to restore it."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1]
    revision: str
    taken_at: datetime
    rows: dict[str, int]
    sha256: dict[str, str]
    fingerprints: dict[str, str]


@dataclass(slots=True)
class ArchiveWriter:
    """Adds members to a backup one after the other; each is spooled, since a tar wants sizes."""

    tar: tarfile.TarFile
    spool: str
    at: datetime
    sha256: dict[str, str] = field(default_factory=dict)

    async def add(self, name: str, pieces: AsyncIterable[bytes]) -> None:
        """Append a member with this content."""
        digest = hashlib.sha256()
        with tempfile.SpooledTemporaryFile(max_size=4 * _PIECE, dir=self.spool) as file:
            async for piece in pieces:
                digest.update(piece)
                file.write(piece)
            self._append(name, file)
        self.sha256[name] = digest.hexdigest()

    def finish(self, manifest: Manifest) -> None:
        """Append the manifest, without which a file is no backup."""
        with tempfile.SpooledTemporaryFile(max_size=_PIECE, dir=self.spool) as file:
            file.write(manifest.model_dump_json(indent=1).encode())
            self._append(_MANIFEST, file)

    def _append(self, name: str, file: IO[bytes]) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = file.tell(), 0o600, int(self.at.timestamp())
        file.seek(0)
        self.tar.addfile(entry, file)


@contextmanager
def create_archive(path: Path, at: datetime) -> Iterator[ArchiveWriter]:
    """Write a backup beside its place and move it there, flushed, only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as tar:
                yield ArchiveWriter(tar, str(path.parent), at)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    flush(path.parent)


def check_archive(path: Path) -> Manifest:
    """Read the whole backup and return its manifest; raise `BackupError` where anything is amiss.

    The digests show damage, not forgery: keep backups where only their owner can write.
    """
    found: dict[str, str] = {}
    manifest: Manifest | None = None
    try:
        for name, file in members(path):
            if name == _MANIFEST:
                manifest = Manifest.model_validate_json(file.read(_MOST_MANIFEST))
            elif name in found or not _MEMBER.fullmatch(name):
                raise BackupError(f"{path} holds {name!a}, which belongs in no backup")
            else:
                digest = hashlib.sha256()
                while piece := file.read(_PIECE):
                    digest.update(piece)
                found[name] = digest.hexdigest()
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{path} is cut short or damaged: {error}") from None
    except ValidationError:
        raise BackupError(
            f"{path} is not a backup of format {FORMAT}; a newer version may have made it"
        ) from None
    if manifest is None:
        raise BackupError(f"{path} has no manifest: it is not a backup, or was cut short")
    wanted = manifest.sha256
    if wrong := sorted(name for name in wanted if found.get(name) != wanted[name]):
        raise BackupError(f"{path} is damaged: {wrong[0]} is missing or not what was backed up")
    if strange := sorted(found.keys() - wanted.keys()):
        raise BackupError(f"{path} holds {strange[0]}, which its manifest does not name")
    return manifest


def members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield each file's name and content, to be read before the next; raise `BackupError`."""
    try:
        with tarfile.open(path, mode="r|gz") as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.isreg() else None
                if file is None:
                    raise BackupError(f"{path} holds {entry.name!a}, which is no plain file")
                yield entry.name, file
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BackupError(f"{path} cannot be read as a backup: {error}") from error


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a member's content."""
    while piece := file.read(_PIECE):
        yield piece
