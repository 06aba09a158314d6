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

from gateway.intake.attachments.errors import (
    AttachmentDamaged,
    AttachmentError,
    AttachmentMissing,
    EmptyFile,
    FileTooLarge,
)
from gateway.intake.attachments.folder import FolderStore
from gateway.intake.attachments.keeping import Attachments, clean_name
from gateway.intake.attachments.store import AttachmentStore

__all__ = [
    "AttachmentDamaged",
    "AttachmentError",
    "AttachmentMissing",
    "AttachmentStore",
    "Attachments",
    "EmptyFile",
    "FileTooLarge",
    "FolderStore",
    "clean_name",
]
