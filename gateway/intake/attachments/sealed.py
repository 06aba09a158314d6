"""The format of a stored file: a header with the sealed key, then chunks, each authenticated."""

import codecs
import hashlib
import os
from pathlib import Path
from typing import Final

import filetype  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.intake.attachments.errors import AttachmentDamaged
from gateway.intake.attachments.scratch import ScratchFile

HEADER_BYTES: Final = 128
_MAGIC: Final = b"JIESUAT"
_VERSION: Final = 1
_KEY_AT: Final = len(_MAGIC) + 3
CHUNK_BYTES: Final = 64 * 1024
SEALED_BYTES: Final = CHUNK_BYTES + 16
_HEAD_BYTES: Final = 8 * 1024
_FLUSHED_EVERY: Final = 4 * 1024 * 1024
"""Bytes after which what is written goes to the disk: the last flush of a large file would have
others' commits wait behind hundreds of megabytes."""


class SealedFile(ScratchFile):
    """Seals content as it comes, and tells its size, digest and media type."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.key = AESGCM.generate_key(256)
        self.size = 0
        self._flushed = 0
        self._cipher = AESGCM(self.key)
        self._number = 0
        self._pending = bytearray()
        self._digest = hashlib.sha256()
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def open(self) -> None:
        """Create and lock the file, and leave room for the header."""
        super().open()
        self.file.write(bytes(HEADER_BYTES))  # its place; the key is sealed to the address

    def write(self, content: bytes) -> None:
        """Take the next bytes of the content."""
        self.size += len(content)
        self._digest.update(content)
        self._head += content[: _HEAD_BYTES - len(self._head)]
        self._look_for_text(content)
        self._pending += content
        while len(self._pending) > CHUNK_BYTES:
            self._seal(bytes(self._pending[:CHUNK_BYTES]), last=False)
            del self._pending[:CHUNK_BYTES]
        if self.size - self._flushed >= _FLUSHED_EVERY:
            self._flushed = self.size
            self.file.flush()
            os.fdatasync(self.file.fileno())

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
        """Return the SHA-256 of what was written, in hexadecimal digits."""
        return self._digest.hexdigest()

    def media_type(self) -> str:
        """Tell the media type from the content."""
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


def header_of(sealed_key: bytes) -> bytes:
    """Return the header that holds this key."""
    header = _MAGIC + bytes([_VERSION]) + len(sealed_key).to_bytes(2, "big") + sealed_key
    if len(header) > HEADER_BYTES:
        raise ValueError("the sealed key does not fit into an attachment's header")
    return header.ljust(HEADER_BYTES, b"\0")


def sealed_key_of(header: bytes) -> bytes:
    """Return the key that a header holds; raise `AttachmentDamaged`."""
    if len(header) != HEADER_BYTES or not header.startswith(_MAGIC):
        raise AttachmentDamaged("this is not an attachment of Jiesu")
    if header[len(_MAGIC)] != _VERSION:
        raise AttachmentDamaged(f"attachment format {header[len(_MAGIC)]} is not known here")
    end = _KEY_AT + int.from_bytes(header[_KEY_AT - 2 : _KEY_AT], "big")
    if end > HEADER_BYTES or any(header[end:]):
        raise AttachmentDamaged("the attachment's header has been changed")
    return header[_KEY_AT:end]


def content_size(stored: int) -> int:
    """Return how many bytes of content a file has that takes so many as it is stored."""
    sealed = max(stored - HEADER_BYTES, 0)
    return sealed - (SEALED_BYTES - CHUNK_BYTES) * -(-sealed // SEALED_BYTES)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def open_chunk(cipher: AESGCM, number: int, sealed: bytes, *, last: bool) -> bytes:
    """Return a chunk's content; raise `AttachmentDamaged` where it is not what was sealed."""
    try:
        return cipher.decrypt(_nonce(number, last), sealed, None)
    except InvalidTag:
        message = f"the attachment was cut, extended or changed at or after chunk {number}"
        raise AttachmentDamaged(message) from None
